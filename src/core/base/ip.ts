import { err, ok, type Result } from './result.ts';

declare const brand: unique symbol;
/** An IPv4 or IPv6 address in its one canonical text form (dotted quad, or RFC 5952), so that equality is `===`. */
export type IpAddress = string & { readonly [brand]: 'ip' };

/** An address with a prefix length, as an interface or a route has it. */
export interface IpPrefix {
  readonly address: IpAddress;
  /** 0 … 32 for IPv4, 0 … 128 for IPv6. */
  readonly length: number;
}

/** 4 for IPv4, 6 for IPv6. */
export const ipFamily = (address: IpAddress): 4 | 6 => (address.includes(':') ? 6 : 4);

/** Network-order bytes: 4 or 16 of them. */
export function ipToBytes(address: IpAddress): Uint8Array {
  return ipFamily(address) === 4 ? v4Bytes(address) : v6Bytes(address)!;
}

/** @throws RangeError when not given exactly 4 or 16 bytes. */
export function ipFromBytes(bytes: Uint8Array): IpAddress {
  if (bytes.length === 4) return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}` as IpAddress;
  if (bytes.length !== 16) throw new RangeError(`an IP address has 4 or 16 bytes, not ${bytes.length}`);
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push((bytes[i]! << 8) | bytes[i + 1]!);
  return formatV6(groups);
}

/** An IPv4 address from its 32 bits (unsigned, network order). */
export const ipv4FromU32 = (bits: number): IpAddress =>
  `${bits >>> 24}.${(bits >>> 16) & 0xff}.${(bits >>> 8) & 0xff}.${bits & 0xff}` as IpAddress;

/** The 32 bits of an IPv4 address, unsigned. One pass over the text, since codecs do it for every object. */
export function ipv4ToU32(address: IpAddress): number {
  let bits = 0;
  let octet = 0;
  for (let i = 0; i < address.length; i++) {
    const code = address.charCodeAt(i);
    if (code === 0x2e) {
      bits = (bits << 8) | octet;
      octet = 0;
    } else octet = octet * 10 + code - 0x30;
  }
  return ((bits << 8) | octet) >>> 0;
}

/** Parses text; leading zeros in IPv4 octets, zone ids and embedded blanks are refused. The error is a sentence for people. */
export function parseIp(text: string): Result<IpAddress, string> {
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) {
    const octets = text.split('.');
    if (octets.every((o) => Number(o) <= 255 && String(Number(o)) === o)) return ok(text as IpAddress);
    return err(`"${text}" is not an IPv4 address`);
  }
  const bytes = text.includes(':') ? v6Bytes(text) : undefined;
  return bytes ? ok(ipFromBytes(bytes)) : err(`"${text}" is not an IP address`);
}

/** Parses `10.1.0.2/24`; host bits may be set (interface addresses have them). */
export function parsePrefix(text: string): Result<IpPrefix, string> {
  const match = /^([^/]+)\/(\d{1,3})$/.exec(text);
  if (!match) return err(`"${text}" is not an address with a prefix length`);
  const address = parseIp(match[1]!);
  if (!address.ok) return address;
  const length = Number(match[2]);
  if (length > (ipFamily(address.value) === 4 ? 32 : 128)) return err(`"${text}" has a prefix length out of range`);
  return ok({ address: address.value, length });
}

export const formatPrefix = (prefix: IpPrefix): string => `${prefix.address}/${prefix.length}`;

/** True when `address` lies inside `prefix` (same family, first `length` bits equal). */
export function prefixContains(prefix: IpPrefix, address: IpAddress): boolean {
  if (ipFamily(prefix.address) !== ipFamily(address)) return false;
  const a = ipToBytes(prefix.address);
  const b = ipToBytes(address);
  let bits = prefix.length;
  for (let i = 0; bits > 0; i++, bits -= 8) {
    const mask = bits >= 8 ? 0xff : (0xff << (8 - bits)) & 0xff;
    if ((a[i]! & mask) !== (b[i]! & mask)) return false;
  }
  return true;
}

/** 224.0.0.0/4 or ff00::/8. */
export const isMulticast = (address: IpAddress): boolean =>
  ipFamily(address) === 4 ? ipv4ToU32(address) >>> 28 === 0xe : ipToBytes(address)[0] === 0xff;

function v4Bytes(text: string): Uint8Array {
  return Uint8Array.from(text.split('.'), Number);
}

function v6Bytes(text: string): Uint8Array | undefined {
  let rest = text;
  const tail: number[] = [];
  const v4 = /^(.*:)(\d{1,3}(?:\.\d{1,3}){3})$/.exec(text);
  if (v4) {
    const parsed = parseIp(v4[2]!);
    if (!parsed.ok) return undefined;
    const b = v4Bytes(parsed.value);
    tail.push((b[0]! << 8) | b[1]!, (b[2]! << 8) | b[3]!);
    rest = v4[1]!.endsWith('::') ? v4[1]! : v4[1]!.slice(0, -1);
  }
  const halves = rest.split('::');
  if (halves.length > 2) return undefined;
  const parse = (half: string): number[] | undefined => {
    if (half === '') return [];
    const groups = half.split(':');
    return groups.every((g) => /^[0-9a-fA-F]{1,4}$/.test(g)) ? groups.map((g) => parseInt(g, 16)) : undefined;
  };
  const head = parse(halves[0]!);
  const second = halves.length === 2 ? parse(halves[1]!) : [];
  if (!head || !second) return undefined;
  const fixed = head.length + second.length + tail.length;
  if (halves.length === 1 ? fixed !== 8 : fixed > 7) return undefined;
  const groups = [...head, ...Array<number>(8 - fixed).fill(0), ...second, ...tail];
  const bytes = new Uint8Array(16);
  groups.forEach((g, i) => bytes.set([g >> 8, g & 0xff], 2 * i));
  return bytes;
}

function formatV6(groups: readonly number[]): IpAddress {
  let best = { start: -1, length: 1 };
  for (let i = 0; i < 8; i++) {
    let j = i;
    while (j < 8 && groups[j] === 0) j++;
    if (j - i > best.length) best = { start: i, length: j - i };
    if (j > i) i = j;
  }
  const hex = groups.map((g) => g.toString(16));
  if (best.start < 0) return hex.join(':') as IpAddress;
  const left = hex.slice(0, best.start).join(':');
  const right = hex.slice(best.start + best.length).join(':');
  return `${left}::${right}` as IpAddress;
}
