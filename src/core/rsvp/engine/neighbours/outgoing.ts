import { OverrunError } from '../../../base/bytes.ts';
import type { IpAddress } from '../../../base/ip.ts';
import { buildMessage } from '../../wire/build.ts';
import { encodeMessage } from '../../wire/codec.ts';
import type { RsvpMessageId, RsvpMessageIdAck, RsvpMessageIdNack } from '../../wire/message-id.ts';
import type { DepartingMessage } from '../../wire/message-views.ts';
import { MESSAGE_TYPE, type RsvpMessage } from '../../wire/message.ts';
import {
  buildNeighborMessage,
  REFRESH_REDUCTION_CAPABLE,
  type NeighborMessage,
  type ResponseMessage,
} from '../../wire/neighbor-messages.ts';
import { pathFlow } from '../messages.ts';
import { drop, type EngineState } from '../state.ts';
import type { EngineInterface } from '../types.ts';
import type { Departure, Neighbour } from './neighbour.ts';
import type { LivingKey } from './settings.ts';
import { signatureFor, signed, type Signature } from './signing.ts';

type Acks = readonly (RsvpMessageIdAck | RsvpMessageIdNack)[];

/** Acknowledgements that go along with one message; the rest waits for the next. */
const MAX_ACKS_ALONG = 64;

/** Whether RFC 2961 is done with everybody who does it. */
export const reducesRefreshes = (state: EngineState): boolean => state.settings.neighbours?.refreshReduction ?? false;

/** Whether messages with ids, summaries and bundles may go to the neighbour (RFC 2961 2). */
export const takesIds = (state: EngineState, neighbour: Neighbour): boolean =>
  neighbour.capable && reducesRefreshes(state) && (neighbour.policy?.refreshReduction ?? true);

/** Sends one of RFC 2205's messages, with the id it has and what is to be acknowledged to the same neighbour anyway. */
export function depart(
  state: EngineState,
  departure: Departure,
  neighbour: Neighbour | null,
  messageId?: RsvpMessageId,
): void {
  const { view, out, source, destination, routerAlert } = departure;
  // Others on the way would take acknowledgements for theirs (RFC 2961 4.6).
  const acks = neighbour === null || routerAlert ? [] : takeAcks(state, neighbour, MAX_ACKS_ALONG);
  const signature = signatureFor(state, out.name, departure.next);
  if (signature === 'unable') return;
  const extensions = {
    ...view.extensions,
    ...(signature === 'none' ? {} : { integrity: signature.object }),
    ...(acks.length === 0 ? {} : { acks }),
    ...(messageId === undefined ? {} : { messageId }),
  };
  const whole: DepartingMessage = Object.keys(extensions).length === 0 ? view : { ...view, extensions };
  put(state, buildMessage(whole), neighbour, { out, source, destination, routerAlert }, view, signature);
}

type Between = Exclude<NeighborMessage, { readonly kind: 'bundle' | 'integrityResponse' }>;

/** Sends a message between neighbours, from the interface's address; `key` other than the one that is used by now. */
export function departToNeighbour(
  state: EngineState,
  view: Between | Omit<ResponseMessage, 'integrity'>,
  out: EngineInterface,
  neighbour: Neighbour,
  key?: LivingKey,
): void {
  const way = { out, source: out.address, destination: neighbour.address, routerAlert: false };
  if (view.kind === 'integrityChallenge') return put(state, buildNeighborMessage(view), neighbour, way, null, 'none');
  const signature = signatureFor(state, out.name, neighbour.address, key);
  if (signature === 'unable') return;
  const integrity = signature === 'none' ? null : signature.object;
  if (view.kind !== 'integrityResponse') {
    return put(state, buildNeighborMessage({ ...view, integrity }), neighbour, way, null, signature);
  }
  if (integrity !== null) put(state, buildNeighborMessage({ ...view, integrity }), neighbour, way, null, signature);
}

/** Takes what is waiting to be acknowledged. */
export function takeAcks(state: EngineState, neighbour: Neighbour, most: number): Acks {
  const taken = neighbour.acks.splice(0, most);
  if (neighbour.acks.length === 0 && neighbour.ackTimer !== null) state.timers.cancel(neighbour.ackTimer);
  return taken;
}

interface Way {
  readonly out: EngineInterface;
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly routerAlert: boolean;
}

const bundled: ReadonlySet<number> = new Set([
  MESSAGE_TYPE.resv,
  MESSAGE_TYPE.pathErr,
  MESSAGE_TYPE.resvErr,
  MESSAGE_TYPE.resvTear,
  MESSAGE_TYPE.ack,
  MESSAGE_TYPE.srefresh,
]);

function put(
  state: EngineState,
  message: RsvpMessage,
  neighbour: Neighbour | null,
  { out, source, destination, routerAlert }: Way,
  view: DepartingMessage | null,
  signature: Exclude<Signature, 'unable'>,
): void {
  const offered = reducesRefreshes(state) && (neighbour?.policy?.refreshReduction ?? true);
  const plain = encoded(state, offered ? { ...message, flags: REFRESH_REDUCTION_CAPABLE } : message);
  if (plain === null) return;
  const bytes = signature === 'none' ? plain : signed(state, plain, signature.key);
  state.counters.sent(message.type);
  if (neighbour !== null && takesIds(state, neighbour)) {
    const leaving = state.neighbours.leaving.get(neighbour);
    // Signed messages keep their order: one that goes by itself has those before it in one Bundle and those after in another.
    const one = { index: state.out.length, bytes: bundled.has(message.type) ? bytes : null };
    if (leaving !== undefined) leaving.push(one);
    else if (one.bytes !== null) state.neighbours.leaving.set(neighbour, [one]);
  }
  const flow = view === null ? null : pathFlow(view);
  state.out.push({
    type: 'send',
    interface: out.name,
    source,
    destination,
    ttl: message.sendTtl,
    routerAlert,
    flow,
    bytes,
  });
}

/** The message's bytes, or null (and counted) where forwarded objects make it too long for a datagram. */
export function encoded(
  state: EngineState,
  message: RsvpMessage,
  encode: (message: RsvpMessage) => Uint8Array = encodeMessage,
): Uint8Array | null {
  try {
    return encode(message);
  } catch (cause) {
    if (!(cause instanceof OverrunError)) throw cause;
    drop(state, 'messageTooLong');
    return null;
  }
}
