import type { IpAddress } from '../core/base/ip.ts';
import { IPPROTO_RSVP, parseIpv4, parseIpv6, rsvpPayload, type IpPacket } from '../core/rsvp/wire/ip-packet.ts';
import type { CapturedFrame, CaptureItem } from '../formats/capture.ts';
import { isKnownLinkType, networkPacket } from '../formats/link-layer.ts';
import { pieceOfHeader, readMessage, type ReadMessage, type RecordError } from './rsvp-message.ts';

/** One RSVP message of a capture, or what was wrong with it. */
export interface MessageRecord extends ReadMessage {
  readonly frame: number;
  readonly timestampNanos: bigint | null;
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly ttl: number;
  readonly routerAlert: boolean;
  readonly encapsulation: 'ip' | 'udp';
  readonly lengthBytes: number;
}

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
    return piece && { ...envelope(frame, packet, piece), ...pieceOfHeader(piece), objects: [], odd: new Map(), error };
  }
  // The protocol field is the only witness that a broken header belongs to RSVP.
  const protocol = network.bytes[network.family === 4 ? 9 : 6];
  return protocol === IPPROTO_RSVP ? { frame: frame.number, error } : null;
}

const messageRecord = (frame: CapturedFrame, packet: IpPacket, message: Uint8Array): MessageRecord => ({
  ...envelope(frame, packet, message),
  ...readMessage(message),
});

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
