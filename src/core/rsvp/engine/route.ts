import { ERROR, NO_ROUTE, reportPathError } from './errors.ts';
import { emitPathUp, sendPath } from './path-state.ts';
import type { Psb } from './psb.ts';
import { reserve } from './resv.ts';
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
  state.out.push({ type: 'queryRoute', queryId: psb.queryId, flow: psb.flow });
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
  if (!psb.routed) firstRoute(state, psb, route);
  else if (!sameRoute(psb.route, route)) moveRoute(state, psb, route);
  else if (route === null) reportPathError(state, psb, ERROR.rsvpSystem, NO_ROUTE);
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
  for (const arrived of waiting) reserve(state, arrived);
}

/**
 * Local repair (RFC 2205 3.6). Reservations on the old interface go, the data no longer passes there; upstream nothing
 * is torn, the reservation that comes back on the new way takes over before the old one times out. State on the old way
 * times out: a tear would follow the new route.
 */
function moveRoute(state: EngineState, psb: Psb, route: EngineRoute | null): void {
  const before = psb.route;
  psb.route = route;
  if (before !== null && (route === null || route.interface !== before.interface || route.local !== before.local)) {
    removeAllRsbs(state, psb, 'interface');
    stopUpstream(state, psb);
  }
  if (route === null) {
    state.timers.cancel(psb.settle);
    reportPathError(state, psb, ERROR.rsvpSystem, NO_ROUTE);
  } else if (route.local || before?.local) {
    emitPathUp(state, psb);
    passUpstream(state, psb, null);
    sendPath(state, psb, 'change');
  } else if (before === null || !state.interfaces.has(before.interface)) {
    // There is nothing left to settle: the old way cannot be used.
    sendPath(state, psb, 'change');
  } else {
    const wait = Math.min(ROUTE_SETTLE_MS, state.settings.refreshPeriod);
    state.timers.set(psb.settle, state.now + wait);
  }
}
