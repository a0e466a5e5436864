import { internetChecksum } from '../../base/checksum.ts';
import { ipFromBytes, ipv4FromU32, ipv4ToU32, type IpAddress } from '../../base/ip.ts';
import { err, ok, type Result } from '../../base/result.ts';

/** IP protocol number of RSVP (RFC 2205 3.3). */
export const IPPROTO_RSVP = 46;
const IPPROTO_UDP = 17;
/** Pu and Pu' of RFC 2205 appendix C. */
const UDP_ENCAPSULATION_PORTS: readonly number[] = [1698, 1699];

/** What RSVP needs of an IP header. */
export interface IpPacket {
  readonly source: IpAddress;
  readonly destination: IpAddress;
  /** TTL or hop limit, 0 … 255. */
  readonly ttl: number;
  /** Protocol, or with IPv6 the next header after the extensions. */
  readonly protocol: number;
  /** The router alert option is there (RFC 2113, RFC 2711). */
  readonly routerAlert: boolean;
  /** A view on the bytes after the header. */
  readonly payload: Uint8Array;
}

/** Why bytes are not a whole IP packet. `offset` counts from the first byte of the IP header. */
export type IpError = { readonly offset: number; readonly detail: string } & (
  | { readonly reason: 'tooShort' | 'badVersion' | 'badHeaderLength' | 'badTotalLength' }
  /** The header is sound, the payload is a piece of a longer one: cut by the capture, or a fragment. */
  | { readonly reason: 'truncated' | 'fragment'; readonly packet: IpPacket }
);

const MIN_HEADER = 20;
const OPTION_END = 0;
const OPTION_NOP = 1;
const OPTION_ROUTER_ALERT = 148;

/**
 * Reads an IPv4 packet, as a raw socket delivers it or a capture holds it (RFC 791 3.1). Bytes beyond Total Length are
 * link-layer padding and dropped. The header checksum is not verified: the kernel has done so, and captures on the sending
 * host hold what the network card will fill in. Options that make no sense end the search for router alert, no more.
 *
 *     | Version|  IHL  |Type of Service|          Total Length         |
 *     |         Identification        |Flags|      Fragment Offset      |
 *     |  Time to Live |    Protocol   |         Header Checksum       |
 *     |                       Source Address                          |
 *     |                    Destination Address                        |
 *     |                    Options                    |    Padding    |
 */
export function parseIpv4(bytes: Uint8Array): Result<IpPacket, IpError> {
  if (bytes.length < MIN_HEADER) {
    const detail = `${bytes.length} bytes, an IPv4 header has ${MIN_HEADER}`;
    return err({ reason: 'tooShort', offset: bytes.length, detail });
  }
  const version = bytes[0]! >>> 4;
  if (version !== 4) return err({ reason: 'badVersion', offset: 0, detail: `IP version ${version}, not 4` });
  const headerLength = 4 * (bytes[0]! & 0x0f);
  if (headerLength < MIN_HEADER || headerLength > bytes.length) {
    return err({ reason: 'badHeaderLength', offset: 0, detail: `IPv4 header of ${headerLength} bytes` });
  }
  const totalLength = u16(bytes, 2);
  if (totalLength < headerLength) {
    const detail = `Total Length ${totalLength} is less than the header's ${headerLength} bytes`;
    return err({ reason: 'badTotalLength', offset: 2, detail });
  }
  const packet: IpPacket = {
    source: ipv4FromU32(u32(bytes, 12)),
    destination: ipv4FromU32(u32(bytes, 16)),
    ttl: bytes[8]!,
    protocol: bytes[9]!,
    routerAlert: headerLength > MIN_HEADER && hasRouterAlert(bytes.subarray(MIN_HEADER, headerLength)),
    payload: bytes.subarray(headerLength, totalLength),
  };
  // All bits of Flags and Fragment Offset but "don't fragment" say that this is a piece of a packet.
  if ((u16(bytes, 6) & 0x3fff) !== 0) {
    return err({ reason: 'fragment', offset: 6, detail: 'a fragment of an IPv4 packet', packet });
  }
  if (totalLength > bytes.length) {
    const detail = `Total Length ${totalLength}, ${bytes.length} bytes are there`;
    return err({ reason: 'truncated', offset: bytes.length, detail, packet });
  }
  return ok(packet);
}

function hasRouterAlert(options: Uint8Array): boolean {
  for (let i = 0; i < options.length;) {
    const type = options[i]!;
    if (type === OPTION_ROUTER_ALERT) return true;
    if (type === OPTION_END) return false;
    const length = type === OPTION_NOP ? 1 : (options[i + 1] ?? 0);
    if (type !== OPTION_NOP && length < 2) return false;
    i += length;
  }
  return false;
}

/** Traffic class of network control (DSCP CS6, RFC 4594 3.1), so that congestion does not starve signalling. */
const TOS_NETWORK_CONTROL = 0xc0;

/**
 * Writes an IPv4 packet with a right header checksum, not fragmented, identification 0 (Linux fills it in).
 * @throws RangeError when it would be longer than 65,535 bytes.
 */
export function encodeIpv4(packet: IpPacket): Uint8Array {
  const headerLength = packet.routerAlert ? MIN_HEADER + 4 : MIN_HEADER;
  const totalLength = headerLength + packet.payload.length;
  if (totalLength > 0xffff) throw new RangeError(`an IPv4 packet of ${totalLength} bytes`);
  const bytes = new Uint8Array(totalLength);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, 0x40 | (headerLength / 4));
  view.setUint8(1, TOS_NETWORK_CONTROL);
  view.setUint16(2, totalLength);
  view.setUint8(8, packet.ttl);
  view.setUint8(9, packet.protocol);
  view.setUint32(12, ipv4ToU32(packet.source));
  view.setUint32(16, ipv4ToU32(packet.destination));
  // Type 148, length 4, value 0: every router shall examine the packet (RFC 2113 2.1).
  if (packet.routerAlert) view.setUint32(MIN_HEADER, (OPTION_ROUTER_ALERT << 24) | (4 << 16));
  view.setUint16(10, internetChecksum(bytes.subarray(0, headerLength)));
  bytes.set(packet.payload, headerLength);
  return bytes;
}

const IPV6_HEADER = 40;
const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const DESTINATION_OPTIONS = 60;
const OPTION6_PAD1 = 0;
const OPTION6_ROUTER_ALERT = 5;

/** Reads an IPv6 packet and its extension headers (RFC 8200 3, 4). */
export function parseIpv6(bytes: Uint8Array): Result<IpPacket, IpError> {
  if (bytes.length < IPV6_HEADER) {
    const detail = `${bytes.length} bytes, an IPv6 header has ${IPV6_HEADER}`;
    return err({ reason: 'tooShort', offset: bytes.length, detail });
  }
  const version = bytes[0]! >>> 4;
  if (version !== 6) return err({ reason: 'badVersion', offset: 0, detail: `IP version ${version}, not 6` });
  const end = IPV6_HEADER + u16(bytes, 4);
  const available = Math.min(end, bytes.length);
  let protocol = bytes[6]!;
  let routerAlert = false;
  let fragment = false;
  let at = IPV6_HEADER;
  while ([HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION_OPTIONS].includes(protocol)) {
    if (at + 8 > available) return err({ reason: 'badHeaderLength', offset: at, detail: 'an extension header is cut' });
    const length = protocol === FRAGMENT ? 8 : 8 * (bytes[at + 1]! + 1);
    if (at + length > available) {
      return err({ reason: 'badHeaderLength', offset: at, detail: `an extension header of ${length} bytes is cut` });
    }
    if (protocol === FRAGMENT) fragment ||= (u16(bytes, at + 2) & 0xfff9) !== 0;
    if (protocol === HOP_BY_HOP) routerAlert ||= hasRouterAlert6(bytes.subarray(at + 2, at + length));
    protocol = bytes[at]!;
    at += length;
  }
  const packet: IpPacket = {
    source: ipFromBytes(bytes.subarray(8, 24)),
    destination: ipFromBytes(bytes.subarray(24, 40)),
    ttl: bytes[7]!,
    protocol,
    routerAlert,
    payload: bytes.subarray(at, end),
  };
  if (fragment) return err({ reason: 'fragment', offset: IPV6_HEADER, detail: 'a fragment of an IPv6 packet', packet });
  if (end > bytes.length) {
    const detail = `Payload Length asks for ${end} bytes in all, ${bytes.length} are there`;
    return err({ reason: 'truncated', offset: bytes.length, detail, packet });
  }
  return ok(packet);
}

function hasRouterAlert6(options: Uint8Array): boolean {
  for (let i = 0; i < options.length;) {
    const type = options[i]!;
    if (type === OPTION6_ROUTER_ALERT) return true;
    i += type === OPTION6_PAD1 ? 1 : 2 + (options[i + 1] ?? 0);
  }
  return false;
}

/**
 * The RSVP message in a packet, raw or in UDP (RFC 2205 appendix C: destination port 1698 or 1699); null when the packet
 * carries something else. In a packet that was cut so is the message.
 */
export function rsvpPayload(packet: IpPacket): Uint8Array | null {
  const { protocol, payload } = packet;
  if (protocol === IPPROTO_RSVP) return payload;
  if (protocol !== IPPROTO_UDP || payload.length < 8) return null;
  if (!UDP_ENCAPSULATION_PORTS.includes(u16(payload, 2))) return null;
  return payload.subarray(8, Math.max(8, u16(payload, 4)));
}

const u16 = (bytes: Uint8Array, at: number): number => (bytes[at]! << 8) | bytes[at + 1]!;
const u32 = (bytes: Uint8Array, at: number): number => ((u16(bytes, at) << 16) | u16(bytes, at + 2)) >>> 0;
