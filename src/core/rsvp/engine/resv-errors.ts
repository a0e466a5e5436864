import { MonotonicMs } from '../../base/units.ts';
import type { FlowDescriptor, ResvErrMessage } from '../wire/message-views.ts';
import { emitError, ERROR, IN_PLACE } from './errors.ts';
import { blockades, sameFlowspec } from './merge.ts';
import { buildResvErr, flowOf } from './messages.ts';
import type { Psb } from './psb.ts';
import { sendToNeighbour } from './send.ts';
import { drop, type EngineState } from './state.ts';
import { BLOCKADE_FACTOR } from './timers.ts';
import { flowKeyText, type EngineInput } from './types.ts';
import { isFixedFilter } from './resv.ts';
import { localReceiver, passUpstream, wantedUpstream } from './upstream.ts';

/** RERR MESSAGE ARRIVES of RFC 2209: blockade, then on to the receivers that it concerns. */
export function resvErrArrived(
  state: EngineState,
  view: ResvErrMessage,
  packet: EngineInput & { readonly type: 'packet' },
): void {
  const descriptor = view.flowDescriptor;
  if (descriptor === null) return drop(state, 'noFlowDescriptor');
  // About a request that nobody here made: this node asks for fixed-filter reservations only.
  if (!isFixedFilter(view.style)) return drop(state, 'unsupportedStyle');
  for (const filter of descriptor.filters) {
    const psb = state.psbs.get(flowKeyText(flowOf(view.session, filter)));
    if (psb === undefined) drop(state, 'noPathState');
    else if (psb.hop?.interface !== packet.interface) drop(state, 'resvErrOnWrongInterface');
    else concern(state, psb, view, descriptor);
  }
}

function concern(state: EngineState, psb: Psb, view: ResvErrMessage, descriptor: FlowDescriptor): void {
  const { errorSpec } = view;
  const { flowspec } = descriptor.flowspec;
  if (errorSpec.errorCode === ERROR.admissionControl) {
    const until = MonotonicMs(state.now + BLOCKADE_FACTOR * state.settings.refreshPeriod);
    psb.blockade = { flowspec, until };
    const wanted = wantedUpstream(state, psb);
    // What is not blockaded is asked for at once; a request that stays the same would only fail again.
    if (wanted && psb.upstream && !sameFlowspec(wanted, psb.upstream.flowspec)) passUpstream(state, psb, null);
  }
  const onlyBlockaded = errorSpec.errorCode === ERROR.admissionControl && (errorSpec.flags & IN_PLACE) !== 0;
  for (const rsb of psb.rsbs.values()) {
    if (onlyBlockaded && !blockades(flowspec, rsb.requested)) continue;
    const out = state.interfaces.get(rsb.interface);
    if (out === undefined) continue;
    const error = { ...buildResvErr(psb.flow, descriptor.flowspec, out.address, errorSpec), unknown: view.unknown };
    sendToNeighbour(state, error, out, rsb.nextHop);
  }
  const receiver = localReceiver(state, psb);
  if (receiver !== undefined) receiver.awaitsConfirm = false;
  const { errorNode, errorCode, errorValue } = errorSpec;
  emitError(state, psb, {
    type: 'resvError',
    flow: psb.flow,
    errorNode,
    errorCode,
    errorValue,
    local: receiver !== undefined,
    flowspec,
  });
}
