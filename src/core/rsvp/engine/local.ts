import { Millis } from '../../base/units.ts';
import type { Flowspec, Tspec } from '../../qos/flowspec.ts';
import { initialAdspec } from './adspec.ts';
import { sameFlowspec, sameTspec } from './merge.ts';
import { FIRST_TTL } from './messages.ts';
import { createPsb, emitPathUp, removePath, sendPath } from './path-state.ts';
import type { PathContents } from './psb.ts';
import { askRoute } from './route.ts';
import { drop, emit, type EngineState } from './state.ts';
import { flowKeyText, type FlowKey } from './types.ts';
import { passUpstream, followUpstream, wantedUpstream } from './upstream.ts';

/** This host sends: PATH goes out when the route is known. Again with another Tspec: at once. */
export function openSender(state: EngineState, flow: FlowKey, tspec: Tspec): void {
  const key = flowKeyText(flow);
  const psb = state.psbs.get(key);
  if (psb !== undefined && psb.hop === null) {
    if (sameTspec(psb.contents.tspec, tspec)) return;
    psb.contents = { ...psb.contents, tspec };
    if (!psb.routed) return;
    emitPathUp(state, psb);
    return sendPath(state, psb, 'change');
  }
  // A flow whose source was believed elsewhere until now: what the network said of it is worth nothing.
  if (psb !== undefined) removePath(state, psb, 'closed', false);
  if (state.psbs.size >= state.settings.maxFlows) return drop(state, 'tooManyFlows');
  const contents: PathContents = { sessionFlags: 0, tspec, adspec: initialAdspec, forwarded: [], nonRsvpHop: false };
  const created = createPsb(state, flow, contents, null, FIRST_TTL, Millis(state.settings.refreshPeriod));
  askRoute(state, created);
  const held = state.held.get(key);
  if (held === undefined) return;
  state.held.delete(key);
  state.timers.cancel(held.timer);
  created.waiting.set(held.arrived.nextHop, held.arrived);
}

export function closeSender(state: EngineState, flow: FlowKey): void {
  const psb = state.psbs.get(flowKeyText(flow));
  if (psb !== undefined && psb.hop === null) removePath(state, psb, 'closed', true);
}

/** This host receives: RESV answers PATH. Again with another flowspec: at once. */
export function openReceiver(state: EngineState, flow: FlowKey, flowspec: Flowspec, confirm: boolean): void {
  const key = flowKeyText(flow);
  const before = state.receivers.get(key);
  if (before === undefined && state.receivers.size >= state.settings.maxFlows) return drop(state, 'tooManyFlows');
  const same = before !== undefined && sameFlowspec(before.flowspec, flowspec);
  if (same && !confirm) return;
  state.receivers.set(key, { flowspec, awaitsConfirm: confirm });
  const psb = state.psbs.get(key);
  if (psb === undefined || !psb.route?.local) return;
  psb.reported = null;
  passUpstream(state, psb, null);
}

export function closeReceiver(state: EngineState, flow: FlowKey): void {
  const key = flowKeyText(flow);
  if (!state.receivers.delete(key)) return;
  const psb = state.psbs.get(key);
  if (psb === undefined || psb.upstream === null) return;
  followUpstream(state, psb);
  if (wantedUpstream(state, psb) === null) emit(state, { type: 'resvDown', flow, cause: 'closed' });
}
