import { checksumError, decodeHeader, decodeObjects, HEADER_BYTES } from '../core/rsvp/wire/codec.ts';
import { splitBundle } from '../core/rsvp/wire/bundle.ts';
import type { DecodeError } from '../core/rsvp/wire/decode-error.ts';
import type { IpError } from '../core/rsvp/wire/ip-packet.ts';
import { MESSAGE_TYPE, messageTypeName } from '../core/rsvp/wire/message.ts';
import type { RsvpObject } from '../core/rsvp/wire/objects.ts';

/** All that can be read of an RSVP message, and what is wrong with it. */
export interface ReadMessage {
  /** `Path`, `Resv` …; null where the message does not reach that far. */
  readonly type: string | null;
  readonly sendTtl: number | null;
  readonly flags: number | null;
  /** null: no checksum was sent, or it cannot be known. */
  readonly checksumValid: boolean | null;
  /** What could be read, also of a message with an error. */
  readonly objects: readonly RsvpObject[];
  /** Of these the ones whose contents make no sense, which are raw, with what is wrong with each. */
  readonly odd: ReadonlyMap<RsvpObject, DecodeError>;
  /** The messages in a Bundle, for which `objects` is empty. */
  readonly messages?: readonly InnerMessage[];
  readonly error: RecordError | null;
}

/** A message within a Bundle; offsets in its error count from its own first byte. */
export type InnerMessage = Omit<ReadMessage, 'messages'> & { readonly lengthBytes: number };

/** `offset` counts from the first byte of the RSVP message, of the IP header, or of the file, as `layer` says. */
export type RecordError =
  | ({ readonly layer: 'rsvp'; readonly also?: DecodeError } & DecodeError)
  | { readonly layer: 'ip'; readonly reason: IpError['reason']; readonly offset: number; readonly detail: string }
  | { readonly layer: 'capture'; readonly reason: 'damagedCapture'; readonly offset: number; readonly detail: string };

/** All that can be read, whatever is wrong. An object that makes no sense does not keep the others from being read. */
export function readMessage(message: Uint8Array): ReadMessage {
  const header = decodeHeader(message);
  if (!header.ok) return readBehind(message, header.error);
  const { type, sendTtl, flags, checksum } = header.value;
  const objects: RsvpObject[] = [];
  const odd = new Map<RsvpObject, DecodeError>();
  const bundle = type === MESSAGE_TYPE.bundle ? splitBundle(message) : null;
  const bundleError = bundle?.ok === false ? bundle.error : null;
  const objectError = bundle ? bundleError : endOf(odd, decodeObjects(message, objects, odd));
  const wrong = checksum === 'wrong' ? checksumError(message) : null;
  const first = wrong ?? objectError;
  return {
    type: messageTypeName(type),
    sendTtl,
    flags,
    checksumValid: checksum === 'absent' ? null : checksum === 'valid',
    objects,
    odd,
    // No deeper: splitBundle refuses a Bundle in a Bundle.
    ...(bundle?.ok
      ? { messages: bundle.value.map((part) => ({ ...readMessage(part), lengthBytes: part.length })) }
      : {}),
    error: first && { layer: 'rsvp', ...first, ...(wrong && objectError ? { also: objectError } : {}) },
  };
}

/** Where only the length is wrong, the objects within what came and what the header says are read all the same. */
function readBehind(message: Uint8Array, error: DecodeError): ReadMessage {
  const objects: RsvpObject[] = [];
  const odd = new Map<RsvpObject, DecodeError>();
  let also: DecodeError | null = null;
  if (error.reason === 'badLength' && message[1] !== MESSAGE_TYPE.bundle) {
    const most = Math.max(HEADER_BYTES, Math.min(error.length, error.available));
    also = endOf(odd, decodeObjects(message.subarray(0, most - (most % 4)), objects, odd));
  }
  return { ...pieceOfHeader(message), objects, odd, error: { layer: 'rsvp', ...error, ...(also ? { also } : {}) } };
}

/** What ended the reading; else the first of the oddities, for which a receiver would have dropped the message. */
function endOf(odd: ReadonlyMap<RsvpObject, DecodeError>, end: DecodeError | null): DecodeError | null {
  if (end !== null) return end;
  for (const error of odd.values()) return error;
  return null;
}

/** What can be said of a message whose header cannot be trusted. */
export function pieceOfHeader(message: Uint8Array) {
  const version1 = message.length >= 2 && message[0]! >>> 4 === 1;
  return {
    type: version1 ? messageTypeName(message[1]!) : null,
    sendTtl: version1 && message.length >= 5 ? message[4]! : null,
    flags: version1 ? message[0]! & 0x0f : null,
    checksumValid: null,
  };
}
