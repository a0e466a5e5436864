import type { IpAddress } from '../../base/ip.ts';
import type { Flowspec } from '../../qos/flowspec.ts';
import type { ResvConfMessage } from '../wire/message-views.ts';
import { buildResvConf, flowOf } from './messages.ts';
import { nextNode } from './next-node.ts';
import type { Psb } from './psb.ts';
import { sendAlong } from './send.ts';
import { drop, emit, type EngineState } from './state.ts';
import { flowKeyText, type EngineInput, type FlowKey } from './types.ts';

/** Answers a RESV_CONFIRM from this node: the request is granted here, or merged into one that is (RFC 2205 2.6). */
export function confirmReservation(state: EngineState, psb: Psb, receiver: IpAddress, flowspec: Flowspec): void {
  if (state.localAddresses.has(receiver)) return tellReceiver(state, psb.flow, psb.flow.source);
  const out = psb.route === null ? undefined : state.interfaces.get(psb.route.interface);
  if (out === undefined) return;
  const message = buildResvConf(psb.flow, flowspec, receiver, out.address);
  sendAlong(state, message, out, out.address, receiver, { neighbour: nextNode(psb) });
}

/** RFC 2205 3.1.9: ResvConf goes hop by hop to the receiver it names. */
export function resvConfArrived(
  state: EngineState,
  view: ResvConfMessage,
  packet: EngineInput & { readonly type: 'packet' },
): void {
  const { receiver } = view.resvConfirm;
  if (packet.destination !== receiver) return drop(state, 'confirmForAnother');
  const flows = view.flowDescriptors.flatMap(({ filters }) => filters.map((filter) => flowOf(view.session, filter)));
  if (state.localAddresses.has(receiver)) {
    for (const flow of flows) tellReceiver(state, flow, view.errorSpec.errorNode);
    return;
  }
  const psb = flows[0] && state.psbs.get(flowKeyText(flows[0]));
  const out = psb?.route && !psb.route.local ? state.interfaces.get(psb.route.interface) : undefined;
  if (psb === undefined || out === undefined) return drop(state, 'noPathState');
  if (packet.ttl <= 1) return drop(state, 'ttlExpired');
  const neighbour = nextNode(psb);
  sendAlong(state, { ...view, sendTtl: packet.ttl - 1 }, out, out.address, receiver, { neighbour });
}

function tellReceiver(state: EngineState, flow: FlowKey, by: IpAddress): void {
  const local = state.receivers.get(flowKeyText(flow));
  if (local === undefined || !local.awaitsConfirm) return;
  local.awaitsConfirm = false;
  emit(state, { type: 'confirmed', flow, by });
}
