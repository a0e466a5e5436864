/** Where an IP packet begins in a captured frame. */
export interface NetworkPacket {
  readonly family: 4 | 6;
  /** In the frame. */
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** LINKTYPE_ values of the pcap format. */
const LINK = {
  null: 0,
  ethernet: 1,
  ppp: 9,
  rawBsd: 12,
  rawOpenBsd: 14,
  pppHdlc: 50,
  raw: 101,
  ciscoHdlc: 104,
  loop: 108,
  linuxCooked: 113,
  ipv4: 228,
  ipv6: 229,
  linuxCooked2: 276,
};

const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;
const ETHERTYPE_VLAN: readonly number[] = [0x8100, 0x88a8, 0x9100];
const ETHERTYPE_MPLS: readonly number[] = [0x8847, 0x8848];
const PPP_IPV4 = 0x0021;
const PPP_IPV6 = 0x0057;

/** Whether `networkPacket` can look into frames of this link type. */
export const isKnownLinkType = (linkType: number): boolean => Object.values(LINK).includes(linkType);

/**
 * The IP packet in a frame: Ethernet with any number of VLAN tags and MPLS labels, raw IP, Linux cooked (both versions),
 * BSD loopback, PPP and Cisco HDLC. null: something else, or a frame cut before IP begins.
 */
export function networkPacket(linkType: number, frame: Uint8Array): NetworkPacket | null {
  switch (linkType) {
    case LINK.ethernet:
      return afterEthertype(frame, 12);
    case LINK.linuxCooked:
      return afterEthertype(frame, 14);
    case LINK.linuxCooked2:
      return afterEthertypeAt(frame, u16(frame, 0), 20);
    case LINK.ciscoHdlc:
      return afterEthertype(frame, 2);
    case LINK.ppp:
    case LINK.pppHdlc: {
      // Address and control (ff 03) may be compressed away.
      const at = u16(frame, 0) === 0xff03 ? 2 : 0;
      const protocol = u16(frame, at);
      return protocol === PPP_IPV4 || protocol === PPP_IPV6 ? byVersion(frame, at + 2) : null;
    }
    case LINK.null:
    case LINK.loop:
      // The address family before it differs by system and byte order; the IP version does not.
      return byVersion(frame, 4);
    case LINK.raw:
    case LINK.rawBsd:
    case LINK.rawOpenBsd:
    case LINK.ipv4:
    case LINK.ipv6:
      return byVersion(frame, 0);
    default:
      return null;
  }
}

const afterEthertype = (frame: Uint8Array, at: number): NetworkPacket | null =>
  afterEthertypeAt(frame, u16(frame, at), at + 2);

function afterEthertypeAt(frame: Uint8Array, firstType: number | undefined, start: number): NetworkPacket | null {
  let type = firstType;
  let at = start;
  while (type !== undefined && ETHERTYPE_VLAN.includes(type)) {
    type = u16(frame, at + 2);
    at += 4;
  }
  if (type === ETHERTYPE_IPV4 || type === ETHERTYPE_IPV6) return byVersion(frame, at);
  if (type === undefined || !ETHERTYPE_MPLS.includes(type)) return null;
  // Labels of four bytes; the last has its bottom-of-stack bit set.
  while (at + 4 <= frame.length && (frame[at + 2]! & 1) === 0) at += 4;
  return byVersion(frame, at + 4);
}

function byVersion(frame: Uint8Array, offset: number): NetworkPacket | null {
  const first = frame[offset];
  if (first === undefined) return null;
  const family = first >>> 4;
  return family === 4 || family === 6 ? { family, offset, bytes: frame.subarray(offset) } : null;
}

function u16(frame: Uint8Array, at: number): number | undefined {
  return at + 2 <= frame.length ? (frame[at]! << 8) | frame[at + 1]! : undefined;
}
