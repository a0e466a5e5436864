import { ipFamily, parseIp, type IpAddress } from '../base/ip.ts';
import { err, ok, type Result } from '../base/result.ts';
import type { FlowFilter } from './desired.ts';

type Field = 'protocol' | 'source' | 'sourcePort' | 'destination' | 'destinationPort';

/** One map of the classifier: all filters that name the same fields of the same address family. */
export interface FilterMap {
  readonly name: string;
  readonly family: 4 | 6;
  readonly fields: readonly Field[];
}

const FORMS: readonly (readonly [string, readonly Field[]])[] = [
  ['full', ['protocol', 'source', 'sourcePort', 'destination', 'destinationPort']],
  ['from_to_port', ['protocol', 'source', 'destination', 'destinationPort']],
  ['from_to', ['protocol', 'source', 'destination']],
  ['to_port', ['protocol', 'destination', 'destinationPort']],
  ['to', ['protocol', 'destination']],
];

/** Every map there can be, most specific first: the order of the rules. */
export const FILTER_MAPS: readonly FilterMap[] = ([4, 6] as const).flatMap((family) =>
  FORMS.map(([form, fields]) => ({ name: `v${family}_${form}`, family, fields })),
);

const BY_NAME = new Map(FILTER_MAPS.map((map) => [map.name, map]));
/** TCP, DCCP, UDP, SCTP, UDP-Lite: those whose first four bytes are the ports. */
const WITH_PORTS = new Set([6, 17, 33, 132, 136]);

export const filterMap = (name: string): FilterMap | undefined => BY_NAME.get(name);
export const mapOfElement = (key: string): string => key.slice(0, key.indexOf('|'));
/** `a . b . c` of an element key, as nft writes the key of a concatenation. */
export const textOfElement = (key: string): string => key.slice(key.indexOf('|') + 1);

/** The type of a map's key, as nft declares it. */
export function mapType(map: FilterMap): string[] {
  const address = map.family === 4 ? 'ipv4_addr' : 'ipv6_addr';
  const types = {
    protocol: 'inet_proto',
    source: address,
    destination: address,
    sourcePort: 'inet_service',
    destinationPort: 'inet_service',
  };
  return map.fields.map((field) => types[field]);
}

/** What of a packet a map is looked up with. */
export function mapKey(map: FilterMap): string {
  const ip = map.family === 4 ? 'ip' : 'ip6';
  const keys = {
    protocol: 'meta l4proto',
    source: `${ip} saddr`,
    destination: `${ip} daddr`,
    sourcePort: 'th sport',
    destinationPort: 'th dport',
  };
  return map.fields.map((field) => keys[field]).join(' . ');
}

/** The element of the classifier for a filter, `map|a . b . c`, or why there can be none. */
export function elementKey(filter: FlowFilter): Result<string, string> {
  const { protocol, source, sourcePort, destination, destinationPort } = filter;
  if (!Number.isInteger(protocol) || protocol < 1 || protocol > 255)
    return err(`protocol ${protocol} is outside 1 … 255`);
  for (const [name, port] of [
    ['sourcePort', sourcePort],
    ['destinationPort', destinationPort],
  ] as const) {
    if (port === null) continue;
    if (!Number.isInteger(port) || port < 1 || port > 65_535) return err(`${name} ${port} is outside 1 … 65535`);
    if (!WITH_PORTS.has(protocol)) return err(`${name} ${port} is given for protocol ${protocol}, which has no ports`);
  }
  if (sourcePort !== null && destinationPort === null) return err(`sourcePort ${sourcePort} without destinationPort`);
  if (sourcePort !== null && source === null) return err(`sourcePort ${sourcePort} without source`);
  for (const [name, address] of [
    ['destination', destination],
    ['source', source],
  ] as const) {
    if (address === null) continue;
    const parsed = parseIp(address);
    if (!parsed.ok || parsed.value !== address) return err(`${name} "${address}" is not a canonical IP address`);
  }
  const family = ipFamily(destination);
  if (source !== null && ipFamily(source) !== family)
    return err(`source ${source} and destination ${destination} are of different families`);
  const present = { protocol, source, sourcePort, destination, destinationPort };
  const map = FILTER_MAPS.find((m) => m.family === family && m.fields.every((f) => present[f] !== null))!;
  return ok(`${map.name}|${map.fields.map((field) => present[field]).join(' . ')}`);
}

/** Canonical text of an element that was read back; null when it is not one of ours. */
export function elementKeyFromParts(map: string, parts: readonly (string | number)[]): string | null {
  const known = BY_NAME.get(map);
  if (!known || parts.length !== known.fields.length) return null;
  const text = parts.map((part) => {
    const address = typeof part === 'string' ? parseIp(part) : null;
    return address?.ok ? (address.value satisfies IpAddress) : String(part);
  });
  return `${map}|${text.join(' . ')}`;
}
