import { decodeHeader, decodeMessage } from '../wire/codec.ts';
import { splitBundle } from '../wire/bundle.ts';
import type { ExtensionKind } from '../wire/extensions.ts';
import type { ValidMessage } from '../wire/message-views.ts';
import type { RsvpMessage } from '../wire/message.ts';
import { MESSAGE_TYPE } from '../wire/message.ts';
import { isNeighborMessage } from '../wire/neighbor-messages.ts';
import type { RsvpObject } from '../wire/objects.ts';
import { validateMessage } from '../wire/validate.ts';
import { reportableError } from '../wire/validation-error.ts';
import type { ArrivedPacket } from './arrived-packet.ts';
import { interfaceMeant } from './believed.ts';
import { answerFormat } from './format-errors.ts';
import { HANDLED, messageArrived } from './message-arrived.ts';
import { idArrived, idProcessed } from './neighbours/arrived.ts';
import { heard, refusesIds, takeAnswers } from './neighbours/incoming.ts';
import { mayAnswer } from './neighbours/limits.ts';
import { neighbourMessageArrived } from './neighbours/messages-arrived.ts';
import { isFresh, prove } from './neighbours/proof.ts';
import { reducesRefreshes } from './neighbours/outgoing.ts';
import { canBeNeighbour, meetNeighbour } from './neighbours/table.ts';
import { drop, type EngineState } from './state.ts';
import type { EngineInput } from './types.ts';

type Packet = EngineInput & { readonly type: 'packet' };

const SEND_TTL_OFFSET = 4;

/** MESSAGE ARRIVES of RFC 2209: everything that is dropped is counted with its reason. */
export function packetArrived(state: EngineState, packet: Packet): void {
  if (!state.interfaces.has(packet.interface)) return drop(state, 'unknownInterface');
  const header = decodeHeader(packet.bytes);
  if (header.ok && header.value.type === MESSAGE_TYPE.bundle) bundleArrived(state, packet);
  else oneArrived(state, packet);
  state.neighbours.current = null;
}

/**
 * RFC 2961 3.4: each message in a Bundle as if it had come by itself. Send_TTL of the Bundle tells how many hops did not
 * speak RSVP; so many less is what each message would have arrived with.
 */
function bundleArrived(state: EngineState, packet: Packet): void {
  const header = decodeHeader(packet.bytes);
  if (!header.ok) return drop(state, header.error.reason);
  if (header.value.checksum === 'wrong') return drop(state, 'badChecksum');
  state.counters.received(MESSAGE_TYPE.bundle);
  if (!reducesRefreshes(state)) return drop(state, 'unknownMessageType');
  if (!state.localAddresses.has(packet.destination)) return drop(state, 'notForThisNode');
  const parts = splitBundle(packet.bytes);
  if (!parts.ok) return drop(state, parts.error.reason);
  const hidden = header.value.sendTtl - packet.ttl;
  for (const bytes of parts.value) {
    const ttl = Math.min(0xff, Math.max(0, bytes[SEND_TTL_OFFSET]! - hidden));
    oneArrived(state, { ...packet, ttl, bytes });
  }
}

function oneArrived(state: EngineState, came: Packet): void {
  const decoded = decodeMessage(came.bytes);
  if (!decoded.ok) return drop(state, decoded.error.reason);
  const { message } = decoded.value;
  state.counters.received(message.type);
  const toThisNode = isForNeighbour(message);
  if (toThisNode && !state.localAddresses.has(came.destination)) return drop(state, 'notForThisNode');
  const name = toThisNode ? interfaceMeant(state, came) : came.interface;
  // "Between two RSVP neighbors that share a link" (RFC 3209 5.1).
  if (message.type === MESSAGE_TYPE.hello && name !== came.interface) return drop(state, 'helloOnWrongInterface');
  const address = first(message, 'rsvpHop')?.address ?? came.source;
  const proof = prove(state, came, name, message.type, address);
  if (proof === 'refused') return;
  const proved = proof !== 'none' || came.remembered === true;
  const packet: ArrivedPacket = { ...came, interface: name, arrivedBy: came.interface, proved };
  const neighbour = canBeNeighbour(state, address) ? meetNeighbour(state, packet.interface, address) : null;
  if (neighbour === null && canBeNeighbour(state, address)) return;
  if (neighbour === null && proof !== 'none') return drop(state, 'badHop');
  state.neighbours.current = neighbour;
  if (neighbour !== null && proof !== 'none' && message.type !== MESSAGE_TYPE.integrityResponse) {
    if (!isFresh(state, neighbour, proof)) return;
  }
  if (neighbour !== null && !packet.remembered) heard(state, neighbour, message, packet.ttl);
  if (isNeighborMessage(message.type)) return neighbourMessageArrived(state, neighbour, message, packet);
  const valid = validateMessage(message, packet.remembered || reducesRefreshes(state) ? WITH_IDS : WITHOUT_IDS);
  if (!valid.ok) {
    drop(state, valid.error.reason);
    const report = reportableError(valid.error);
    if (report === null) return;
    if (neighbour !== null && !mayAnswer(state, neighbour)) return drop(state, 'tooManyAnswers');
    return answerFormat(state, message, packet, report);
  }
  let view: ValidMessage | null = withoutHopByHop(valid.value);
  if (neighbour !== null && !packet.remembered) {
    takeAnswers(state, neighbour, valid.value.extensions?.acks ?? []);
    if (refusesIds(state, neighbour, view)) return;
    const messageId = valid.value.extensions?.messageId;
    view = idArrived(state, neighbour, view, packet, messageId);
    if (view === null) return;
    const made = messageArrived(state, view, packet);
    if (messageId !== undefined) idProcessed(state, neighbour, view, packet, messageId, made);
  } else messageArrived(state, view, packet);
}

const WITHOUT_IDS: ReadonlySet<ExtensionKind> = new Set([...HANDLED, 'integrity']);
const WITH_IDS: ReadonlySet<ExtensionKind> = new Set([...WITHOUT_IDS, 'messageId', 'messageIdAck', 'messageIdNack']);

/** What is between two neighbours must not go on to a third with a message that is passed on. */
function withoutHopByHop(view: ValidMessage): ValidMessage {
  if (view.extensions === undefined) return view;
  const { integrity: _1, acks: _2, messageId: _3, ...extensions } = view.extensions;
  return { ...view, extensions };
}

/** Path, PathTear and ResvConf are addressed to an end point and intercepted on the way; so may Srefresh be. */
const isForNeighbour = ({ type }: RsvpMessage): boolean =>
  type !== MESSAGE_TYPE.path &&
  type !== MESSAGE_TYPE.pathTear &&
  type !== MESSAGE_TYPE.resvConf &&
  type !== MESSAGE_TYPE.srefresh;

const first = <K extends RsvpObject['kind']>(message: RsvpMessage, kind: K) =>
  message.objects.find((object): object is RsvpObject & { readonly kind: K } => object.kind === kind);
