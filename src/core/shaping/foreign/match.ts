import { ipToBytes, type IpAddress } from '../../base/ip.ts';
import { listOf, member, numberOf, textOf, valuesOf, type Json } from './json.ts';

/** Whether something holds of a flow's packets; `maybe`: it cannot be told. */
export type Truth = 'yes' | 'no' | 'maybe';

/** A booked flow as it passes this host. */
export interface JudgedFlow {
  readonly source: IpAddress;
  /** 0 = any. */
  readonly sourcePort: number;
  readonly destination: IpAddress;
  readonly destinationPort: number;
  /** 6 or 17. */
  readonly protocol: number;
  /** null on the receiver's host. */
  readonly outgoing: string | null;
  readonly isSender: boolean;
  readonly isReceiver: boolean;
  /** Its source is the first address of `outgoing`: there a masquerade leaves it as it is. */
  readonly isOwnAddress: boolean;
  /** Bits of its mark that are known, and their values. */
  readonly mark: { readonly mask: number; readonly value: number };
}

/** What is known besides the flow. */
export interface MatchWorld {
  /** Elements of a set of the rule's table; undefined where they are not known. */
  elements(name: string): readonly Json[] | undefined;
  /** Of the packet that the rule is about: a connection's first, or one of those that follow. */
  readonly state: 'new' | 'established';
  /** Takes from what may still be looked at; false when nothing is left. */
  spend(amount: number): boolean;
}

export const and = (a: Truth, b: Truth): Truth =>
  a === 'no' || b === 'no' ? 'no' : a === 'yes' && b === 'yes' ? 'yes' : 'maybe';

const not = (a: Truth): Truth => (a === 'yes' ? 'no' : a === 'no' ? 'yes' : 'maybe');

/** Whether a `match` of nft's holds for the flow. */
export function matches(match: Json, flow: JudgedFlow, world: MatchWorld): Truth {
  const operator = textOf(member(match, 'op')) ?? '==';
  const left = member(match, 'left');
  const right = member(match, 'right');
  const found = equal(left, right, flow, world);
  if (operator === '==' || operator === 'in') return found;
  return operator === '!=' ? not(found) : 'maybe';
}

function equal(left: Json, right: Json, flow: JudgedFlow, world: MatchWorld): Truth {
  const meta = textOf(member(member(left, 'meta'), 'key'));
  const payload = member(left, 'payload');
  const masked = member(left, '&');
  if (meta !== null) return metaEqual(meta, right, flow, world);
  if (payload !== undefined) {
    return payloadEqual(
      textOf(member(payload, 'protocol')) ?? '',
      textOf(member(payload, 'field')) ?? '',
      right,
      flow,
      world,
    );
  }
  if (textOf(member(member(left, 'ct'), 'key')) === 'state') {
    const states = valuesOf(right).flatMap((state) => textOf(state) ?? STATES.get(numberOf(state) ?? -1) ?? []);
    return states.includes(world.state) ? 'yes' : 'no';
  }
  const fib = member(left, 'fib');
  if (textOf(member(fib, 'result')) === 'type' && [member(fib, 'flags')].flat().join() === 'daddr') {
    const isLocal = right === 'local' || numberOf(right) === RTN_LOCAL;
    return isLocal ? (flow.isReceiver ? 'yes' : 'no') : 'maybe';
  }
  if (Array.isArray(masked) && member(member(masked[0], 'meta'), 'key') === 'mark') {
    const mask = numberOf(masked[1]);
    const value = numberOf(right);
    if (mask === null || value === null) return 'maybe';
    const known = (mask & flow.mark.mask) >>> 0;
    if (((flow.mark.value ^ value) & known) >>> 0 !== 0) return 'no';
    return known === mask >>> 0 ? 'yes' : 'maybe';
  }
  return 'maybe';
}

/** Bits of ct state as nft prints them with numbers. */
const STATES: ReadonlyMap<number, string> = new Map([
  [1, 'invalid'],
  [2, 'established'],
  [4, 'related'],
  [8, 'new'],
  [64, 'untracked'],
]);
const RTN_LOCAL = 2;

function metaEqual(key: string, right: Json, flow: JudgedFlow, world: MatchWorld): Truth {
  switch (key) {
    case 'oifname':
    case 'oif':
      return flow.outgoing === null ? 'maybe' : anyOf(right, world, (name) => sameName(name, flow.outgoing!));
    case 'iifname':
    case 'iif':
      // Where it comes in is the routes' affair on another host; what the host sends itself comes in nowhere.
      return flow.isSender ? 'no' : 'maybe';
    case 'l4proto':
      return anyOf(right, world, (value) => sameProtocol(value, flow.protocol));
    case 'nfproto':
      return anyOf(right, world, (value) => truth(value === 'ipv4' || numberOf(value) === 2));
    default:
      return 'maybe';
  }
}

function payloadEqual(protocol: string, field: string, right: Json, flow: JudgedFlow, world: MatchWorld): Truth {
  if (protocol === 'ip6' || protocol === 'icmp' || protocol === 'icmpv6') return 'no';
  if (protocol === 'ip') {
    if (field === 'saddr') return anyOf(right, world, (value) => sameAddress(value, flow.source));
    if (field === 'daddr') return anyOf(right, world, (value) => sameAddress(value, flow.destination));
    return field === 'protocol' ? anyOf(right, world, (value) => sameProtocol(value, flow.protocol)) : 'maybe';
  }
  if (protocol === 'tcp' && flow.protocol !== 6) return 'no';
  if (protocol === 'udp' && flow.protocol !== 17) return 'no';
  if (!['tcp', 'udp', 'th'].includes(protocol)) return 'maybe';
  const port = field === 'sport' ? flow.sourcePort : field === 'dport' ? flow.destinationPort : 0;
  return port === 0 ? 'maybe' : anyOf(right, world, (value) => within(value, port, numberOf));
}

/** Whether one of the values holds. */
function anyOf(right: Json, world: MatchWorld, holds: (value: Json) => Truth): Truth {
  const isNamed = typeof right === 'string' && right.startsWith('@');
  const values = isNamed ? world.elements(right.slice(1)) : valuesOf(right);
  if (values === undefined || !world.spend(values.length)) return 'maybe';
  let found: Truth = 'no';
  for (const each of values) {
    const one = holds(member(member(each, 'elem'), 'val') ?? each);
    if (one === 'yes') return 'yes';
    if (one === 'maybe') found = 'maybe';
  }
  return found;
}

const truth = (holds: boolean): Truth => (holds ? 'yes' : 'no');

function sameName(pattern: Json, name: string): Truth {
  if (typeof pattern !== 'string') return 'maybe';
  return truth(pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : pattern === name);
}

function sameProtocol(value: Json, protocol: number): Truth {
  const names: Readonly<Record<string, number>> = { tcp: 6, udp: 17, icmp: 1, sctp: 132, dccp: 33, esp: 50, ah: 51 };
  const range = member(value, 'range');
  if (range !== undefined) return within(value, protocol, numberOf);
  const number = numberOf(value) ?? (typeof value === 'string' ? (names[value] ?? null) : null);
  return number === null ? 'maybe' : truth(number === protocol);
}

function sameAddress(value: Json, address: IpAddress): Truth {
  const number = addressNumber(address);
  if (number === null) return 'maybe';
  const prefix = member(value, 'prefix');
  if (prefix === undefined) return within(value, number, addressNumber);
  const base = addressNumber(member(prefix, 'addr'));
  const length = numberOf(member(prefix, 'len'));
  if (base === null || length === null || length < 0 || length > 32) return 'maybe';
  const size = 2 ** (32 - length);
  return truth(Math.floor(base / size) === Math.floor(number / size));
}

function within(value: Json, number: number, read: (value: Json) => number | null): Truth {
  const range = member(value, 'range');
  const [low, high] = range === undefined ? [value, value] : listOf(range);
  const [from, to] = [read(low), read(high)];
  return from === null || to === null ? 'maybe' : truth(from <= number && number <= to);
}

function addressNumber(value: Json): number | null {
  if (typeof value !== 'string' || !/^\d{1,3}(\.\d{1,3}){3}$/.test(value)) return null;
  const bytes = ipToBytes(value as IpAddress);
  return bytes.length === 4 ? bytes.reduce((sum, byte) => sum * 256 + byte, 0) : null;
}
