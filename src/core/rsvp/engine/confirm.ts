import type { ArrivedPacket } from './arrived-packet.ts';
import type { IpAddress } from '../../base/ip.ts';
import type { ResvConfMessage } from '../wire/message-views.ts';
import { mayChange } from './believed.ts';
import { NONE, type Psb, type Rsb, type Session } from './blocks.ts';
import { covers, sameFlowspec } from './merge.ts';
import { buildResvConf, flowOf, styleName } from './messages.ts';
import { nextNode } from './next-node.ts';
import { awaitConfirm, localRequestsFor, rsbsFor } from './requests.ts';
import { sendAlong } from './send.ts';
import { filterOfFlow, findSession } from './session.ts';
import { drop, emit, type EngineState } from './state.ts';
import { flowKeyText, type FlowKey } from './types.ts';

/**
 * The confirmations that must be asked for upstream, with the senders towards which. Where other requests for a sender are
 * not all smaller, the request merges into them and is confirmed here (RFC 2205 2.6, 3.1.4); where the sender is on this
 * host, it is granted here.
 */
export function takeConfirms(
  state: EngineState,
  rsb: Rsb,
  covered: readonly Psb[],
): readonly { readonly receiver: IpAddress; readonly psb: Psb }[] {
  const { confirm: receiver, accepted, refusal, filters } = rsb;
  if (receiver === null || accepted === null || refusal !== null) return NONE;
  rsb.confirm = null;
  const senders = covered.filter((psb) => filters === null || filters.has(psb.key));
  const onward = senders.filter((psb) => psb.hop !== null && isLargest(state, rsb, psb));
  const here = senders.filter((psb) => !onward.includes(psb));
  if (here.length > 0) confirmReservation(state, rsb, receiver, here);
  if (onward.length > 0) rsb.confirmedTo = receiver;
  return onward.map((psb) => ({ receiver, psb }));
}

/** Whether the request is larger than every other one for the sender. */
function isLargest(state: EngineState, rsb: Rsb, psb: Psb): boolean {
  const accepted = rsb.accepted!;
  const others = rsbsFor(psb).filter((each) => each !== rsb);
  return [...others.map((each) => each.accepted!), ...localRequestsFor(state, psb).map((each) => each.flowspec)].every(
    (other) => covers(accepted, other) && !sameFlowspec(accepted, other),
  );
}

function confirmReservation(state: EngineState, rsb: Rsb, receiver: IpAddress, senders: readonly Psb[]): void {
  const { tcsb } = rsb;
  const out = state.interfaces.get(tcsb.interface);
  if (out === undefined) return;
  const filters = tcsb.style === 'WF' ? NONE : senders.map((psb) => filterOfFlow(psb.flow));
  const descriptors = [{ flowspec: rsb.accepted!, filters }];
  const conf = buildResvConf(
    { session: tcsb.session.id, style: tcsb.style, scope: null, descriptors },
    receiver,
    out.address,
  );
  sendAlong(state, conf, out, out.address, receiver, { neighbour: rsb.nextHop });
}

/**
 * RFC 2205 3.1.9: ResvConf goes hop by hop to the receiver it names. It may come addressed to that or, from nodes that
 * forward it as RFC 2209 has it (RESV CONF arrives), to this one.
 */
export function resvConfArrived(state: EngineState, view: ResvConfMessage, packet: ArrivedPacket): void {
  const { receiver } = view.resvConfirm;
  if (packet.destination !== receiver && !state.localAddresses.has(packet.destination)) {
    return drop(state, 'confirmForAnother');
  }
  const session = findSession(state, view.session);
  const flows = view.flowDescriptors.flatMap(({ filters }) => filters.map((filter) => flowOf(view.session, filter)));
  const all = styleName(view.style) === 'WF' ? (session?.psbs.map((psb) => psb.flow) ?? NONE) : flows;
  if (!all.every((flow) => isBelieved(state, flow, packet))) return drop(state, 'notProved');
  if (state.localAddresses.has(receiver)) {
    for (const flow of all) tellReceivers(state, flow, view.errorSpec.errorNode);
    return;
  }
  const way = session && wayTo(state, session, receiver, all);
  const out = way === undefined ? undefined : state.interfaces.get(way.interface);
  if (way === undefined || out === undefined) return drop(state, 'noPathState');
  if (packet.ttl <= 1) return drop(state, 'ttlExpired');
  sendAlong(state, { ...view, sendTtl: packet.ttl - 1 }, out, out.address, receiver, way);
}

/** A confirmation comes from the node that granted the request, by the previous hop: signed where a key is agreed with that. */
function isBelieved(state: EngineState, flow: FlowKey, packet: ArrivedPacket): boolean {
  const hop = state.psbs.get(flowKeyText(flow))?.hop ?? null;
  return hop === null || mayChange(state, packet, hop.interface, hop.address);
}

/** Where the receiver is that asked: behind the next hop whose RESV asked for it, else where any of the flows goes. */
function wayTo(
  state: EngineState,
  { shared }: Session,
  receiver: IpAddress,
  flows: readonly FlowKey[],
): { readonly interface: string; readonly neighbour: IpAddress } | undefined {
  const psbs = flows.flatMap((flow) => state.psbs.get(flowKeyText(flow)) ?? []);
  const rsbs = [...psbs.flatMap((psb) => psb.reservations), ...shared].flatMap((tcsb) => tcsb.rsbs);
  const asking = rsbs.find((rsb) => rsb.confirmedTo === receiver);
  if (asking !== undefined) return { interface: asking.tcsb.interface, neighbour: asking.nextHop };
  const [psb] = psbs;
  const branch = psb?.way?.branches[0];
  return psb && branch && { interface: branch.interface, neighbour: nextNode(psb, branch) };
}

function tellReceivers(state: EngineState, flow: FlowKey, by: IpAddress): void {
  const psb = state.psbs.get(flowKeyText(flow));
  if (psb === undefined) return;
  const awaiting = awaitConfirm(state, psb);
  for (const { answered } of awaiting) answered.add(psb.key);
  if (awaiting.length > 0) emit(state, { type: 'confirmed', flow, by });
}
