import type { Millis } from '../../base/units.ts';
import { composeAdspec } from './adspec.ts';
import { NONE, type Branch, type PathContents, type PreviousHop, type Psb } from './blocks.ts';
import { carriedBy } from './carried.ts';
import { forgetPath } from './journal.ts';
import { buildPath, buildPathTear, FIRST_TTL } from './messages.ts';
import { dropPending } from './pending-resv.ts';
import { forgetFlow } from './neighbours/latest.ts';
import { countFlow } from './neighbours/limits.ts';
import type { StatementKind } from './neighbours/neighbour.ts';
import { isSummarised, retract } from './neighbours/sent.ts';
import { unstand } from './neighbours/standing.ts';
import { nextNode } from './next-node.ts';
import { countPorts } from './ports.ts';
import { recordedAddresses, routeObjectsFor } from './route-objects.ts';
import { sendAlong } from './send.ts';
import { added, releaseSession, sessionFor, without } from './session.ts';
import { statementOf, type Statement } from './statement.ts';
import { drop, emit, type EngineState, type EngineTimer } from './state.ts';
import { isArmed, newTimer } from './timer.ts';
import { FAST_START_STEPS, refreshDelay } from './timers.ts';
import { removeReservationsOn, reservedNoMore } from './traffic-control.ts';
import { flowKeyText, type EngineEvent, type EngineInterface, type FlowKey } from './types.ts';
import { flushUpstream, leaveUpstream } from './upstream.ts';

export type PathDownCause = (EngineEvent & { readonly type: 'pathDown' })['cause'];

const REFRESH: EngineTimer<Psb> = { name: 'path refresh', fire: (state, psb) => sendPath(state, psb, 'refresh') };

/** Enters path state; the caller arms its time-out and asks for its route. */
export function createPsb(
  state: EngineState,
  flow: FlowKey,
  contents: PathContents,
  hop: PreviousHop | null,
  ttl: number,
  refreshPeriod: Millis,
  expiry: EngineTimer<Psb>,
): Psb {
  const session = sessionFor(state, flow);
  const psb: Psb = {
    session,
    flow,
    key: flowKeyText(flow),
    contents,
    hop,
    ttl,
    refreshPeriod,
    way: null,
    routed: false,
    queryId: null,
    sentOn: NONE,
    step: 0,
    turning: false,
    handle: 0,
    expiry: newTimer(expiry),
    refresh: newTimer(REFRESH),
    told: null,
    standing: null,
    standingId: 0,
    settling: null,
    spares: NONE,
    reservations: NONE,
    upstream: null,
    asked: null,
    blockade: null,
    reserved: false,
    reported: null,
    passing: null,
  };
  psb.expiry.subject = psb;
  psb.refresh.subject = psb;
  if (session.psbs.length === 0) countPorts(state, session, 1);
  if (session.psbs.length === 0) session.psbs = [psb];
  else session.psbs.push(psb);
  state.psbs.set(psb.key, psb);
  countFlow(state, hop, 1);
  return psb;
}

/** Deletes path state and the reservations that hang on it; upstream nothing is said, the path comes from there. */
export function removePath(state: EngineState, psb: Psb, cause: PathDownCause, tellDownstream: boolean): void {
  const { session } = psb;
  for (const name of psb.sentOn) leaveBranch(state, psb, name, tellDownstream);
  retract(state, psb);
  for (const timer of [psb.expiry, psb.refresh]) state.timers.cancel(timer);
  if (psb.settling !== null) state.timers.cancel(psb.settling.timer);
  for (const spare of psb.spares) state.timers.cancel(spare.expiry);
  leaveUpstream(state, psb, false);
  for (const { interface: name } of psb.way?.branches ?? NONE) removeReservationsOn(state, psb, name, 'pathDown');
  reservedNoMore(state, psb, 'pathDown');
  if (psb.queryId !== null) state.queries.delete(psb.queryId);
  unstand(psb);
  state.psbs.delete(psb.key);
  session.psbs.splice(session.psbs.indexOf(psb), 1);
  if (session.psbs.length === 0) countPorts(state, session, -1);
  countFlow(state, psb.hop, -1);
  dropPending(state, session);
  flushUpstream(state);
  forgetFlow(state, psb);
  forgetPath(state, psb);
  releaseSession(state, session);
  emit(state, { type: 'pathDown', flow: psb.flow, cause });
}

/** PATH REFRESH of RFC 2209. A `change` goes out for the first time and starts fast repetition. */
export function sendPath(state: EngineState, psb: Psb, why: 'change' | 'refresh'): void {
  state.timers.cancel(psb.refresh);
  // While a route settles the kernel may send either way, and the previous hop inside would name the wrong interface.
  if (psb.way === null || psb.settling !== null || psb.turning) return;
  const outs = psb.way.branches.filter((branch) => state.interfaces.has(branch.interface));
  if (outs.length === 0) return;
  if (sendTtl(psb) < 1) return drop(state, 'ttlExpired');
  psb.step = why === 'change' ? 0 : psb.step + 1;
  const unsaid = why === 'change' ? outs : outs.filter((branch) => !isNamed(state, psb, branch));
  // What summaries name needs no timer of its own: the neighbour's comes for all.
  if (unsaid.length === 0) return void (psb.step = FAST_START_STEPS);
  arm(state, psb);
  for (const branch of unsaid) sendPathOn(state, psb, branch, why === 'change');
}

const isNamed = (state: EngineState, psb: Psb, branch: Branch): boolean =>
  isSummarised(state, psb, branch.interface, nextNode(psb, branch));

function arm(state: EngineState, psb: Psb): void {
  const delay = refreshDelay(psb.step, state.settings.refreshPeriod, state.random);
  state.timers.set(psb.refresh, state.now + delay);
}

/** A copy for one branch, with its own previous hop and what its link adds to ADSPEC. */
export function sendPathOn(state: EngineState, psb: Psb, branch: Branch, trigger: boolean): void {
  const out = state.interfaces.get(branch.interface);
  if (out === undefined || sendTtl(psb) < 1) return;
  if (!psb.sentOn.includes(out.name)) {
    if (!psb.session.multicast) for (const name of psb.sentOn) leaveBranch(state, psb, name, false);
    psb.sentOn = added(psb.sentOn, out.name);
  }
  const { flow, contents } = psb;
  const adspec = contents.adspec && composeAdspec(contents.adspec, out, contents.tspec.maxPacketSize);
  const { refreshPeriod } = state.settings;
  const plain = buildPath(flow, contents, adspec, out.address, refreshPeriod, sendTtl(psb), psb.handle);
  const { explicitRoute, recordedRoute } = contents;
  const routed = explicitRoute !== null || recordedRoute !== null;
  const path = routed ? { ...plain, extensions: routeObjectsFor(psb, branch, out.address) } : plain;
  sendAlong(state, path, out, flow.source, flow.destination, stated(psb, branch, trigger));
}

/** PATH leaves by the interface no more. `tell`: whoever is there would else keep its state for a lifetime. */
export function leaveBranch(state: EngineState, psb: Psb, name: string, tell: boolean): void {
  if (tell) sendPathTear(state, psb, name);
  if (psb.told?.neighbour.interface === name) retract(state, psb);
  psb.sentOn = without(psb.sentOn, name);
}

const stated = (psb: Psb, branch: Branch, trigger: boolean): Statement =>
  statementOf(PATH, psb, trigger, nextNode(psb, branch));

const PATH: StatementKind<EngineState, Psb> = {
  again: (state, psb) => sendPath(state, psb, 'refresh'),
  renew: (state, psb, thorough) => {
    const branch = psb.way?.branches.find((each) => isNamed(state, psb, each));
    // Another node answers PATH now.
    if (branch === undefined) return sendPath(state, psb, 'refresh');
    if (thorough) sendPathOn(state, psb, branch, false);
    if (psb.told?.acknowledged !== true) PATH.alone(state, psb);
  },
  alone: (state, psb) => {
    if (!isArmed(psb.refresh)) arm(state, psb);
  },
};

function sendPathTear(state: EngineState, psb: Psb, name: string): void {
  const out: EngineInterface | undefined = state.interfaces.get(name);
  if (out === undefined) return;
  const branch = psb.way?.branches.find((each) => each.interface === name) ?? { interface: name, gateway: null };
  // PATH got further when its TTL was greater: whoever has its state hears of the end.
  const tear = buildPathTear(psb.flow, psb.contents, out.address, Math.max(1, sendTtl(psb)));
  sendAlong(state, tear, out, psb.flow.source, psb.flow.destination, stated(psb, branch, true));
}

const sendTtl = (psb: Psb): number => (psb.hop === null ? FIRST_TTL : psb.ttl - 1);

export function emitPathUp(state: EngineState, psb: Psb): void {
  const { tspec, adspec, nonRsvpHop } = psb.contents;
  const branch = psb.way?.branches[0];
  emit(state, {
    type: 'pathUp',
    flow: psb.flow,
    previousHop: psb.hop?.address ?? null,
    tspec,
    adspec,
    local: psb.way?.local ?? false,
    nonRsvpHop,
    recordedRoute: recordedAddresses(psb.contents),
    ...carriedBy(psb.contents.forwarded),
    outgoing:
      branch === undefined ? null : { interface: branch.interface, nextHop: branch.gateway ?? psb.flow.destination },
  });
}
