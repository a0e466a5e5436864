import { sendPath, removePath } from './path-state.ts';
import { localRequestsFor } from './requests.ts';
import type { EngineState } from './state.ts';
import { preempt, updateTrafficControl } from './traffic-control.ts';
import { flowKeyText, type FlowKey } from './types.ts';
import { flushUpstream, repeatUpstream } from './upstream.ts';

/** Once more, whatever has failed: PATH of a sender here, RESV of a receiver here, refusals of local admission. */
export function retryFlow(state: EngineState, flow: FlowKey): void {
  const psb = state.psbs.get(flowKeyText(flow));
  if (psb === undefined) return;
  psb.reported = null;
  psb.blockade = null;
  if (psb.hop === null && psb.routed && !psb.turning) sendPath(state, psb, 'change');
  if (localRequestsFor(state, psb).length > 0) {
    repeatUpstream(state, psb, null);
    flushUpstream(state);
  }
  for (const tcsb of [...psb.reservations, ...psb.session.shared]) {
    const refused = tcsb.rsbs.filter((rsb) => rsb.refusal !== null && (rsb.filters?.has(psb.key) ?? true));
    for (const rsb of refused) rsb.refusal = null;
    if (refused.length > 0) updateTrafficControl(state, tcsb);
  }
}

/**
 * Both ways, since state of a former way has nobody else to tear it: the tear of a previous hop that is none any more is not
 * believed (RFC 2205 3.1.5), and by itself the state would stay for a lifetime. Hosts that are not ours go on asking: they hear
 * that their reservation was taken away.
 */
export function abandonFlow(state: EngineState, flow: FlowKey): void {
  const psb = state.psbs.get(flowKeyText(flow));
  if (psb === undefined || psb.hop === null) return;
  preempt(state, psb);
  removePath(state, psb, 'tear', true);
}
