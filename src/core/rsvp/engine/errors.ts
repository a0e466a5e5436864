import type { IpAddress } from '../../base/ip.ts';
import type { PathErrMessage } from '../wire/message-views.ts';
import { flowspecProblem } from '../wire/flowspec-problem.ts';
import type { RsvpFlowspec } from '../wire/flowspec.ts';
import type { ArrivedPacket } from './arrived-packet.ts';
import { cameTheWay, isNextHop } from './believed.ts';
import type { PathContents, PreviousHop, Psb } from './blocks.ts';
import { buildPathErr, buildResvErr, errorSpecOf, flowOf, NEIGHBOUR_TTL, type ErrorContents } from './messages.ts';
import { mayPassError } from './neighbours/limits.ts';
import { sendToNeighbour } from './send.ts';
import { drop, emit, type EngineState } from './state.ts';
import { BLOCKADE_FACTOR } from './timers.ts';
import { flowKeyText, type EngineEvent, type FlowKey } from './types.ts';

/** Codes of RFC 2205 appendix B that the engine finds by itself. */
export const ERROR = {
  admissionControl: 1,
  noPath: 3,
  noSender: 4,
  conflictingStyle: 5,
  unknownStyle: 6,
  conflictingDestinationPorts: 7,
  conflictingSenderPorts: 8,
  /** The reservation was taken away by those who run the network. */
  preempted: 12,
  trafficControl: 21,
  rsvpSystem: 23,
} as const;

/** Values of code 21. */
export const BAD_FLOWSPEC = 3;
export const BAD_TSPEC = 4;
/** Value of code 23, which RFC 2205 leaves to the implementation: there is no route to the session's destination. */
export const NO_ROUTE = 1;
/** ERROR_SPEC flag: a reservation that was there before the refused one stays (RFC 2205 A.5). */
export const IN_PLACE = 0x01;
/** Flags of errors of reservations, as events have them. */
export const eventFlags = (inPlace: boolean, notGuilty: boolean): { inPlace?: true; notGuilty?: true } => ({
  ...(inPlace ? { inPlace } : {}),
  ...(notGuilty ? { notGuilty } : {}),
});

/** An error that this node found in a PATH, to the previous hop it came from. */
export function sendPathErr(
  state: EngineState,
  flow: FlowKey,
  contents: PathContents | null,
  to: { readonly interface: string; readonly address: IpAddress },
  errorCode: number,
  errorValue: number,
): void {
  const out = state.interfaces.get(to.interface);
  if (out === undefined) return;
  const error = errorSpecOf(out.address, errorCode, errorValue);
  sendToNeighbour(state, buildPathErr(flow, contents, error), out, to.address);
}

type ErrorEvent = EngineEvent & { readonly type: 'pathError' | 'resvError' };

/** Tells of an error once; while it lasts every refresh provokes the same message again. */
export function emitError(state: EngineState, psb: Psb, event: ErrorEvent): void {
  const text = `${event.type} ${event.errorNode} ${event.errorCode} ${event.errorValue}`;
  const known = psb.reported?.text === text && psb.reported.until > state.now;
  psb.reported = { text, until: state.now + BLOCKADE_FACTOR * state.settings.refreshPeriod };
  if (!known) emit(state, event);
}

/** An error of a flow whose path state stands: to the previous hop, or to the sender on this host. */
export function reportPathError(state: EngineState, psb: Psb, errorCode: number, errorValue: number): void {
  const { flow, hop } = psb;
  const errorNode = hop === null ? flow.source : (state.interfaces.get(hop.interface)?.address ?? hop.address);
  if (hop !== null) sendPathErr(state, flow, psb.contents, hop, errorCode, errorValue);
  emitError(state, psb, { type: 'pathError', flow, errorNode, errorCode, errorValue, local: hop === null });
}

/** An error that this node found in a RESV, to the next hop it came from. */
export function sendResvErr(
  state: EngineState,
  contents: ErrorContents,
  to: { readonly interface: string; readonly nextHop: IpAddress },
  errorCode: number,
  errorValue: number,
  flags = 0,
): void {
  const out = state.interfaces.get(to.interface);
  if (out === undefined) return;
  const error = errorSpecOf(out.address, errorCode, errorValue, flags);
  sendToNeighbour(state, buildResvErr(contents, out.address, error), out, to.nextHop);
}

/**
 * RFC 2205 3.1.7: PathErr goes hop by hop to the sender and changes no state on the way. It is believed from a next hop
 * of the flow alone: nothing in it names its sender but the source of the packet.
 */
export function pathErrArrived(state: EngineState, view: PathErrMessage, packet: ArrivedPacket): void {
  const psb = state.psbs.get(flowKeyText(flowOf(view.session, view.senderTemplate)));
  if (psb === undefined) return drop(state, 'noPathState');
  // PATH never leaves where it came from, so no error of what is behind comes from there.
  if (psb.hop?.interface === packet.interface) return drop(state, 'pathErrOnWrongInterface');
  if (!isNextHop(psb, packet.interface, packet.source) || !cameTheWay(psb, packet, packet.source)) {
    return drop(state, 'errorFromAnotherHop');
  }
  if (!mayPassError(state, psb)) return drop(state, 'tooManyErrors');
  const { errorNode, errorCode, errorValue } = view.errorSpec;
  const local = psb.hop === null;
  emitError(state, psb, { type: 'pathError', flow: psb.flow, errorNode, errorCode, errorValue, local });
  if (psb.hop !== null) forwardPathErr(state, view, psb.hop);
}

function forwardPathErr(state: EngineState, view: PathErrMessage, hop: PreviousHop): void {
  const out = state.interfaces.get(hop.interface);
  if (out !== undefined) sendToNeighbour(state, { ...view, sendTtl: NEIGHBOUR_TTL }, out, hop.address);
}

/** True for a flowspec that no node can serve (error 21). */
export const isBadFlowspec = (flowspec: RsvpFlowspec): boolean => flowspecProblem(flowspec.flowspec) !== null;
