import type { ByteReader, ByteWriter } from '../../base/bytes.ts';
import { ipFamily, ipFromBytes, ipToBytes, ipv4FromU32, ipv4ToU32, type IpAddress } from '../../base/ip.ts';

/** How an address is written; objects that carry one have C-Type 1 with IPv4 and C-Type 2 with IPv6 (RFC 2205 appendix A). */
export interface AddressField {
  readonly cType: 1 | 2;
  readonly length: 4 | 16;
  readonly read: (reader: ByteReader) => IpAddress;
  readonly write: (writer: ByteWriter, address: IpAddress) => void;
}

/** A power of two. */
const RECENT = 1_024;
const recentBits = new Uint32Array(RECENT);
const recentTexts: (IpAddress | undefined)[] = Array.from({ length: RECENT });

/** The text of an address that was read lately is taken again: most are neighbours', and state keeps them. */
function ipv4Text(bits: number): IpAddress {
  const slot = (bits ^ (bits >>> 10)) & (RECENT - 1);
  const known = recentTexts[slot];
  if (known !== undefined && recentBits[slot] === bits) return known;
  recentBits[slot] = bits;
  return (recentTexts[slot] = ipv4FromU32(bits));
}

export const IPV4: AddressField = {
  cType: 1,
  length: 4,
  read: (reader) => ipv4Text(reader.u32()),
  write: (writer, address) => writer.u32(ipv4ToU32(address)),
};

export const IPV6: AddressField = {
  cType: 2,
  length: 16,
  read: (reader) => ipFromBytes(reader.bytes(16)),
  write: (writer, address) => writer.bytes(ipToBytes(address)),
};

/** Picks the codec of the address's family from a pair. */
export const byFamily = <C>(address: IpAddress, v4: C, v6: C): C => (ipFamily(address) === 4 ? v4 : v6);
