import { checksumError, decodeHeader, decodeObjects } from '../core/rsvp/wire/codec.ts';
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

/** All that can be read, whatever is wrong; of several faults the one that a receiver meets first. */
export function readMessage(message: Uint8Array): ReadMessage {
  const header = decodeHeader(message);
  if (!header.ok) return { ...pieceOfHeader(message), objects: [], error: { layer: 'rsvp', ...header.error } };
  const { type, sendTtl, flags, checksum } = header.value;
  const objects: RsvpObject[] = [];
  const kept: DecodeError[] = [];
  const bundle = type === MESSAGE_TYPE.bundle ? splitBundle(message) : null;
  const bundleError = bundle?.ok === false ? bundle.error : null;
  const objectError = bundle ? bundleError : (decodeObjects(message, objects, kept) ?? kept[0] ?? null);
  const wrong = checksum === 'wrong' ? checksumError(message) : null;
  const first = wrong ?? objectError;
  return {
    type: messageTypeName(type),
    sendTtl,
    flags,
    checksumValid: checksum === 'absent' ? null : checksum === 'valid',
    objects,
    // No deeper: splitBundle refuses a Bundle in a Bundle.
    ...(bundle?.ok
      ? { messages: bundle.value.map((part) => ({ ...readMessage(part), lengthBytes: part.length })) }
      : {}),
    error: first && { layer: 'rsvp', ...first, ...(wrong && objectError ? { also: objectError } : {}) },
  };
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
