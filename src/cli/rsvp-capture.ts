import type { IpAddress } from '../core/base/ip.ts';
import { checksumError, decodeHeader, decodeObjects } from '../core/rsvp/wire/codec.ts';
import { splitBundle } from '../core/rsvp/wire/bundle.ts';
import type { DecodeError } from '../core/rsvp/wire/decode-error.ts';
import {
  IPPROTO_RSVP,
  parseIpv4,
  parseIpv6,
  rsvpPayload,
  type IpError,
  type IpPacket,
} from '../core/rsvp/wire/ip-packet.ts';
import { MESSAGE_TYPE, messageTypeName } from '../core/rsvp/wire/message.ts';
import type { RsvpObject } from '../core/rsvp/wire/objects.ts';
import type { CapturedFrame, CaptureItem } from '../formats/capture.ts';
import { isKnownLinkType, networkPacket } from '../formats/link-layer.ts';

/** One RSVP message of a capture, or what was wrong with it. */
export interface MessageRecord {
  readonly frame: number;
  readonly timestampNanos: bigint | null;
  /** `Path`, `Resv` …; null where the message does not reach that far. */
  readonly type: string | null;
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly ttl: number;
  readonly routerAlert: boolean;
  readonly encapsulation: 'ip' | 'udp';
  readonly sendTtl: number | null;
  readonly flags: number | null;
  /** null: no checksum was sent, or it cannot be known. */
  readonly checksumValid: boolean | null;
  readonly lengthBytes: number;
  /** What could be read, also of a message with an error. */
  readonly objects: readonly RsvpObject[];
  /** The messages in a Bundle, for which `objects` is empty. */
  readonly messages?: readonly InnerMessage[];
  readonly error: RecordError | null;
}

/** A message within a Bundle; offsets in its error count from its own first byte. */
export type InnerMessage = Pick<
  MessageRecord,
  'type' | 'sendTtl' | 'flags' | 'checksumValid' | 'lengthBytes' | 'objects' | 'error'
>;

/** `offset` counts from the first byte of the RSVP message, of the IP header, or of the file, as `layer` says. */
export type RecordError =
  | ({ readonly layer: 'rsvp'; readonly also?: DecodeError } & DecodeError)
  | { readonly layer: 'ip'; readonly reason: IpError['reason']; readonly offset: number; readonly detail: string }
  | { readonly layer: 'capture'; readonly reason: 'damagedCapture'; readonly offset: number; readonly detail: string };

/** Something that stops a packet from being looked into at all; it may not have been RSVP. */
export interface FaultRecord {
  readonly frame: number | null;
  readonly error: RecordError;
}

export type CaptureRecord = MessageRecord | FaultRecord;

/** What was looked at, for a closing line. */
export interface CaptureTally {
  frames: number;
  /** Frames of link types that cannot be looked into. */
  readonly unknownLinkTypes: Map<number, number>;
}

/** Finds the RSVP messages of a capture. Frames that hold something else give nothing. */
export function* rsvpRecords(items: Iterable<CaptureItem>, tally: CaptureTally): Generator<CaptureRecord> {
  for (const item of items) {
    if (item.kind === 'fault') {
      const { offset, detail } = item;
      yield { frame: null, error: { layer: 'capture', reason: 'damagedCapture', offset, detail } };
      continue;
    }
    tally.frames++;
    if (!isKnownLinkType(item.linkType)) {
      tally.unknownLinkTypes.set(item.linkType, (tally.unknownLinkTypes.get(item.linkType) ?? 0) + 1);
      continue;
    }
    const record = frameRecord(item);
    if (record) yield record;
  }
}

function frameRecord(frame: CapturedFrame): CaptureRecord | null {
  const network = networkPacket(frame.linkType, frame.bytes);
  if (!network) return null;
  const parsed = network.family === 4 ? parseIpv4(network.bytes) : parseIpv6(network.bytes);
  if (parsed.ok) {
    const message = rsvpPayload(parsed.value);
    return message && messageRecord(frame, parsed.value, message);
  }
  const { reason, offset, detail } = parsed.error;
  const error: RecordError = { layer: 'ip', reason, offset, detail };
  if ('packet' in parsed.error) {
    const { packet } = parsed.error;
    const piece = rsvpPayload(packet);
    return piece && { ...envelope(frame, packet, piece), ...pieceOfHeader(piece), objects: [], error };
  }
  // The protocol field is the only witness that a broken header belongs to RSVP.
  const protocol = network.bytes[network.family === 4 ? 9 : 6];
  return protocol === IPPROTO_RSVP ? { frame: frame.number, error } : null;
}

const messageRecord = (frame: CapturedFrame, packet: IpPacket, message: Uint8Array): MessageRecord => ({
  ...envelope(frame, packet, message),
  ...readMessage(message),
});

type Readable = Omit<MessageRecord, keyof ReturnType<typeof envelope>>;

/** All that can be read, whatever is wrong; of several faults the one that a receiver meets first. */
function readMessage(message: Uint8Array): Readable {
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

const envelope = (frame: CapturedFrame, packet: IpPacket, message: Uint8Array) => ({
  frame: frame.number,
  timestampNanos: frame.timestampNanos,
  source: packet.source,
  destination: packet.destination,
  ttl: packet.ttl,
  routerAlert: packet.routerAlert,
  encapsulation: packet.protocol === IPPROTO_RSVP ? ('ip' as const) : ('udp' as const),
  lengthBytes: message.length,
});

/** What can be said of a message whose header cannot be trusted. */
function pieceOfHeader(message: Uint8Array) {
  const version1 = message.length >= 2 && message[0]! >>> 4 === 1;
  return {
    type: version1 ? messageTypeName(message[1]!) : null,
    sendTtl: version1 && message.length >= 5 ? message[4]! : null,
    flags: version1 ? message[0]! & 0x0f : null,
    checksumValid: null,
  };
}
