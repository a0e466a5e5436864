import { NONE, type Psb, type Way } from './blocks.ts';
import { ERROR, NO_ROUTE, reportPathError } from './errors.ts';
import { pathPacket, rememberPath } from './journal.ts';
import { countFlow } from './neighbours/limits.ts';
import { emitPathUp, leaveBranch, sendPath, sendPathOn } from './path-state.ts';
import { resumePending } from './pending-resv.ts';
import { becomeOtherHop } from './previous-hop.ts';
import { mayGoTo, ROUTING_PROBLEM, strictNext, unreachable } from './route-objects.ts';
import { leavesBy } from './session.ts';
import { dropSpare, keepSpare, spareOn } from './spare-path.ts';
import { drop, newId, type EngineState, type EngineTimer } from './state.ts';
import { isArmed, newTimer } from './timer.ts';
import { lifetime, ROUTE_SETTLE_MS } from './timers.ts';
import { removeReservationsOn, tellOf } from './traffic-control.ts';
import type { EngineInput, EngineRoute } from './types.ts';
import { flushUpstream, leaveUpstream, reviewUpstream } from './upstream.ts';

type Answer = (EngineInput & { readonly type: 'route' })['route'];

/** Asks the kernel where the flow leaves; an answer to an earlier question no longer counts. */
export function askRoute(state: EngineState, psb: Psb): void {
  if (psb.queryId !== null) state.queries.delete(psb.queryId);
  psb.queryId = newId(state);
  state.queries.set(psb.queryId, psb);
  state.out.push({ type: 'queryRoute', queryId: psb.queryId, flow: psb.flow, via: strictNext(psb.contents) });
}

/** The way that PATH is to take is prescribed anew: nothing is worth waiting for but the answer where it leads. */
export function turn(state: EngineState, psb: Psb): void {
  psb.turning = psb.routed;
  askRoute(state, psb);
}

/** After a change of routes: all of them may have moved. */
export function askAllRoutes(state: EngineState): void {
  for (const psb of state.psbs.values()) askRoute(state, psb);
}

export function routeAnswered(state: EngineState, queryId: number, answer: Answer): void {
  const psb = state.queries.get(queryId);
  if (psb === undefined) return;
  state.queries.delete(queryId);
  psb.queryId = null;
  const promoted = promote(state, psb, answer);
  const usableWay = usable(state, psb, answer);
  const way = usableWay && state.shared.ways.of(usableWay);
  if (!psb.routed) return firstRoute(state, psb, way);
  if (promoted) {
    stopSettling(state, psb);
    moveRoute(state, psb, way);
    return sendPath(state, psb, 'change');
  }
  const turned = psb.turning;
  psb.turning = false;
  if (turned) {
    stopSettling(state, psb);
    return moveRoute(state, psb, way);
  }
  if (psb.settling !== null && sameWay(psb.settling.way, way)) return;
  const settled = stopSettling(state, psb);
  if (!sameWay(psb.way, way)) changeRoute(state, psb, way);
  else if (way === null) reportNoRoute(state, psb);
  else if (settled) sendPath(state, psb, 'refresh');
}

/**
 * The part of an answer that can be used: no interface that is not known, none back where PATH came from (RFC 2205 3.3),
 * and for a group none while its PATH does not come in where routing says.
 */
function usable(state: EngineState, psb: Psb, answer: Answer): Way | null {
  if (answer === null) return null;
  if (!('outgoing' in answer))
    return psb.session.multicast ? hostWay(state, psb, answer) : unicastWay(state, psb, answer);
  const { incoming, local } = answer;
  const misplaced = incoming !== null && psb.hop !== null && psb.hop.interface !== incoming;
  const names = misplaced ? NONE : answer.outgoing.filter((name) => name !== psb.hop?.interface);
  const known = names.filter((name) => state.interfaces.has(name));
  return { incoming, local, branches: known.map((name) => ({ interface: name, gateway: null })) };
}

/** A host that forwards no groups sends its own by the interface that routing gives, and takes others' for itself. */
function hostWay(state: EngineState, psb: Psb, { interface: name }: EngineRoute): Way {
  const sends = psb.hop === null && state.interfaces.has(name);
  return { incoming: null, local: !sends, branches: sends ? [{ interface: name, gateway: null }] : NONE };
}

function unicastWay(state: EngineState, psb: Psb, { interface: name, gateway, local }: EngineRoute): Way | null {
  if (local) return { incoming: null, branches: NONE, local };
  if (psb.hop?.interface === name) {
    drop(state, 'routeLoop');
    return null;
  }
  if (!state.interfaces.has(name)) return null;
  // The next node of a prescribed way is on the link, and need not be called a gateway.
  const next = gateway ?? strictNext(psb.contents);
  if (!mayGoTo(psb.contents, next ?? psb.flow.destination)) return null;
  return { incoming: null, branches: [{ interface: name, gateway: next }], local };
}

/** There is no way on: none at all, or none to the next node of the prescribed way (RFC 3209 4.3.4.1). */
function reportNoRoute(state: EngineState, psb: Psb): void {
  const value = unreachable(psb.contents);
  if (value !== null) reportPathError(state, psb, ROUTING_PROBLEM, value);
  else reportPathError(state, psb, ERROR.rsvpSystem, NO_ROUTE);
}

/** PATH that comes in where routing now says takes over from what was passed on until now (RFC 2209, PATH ARRIVES). */
function promote(state: EngineState, psb: Psb, answer: Answer): boolean {
  const incoming = answer !== null && 'incoming' in answer ? answer.incoming : null;
  const spare = incoming === null ? undefined : spareOn(psb, incoming);
  if (spare === undefined || psb.hop === null || psb.hop.interface === incoming) return false;
  dropSpare(state, psb, spare);
  keepSpare(state, psb, psb);
  const { hop, contents, ttl, refreshPeriod } = spare;
  countFlow(state, psb.hop, -1);
  countFlow(state, hop, 1);
  Object.assign(psb, { hop, contents, ttl, refreshPeriod });
  state.timers.set(psb.expiry, state.now + lifetime(refreshPeriod, state.settings.refreshPeriod));
  rememberPath(state, psb, pathPacket(state, psb, hop));
  return true;
}

const sameWay = (a: Way | null, b: Way | null): boolean =>
  a === null || b === null
    ? a === b
    : a.local === b.local &&
      a.incoming === b.incoming &&
      a.branches.length === b.branches.length &&
      a.branches.every((branch) => hasBranch(b, branch));

const hasBranch = (way: Way, branch: Way['branches'][number]): boolean =>
  way.branches.some((each) => each.interface === branch.interface && each.gateway === branch.gateway);

function firstRoute(state: EngineState, psb: Psb, way: Way | null): void {
  psb.way = way;
  psb.routed = true;
  emitPathUp(state, psb);
  if (way === null) reportNoRoute(state, psb);
  sendPath(state, psb, 'change');
  meetReservations(state, psb);
  resumePending(state, psb);
}

/** What is reserved or wanted for all senders, or for this one by name, is asked for towards it. */
function meetReservations(state: EngineState, psb: Psb): void {
  reviewUpstream(state, psb);
  flushUpstream(state);
  for (const tcsb of psb.session.shared) {
    if (tcsb.style !== 'WF' || !leavesBy(psb, tcsb.interface)) continue;
    for (const rsb of tcsb.rsbs) if (rsb.accepted !== null) tellOf(state, rsb, psb);
  }
}

/**
 * Local repair (RFC 2205 3.6): between two usable routes routing may settle for W first. Otherwise nothing is worth
 * waiting for; nor are branches that only come in addition.
 */
function changeRoute(state: EngineState, psb: Psb, way: Way | null): void {
  const { way: before } = psb;
  const standing = before?.branches.filter((branch) => state.interfaces.has(branch.interface)) ?? NONE;
  const leaving = way === null || standing.some((branch) => !hasBranch(way, branch));
  if (way === null || standing.length === 0 || !leaving || way.branches.length === 0) {
    return moveRoute(state, psb, way);
  }
  const timer = newTimer(SETTLED, psb);
  psb.settling = { timer, way };
  state.timers.cancel(psb.refresh);
  state.timers.set(timer, state.now + Math.min(ROUTE_SETTLE_MS, state.settings.refreshPeriod));
}

const SETTLED: EngineTimer<Psb> = {
  name: 'route settles',
  fire: (state, psb) => {
    const way = psb.settling?.way ?? null;
    psb.settling = null;
    moveRoute(state, psb, way);
  },
};

/** True when a route was settling, which now no longer matters. */
function stopSettling(state: EngineState, psb: Psb): boolean {
  if (psb.settling === null) return false;
  state.timers.cancel(psb.settling.timer);
  psb.settling = null;
  return true;
}

/**
 * Reservations on interfaces that are left go, the data no longer passes there. Where the flow goes on by others,
 * upstream nothing is torn for it: the reservation that comes back on the new way takes over before the old one times out.
 * State on the old way to one host times out, too: a tear would follow the new route. A group's branch is torn, since what
 * is sent by an interface needs no route.
 */
function moveRoute(state: EngineState, psb: Psb, way: Way | null): void {
  const before = psb.way;
  psb.way = way;
  const gone =
    before?.branches.filter((branch) => !way?.branches.some((b) => b.interface === branch.interface)) ?? NONE;
  const added = way?.branches.filter((branch) => before === null || !hasBranch(before, branch)) ?? NONE;
  // Before what hangs on the old way goes: why it goes is known first.
  if (way !== null) emitPathUp(state, psb);
  for (const { interface: name } of gone) {
    removeReservationsOn(state, psb, name, 'interface');
    becomeOtherHop(state, psb);
    leaveBranch(state, psb, name, psb.session.multicast);
  }
  const ended = before?.local === true && way?.local !== true;
  const moved = gone.length > 0 && added.length > 0;
  if ((!psb.session.multicast && (gone.length > 0 || ended)) || moved) leaveUpstreamUnlessWanted(state, psb);
  if (way === null) {
    flushUpstream(state);
    return reportNoRoute(state, psb);
  }
  if (psb.session.multicast && isArmed(psb.refresh) && !moved) {
    for (const branch of added) sendPathOn(state, psb, branch, true);
  } else sendPath(state, psb, 'change');
  meetReservations(state, psb);
}

/** What nothing asks for any more is left to time out; what is still asked for stays as it is. */
function leaveUpstreamUnlessWanted(state: EngineState, psb: Psb): void {
  if (psb.asked !== null) leaveUpstream(state, psb, false);
}
