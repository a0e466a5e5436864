import { MonotonicMs, type Millis } from '../../base/units.ts';
import { composeAdspec } from './adspec.ts';
import { forgetPath } from './journal.ts';
import { buildPath, buildPathTear, FIRST_TTL } from './messages.ts';
import { countFlow } from './neighbours/limits.ts';
import { nextNode } from './next-node.ts';
import type { PathContents, PreviousHop, Psb } from './psb.ts';
import { retract } from './neighbours/sent.ts';
import { sendAlong } from './send.ts';
import { drop, emit, type EngineState } from './state.ts';
import type { Statement } from './statement.ts';
import { refreshDelay } from './timers.ts';
import { removeAllRsbs } from './traffic-control.ts';
import { flowKeyText, type EngineEvent, type FlowKey } from './types.ts';
import { stopUpstream } from './upstream.ts';

type PathDownCause = (EngineEvent & { readonly type: 'pathDown' })['cause'];

/** Enters path state; the caller arms its time-out and asks for its route. */
export function createPsb(
  state: EngineState,
  flow: FlowKey,
  contents: PathContents,
  hop: PreviousHop | null,
  ttl: number,
  refreshPeriod: Millis,
): Psb {
  const { timers } = state;
  const psb: Psb = {
    flow,
    key: flowKeyText(flow),
    contents,
    hop,
    ttl,
    refreshPeriod,
    route: null,
    routed: false,
    queryId: null,
    sentOn: null,
    step: 0,
    expiry: timers.create(() => expire(state, psb), 'path expiry'),
    refresh: timers.create(() => sendPath(state, psb, 'refresh'), 'path refresh'),
    settling: null,
    rsbs: new Map(),
    waiting: new Map(),
    trafficControl: null,
    upstream: null,
    blockade: null,
    reported: null,
  };
  state.psbs.set(psb.key, psb);
  state.ports.add(flow);
  countFlow(state, hop, 1);
  return psb;
}

/** Downstream nodes are told, since a time-out there would come a whole lifetime later (RFC 2205 3.1.5). */
function expire(state: EngineState, psb: Psb): void {
  const gone = psb.hop !== null && !state.interfaces.has(psb.hop.interface);
  removePath(state, psb, gone ? 'interface' : 'timeout', true);
}

/** Deletes path state and the reservations that hang on it; upstream nothing is said, the path comes from there. */
export function removePath(state: EngineState, psb: Psb, cause: PathDownCause, tellDownstream: boolean): void {
  if (tellDownstream) sendPathTear(state, psb);
  retract(state, pathKey(psb));
  for (const timer of [psb.expiry, psb.refresh]) state.timers.cancel(timer);
  if (psb.settling !== null) state.timers.cancel(psb.settling.timer);
  removeAllRsbs(state, psb, 'pathDown');
  stopUpstream(state, psb);
  psb.waiting.clear();
  if (psb.queryId !== null) state.queries.delete(psb.queryId);
  state.psbs.delete(psb.key);
  state.ports.remove(psb.flow);
  countFlow(state, psb.hop, -1);
  forgetPath(state, psb);
  emit(state, { type: 'pathDown', flow: psb.flow, cause });
}

/** PATH REFRESH of RFC 2209. A `change` goes out for the first time and starts fast repetition. */
export function sendPath(state: EngineState, psb: Psb, why: 'change' | 'refresh'): void {
  state.timers.cancel(psb.refresh);
  // While a route settles the kernel may send either way, and the previous hop inside would name the wrong interface.
  if (psb.route === null || psb.route.local || psb.settling !== null) return;
  const out = state.interfaces.get(psb.route.interface);
  if (out === undefined) return;
  const ttl = sendTtl(psb);
  if (ttl < 1) return drop(state, 'ttlExpired');
  const { refreshPeriod } = state.settings;
  psb.step = why === 'change' ? 0 : psb.step + 1;
  state.timers.set(psb.refresh, MonotonicMs(state.now + refreshDelay(psb.step, refreshPeriod, state.random)));
  if (psb.sentOn !== null && psb.sentOn !== out.name) retract(state, pathKey(psb));
  psb.sentOn = out.name;
  const adspec = psb.contents.adspec && composeAdspec(psb.contents.adspec, out);
  const path = buildPath(psb.flow, psb.contents, adspec, out.address, refreshPeriod, ttl);
  sendAlong(state, path, out, psb.flow.source, psb.flow.destination, pathStatement(state, psb, why === 'change'));
}

const pathKey = (psb: Psb): string => `path ${psb.key} ${psb.sentOn}`;

const pathStatement = (state: EngineState, psb: Psb, trigger: boolean): Statement => ({
  key: pathKey(psb),
  trigger,
  neighbour: nextNode(psb),
  again: () => sendPath(state, psb, 'refresh'),
});

function sendPathTear(state: EngineState, psb: Psb): void {
  const out = psb.sentOn === null ? undefined : state.interfaces.get(psb.sentOn);
  if (out === undefined) return;
  const tear = buildPathTear(psb.flow, psb.contents, out.address, sendTtl(psb));
  sendAlong(state, tear, out, psb.flow.source, psb.flow.destination, pathStatement(state, psb, true));
}

const sendTtl = (psb: Psb): number => (psb.hop === null ? FIRST_TTL : psb.ttl - 1);

export function emitPathUp(state: EngineState, psb: Psb): void {
  const { tspec, adspec, nonRsvpHop } = psb.contents;
  emit(state, {
    type: 'pathUp',
    flow: psb.flow,
    previousHop: psb.hop?.address ?? null,
    tspec,
    adspec,
    local: psb.route?.local ?? false,
    nonRsvpHop,
    recordedRoute: null,
    outgoing:
      psb.route === null || psb.route.local
        ? null
        : { interface: psb.route.interface, nextHop: psb.route.gateway ?? psb.flow.destination },
  });
}
