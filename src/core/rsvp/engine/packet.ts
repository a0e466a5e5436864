import { decodeMessage } from '../wire/codec.ts';
import type { RsvpMessage } from '../wire/message.ts';
import { MESSAGE_TYPE } from '../wire/message.ts';
import type { RsvpObject } from '../wire/objects.ts';
import { validateMessage } from '../wire/validate.ts';
import { reportableError } from '../wire/validation-error.ts';
import { answerResv, sendPathErr } from './errors.ts';
import { HANDLED, messageArrived } from './message-arrived.ts';
import { flowOf } from './messages.ts';
import { drop, type EngineState } from './state.ts';
import type { EngineInput } from './types.ts';

type Packet = EngineInput & { readonly type: 'packet' };

/** MESSAGE ARRIVES of RFC 2209: everything that is dropped is counted with its reason. */
export function packetArrived(state: EngineState, packet: Packet): void {
  if (!state.interfaces.has(packet.interface)) return drop(state, 'unknownInterface');
  const decoded = decodeMessage(packet.bytes);
  if (!decoded.ok) return drop(state, decoded.error.reason);
  const { message } = decoded.value;
  state.counters.received(message.type);
  if (isForNeighbour(message) && !state.localAddresses.has(packet.destination)) return drop(state, 'notForThisNode');
  const valid = validateMessage(message, HANDLED);
  if (!valid.ok) {
    drop(state, valid.error.reason);
    const report = reportableError(valid.error);
    if (report !== null) answer(state, message, packet, report.errorCode, report.errorValue);
    return;
  }
  messageArrived(state, valid.value, packet);
}

/** Path, PathTear and ResvConf are addressed to an end point and are intercepted on the way. */
const isForNeighbour = ({ type }: RsvpMessage): boolean =>
  type !== MESSAGE_TYPE.path && type !== MESSAGE_TYPE.pathTear && type !== MESSAGE_TYPE.resvConf;

/** Errors of format that end systems hear of; only a Path or Resv is answered (RFC 2205 3.10, appendix B). */
function answer(state: EngineState, message: RsvpMessage, packet: Packet, errorCode: number, errorValue: number): void {
  const session = first(message, 'session');
  const hop = first(message, 'rsvpHop');
  if (!session || !hop || state.localAddresses.has(hop.address)) return;
  const to = { interface: packet.interface, address: hop.address, nextHop: hop.address };
  if (message.type === MESSAGE_TYPE.path) {
    const sender = first(message, 'senderTemplate');
    if (sender) sendPathErr(state, flowOf(session, sender), null, to, errorCode, errorValue);
  } else if (message.type === MESSAGE_TYPE.resv) {
    answerResv(state, message.objects, to, errorCode, errorValue);
  }
}

const first = <K extends RsvpObject['kind']>(message: RsvpMessage, kind: K) =>
  message.objects.find((object): object is RsvpObject & { readonly kind: K } => object.kind === kind);
