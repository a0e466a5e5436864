import { ERROR, NO_ROUTE, reportPathError } from './errors.ts';
import { emitPathUp, sendPath } from './path-state.ts';
import type { Psb } from './psb.ts';
import { abandonResv, reserve } from './resv.ts';
import { drop, newId, type EngineState } from './state.ts';
import { ROUTE_SETTLE_MS } from './timers.ts';
import { removeAllRsbs } from './traffic-control.ts';
import type { EngineRoute } from './types.ts';
import { passUpstream, stopUpstream } from './upstream.ts';

/** Asks the kernel where the flow leaves; an answer to an earlier question no longer counts. */
export function askRoute(state: EngineState, psb: Psb): void {
  if (psb.queryId !== null) state.queries.delete(psb.queryId);
  psb.queryId = newId(state);
  state.queries.set(psb.queryId, psb);
  state.out.push({ type: 'queryRoute', queryId: psb.queryId, flow: psb.flow, via: null });
}

/** After a change of routes: all of them may have moved. */
export function askAllRoutes(state: EngineState): void {
  for (const psb of state.psbs.values()) askRoute(state, psb);
}

export function routeAnswered(state: EngineState, queryId: number, answer: EngineRoute | null): void {
  const psb = state.queries.get(queryId);
  if (psb === undefined) return;
  state.queries.delete(queryId);
  psb.queryId = null;
  const route = usable(state, psb, answer);
  if (!psb.routed) return firstRoute(state, psb, route);
  if (psb.settling !== null && sameRoute(psb.settling.route, route)) return;
  const settled = stopSettling(state, psb);
  if (!sameRoute(psb.route, route)) changeRoute(state, psb, route);
  else if (route === null) reportPathError(state, psb, ERROR.rsvpSystem, NO_ROUTE);
  else if (settled) sendPath(state, psb, 'refresh');
}

/** A route through an interface that is not known, or back where PATH came from, is none (RFC 2205 3.3). */
function usable(state: EngineState, psb: Psb, route: EngineRoute | null): EngineRoute | null {
  if (route === null || route.local) return route;
  if (psb.hop?.interface === route.interface) {
    drop(state, 'routeLoop');
    return null;
  }
  return state.interfaces.has(route.interface) ? route : null;
}

const sameRoute = (a: EngineRoute | null, b: EngineRoute | null): boolean =>
  a === null || b === null ? a === b : a.interface === b.interface && a.gateway === b.gateway && a.local === b.local;

function firstRoute(state: EngineState, psb: Psb, route: EngineRoute | null): void {
  psb.route = route;
  psb.routed = true;
  emitPathUp(state, psb);
  if (route === null) reportPathError(state, psb, ERROR.rsvpSystem, NO_ROUTE);
  sendPath(state, psb, 'change');
  if (route?.local) passUpstream(state, psb, null);
  const waiting = [...psb.waiting.values()];
  psb.waiting.clear();
  for (const arrived of waiting) {
    reserve(state, arrived);
    // Played back after a restart, and the flow no longer leaves there.
    if (!psb.rsbs.has(arrived.nextHop)) abandonResv(state, arrived);
  }
}

/**
 * Local repair (RFC 2205 3.6): between two usable routes routing may settle for W first. Otherwise nothing is worth
 * waiting for.
 */
function changeRoute(state: EngineState, psb: Psb, route: EngineRoute | null): void {
  const { route: before } = psb;
  const usable = before !== null && !before.local && state.interfaces.has(before.interface);
  if (!usable || route === null || route.local) return moveRoute(state, psb, route);
  const timer = state.timers.create(() => {
    psb.settling = null;
    moveRoute(state, psb, route);
  }, 'route settles');
  psb.settling = { timer, route };
  state.timers.cancel(psb.refresh);
  state.timers.set(timer, state.now + Math.min(ROUTE_SETTLE_MS, state.settings.refreshPeriod));
}

/** True when a route was settling, which now no longer matters. */
function stopSettling(state: EngineState, psb: Psb): boolean {
  if (psb.settling === null) return false;
  state.timers.cancel(psb.settling.timer);
  psb.settling = null;
  return true;
}

/**
 * Reservations on the old interface go, the data no longer passes there. Upstream nothing is torn: the reservation that
 * comes back on the new way takes over before the old one times out. State on the old way times out, too: a tear would
 * follow the new route.
 */
function moveRoute(state: EngineState, psb: Psb, route: EngineRoute | null): void {
  const before = psb.route;
  psb.route = route;
  // Before what hangs on the old way goes: why it goes is known first.
  if (route !== null) emitPathUp(state, psb);
  if (before !== null && (route === null || route.interface !== before.interface || route.local !== before.local)) {
    removeAllRsbs(state, psb, 'interface');
    stopUpstream(state, psb);
  }
  if (route === null) return reportPathError(state, psb, ERROR.rsvpSystem, NO_ROUTE);
  if (route.local) passUpstream(state, psb, null);
  sendPath(state, psb, 'change');
}
