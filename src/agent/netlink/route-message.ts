import { ipv4Number } from '../../core/base/address-ranges.ts';
import { ipFromBytes, type IpAddress } from '../../core/base/ip.ts';
import type { NextHop, Route } from '../../core/network/topology.ts';
import { AF_INET } from '../libc.ts';
import { decodeAttributes, RTM_DELROUTE, RTM_NEWROUTE, u32Of, type NetlinkMessage } from './message.ts';

/** linux/rtnetlink.h */
const RTA_DST = 1;
const RTA_OIF = 4;
export const RTA_GATEWAY = 5;
const RTA_PRIORITY = 6;
const RTA_MULTIPATH = 9;
const RTA_TABLE = 15;
export const RTA_VIA = 18;
const RTMSG_BYTES = 12;
const RTN_UNICAST = 1;
const RT_TABLE_MAIN = 254;
const RTNH_F_DEAD_OR_LINKDOWN = 0x1 | 0x10;
const RTNEXTHOP_BYTES = 8;

/** The next hops of a route that are alive, in the kernel's order; of other links than `names` knows they are left out. */
export function nextHopsOf({ body }: NetlinkMessage, names: ReadonlyMap<number, string>): readonly NextHop[] {
  const attributes = decodeAttributes(body.subarray(RTMSG_BYTES));
  const several = attributes.get(RTA_MULTIPATH);
  if (several) return severalHops(several, names);
  const flags = new DataView(body.buffer, body.byteOffset, body.byteLength).getUint32(8, true);
  return nextHop(u32Of(attributes.get(RTA_OIF)), flags, attributes, names);
}

/** Each with a header of its own (struct rtnexthop): length, flags, weight, interface; its attributes follow. */
function severalHops(bytes: Uint8Array, names: ReadonlyMap<number, string>): readonly NextHop[] {
  const hops: NextHop[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + RTNEXTHOP_BYTES <= bytes.length;) {
    const length = view.getUint16(at, true);
    if (length < RTNEXTHOP_BYTES || at + length > bytes.length) break;
    const attributes = decodeAttributes(bytes.subarray(at + RTNEXTHOP_BYTES, at + length));
    hops.push(...nextHop(view.getInt32(at + 4, true), bytes[at + 2]!, attributes, names));
    at += (length + 3) & ~3;
  }
  return hops;
}

function nextHop(
  index: number | null,
  flags: number,
  attributes: ReadonlyMap<number, Uint8Array>,
  names: ReadonlyMap<number, string>,
): NextHop[] {
  const name = names.get(index ?? -1);
  if (name === undefined || flags & RTNH_F_DEAD_OR_LINKDOWN) return [];
  return [{ interface: name, gateway: gatewayOf(attributes) }];
}

/** Of the route's own family, or of the other one (RTA_VIA: family and address); null: the link itself leads there. */
export function gatewayOf(attributes: ReadonlyMap<number, Uint8Array>): IpAddress | null {
  const gateway = attributes.get(RTA_GATEWAY) ?? attributes.get(RTA_VIA)?.subarray(2);
  return gateway && (gateway.length === 4 || gateway.length === 16) ? ipFromBytes(gateway) : null;
}

export const tableOf = (body: Uint8Array, attributes: ReadonlyMap<number, Uint8Array>): number =>
  u32Of(attributes.get(RTA_TABLE)) ?? body[4]!;

/**
 * The destination of an IPv4 route, of any table and kind, its address as a number; null for another message. Costs less than
 * reading all of it.
 */
export function routeTarget({
  type,
  body,
}: NetlinkMessage): { readonly address: number; readonly length: number } | null {
  if ((type !== RTM_NEWROUTE && type !== RTM_DELROUTE) || body.length < RTMSG_BYTES || body[0] !== AF_INET) return null;
  const length = Math.min(body[1]!, 32);
  for (let at = RTMSG_BYTES; at + 8 <= body.length;) {
    const size = body[at]! | (body[at + 1]! << 8);
    if (size < 4) break;
    if (body[at + 2] === RTA_DST && size === 8) return { address: ipv4Number(body.subarray(at + 4, at + 8)), length };
    at += (size + 3) & ~3;
  }
  return { address: 0, length };
}

/** A unicast IPv4 route of the main table with a next hop that is alive. */
export function mainRouteOf(message: NetlinkMessage, names: ReadonlyMap<number, string>): Route[] {
  const { type, body } = message;
  if (type !== RTM_NEWROUTE || body.length < RTMSG_BYTES || body[0] !== AF_INET || body[7] !== RTN_UNICAST) return [];
  const attributes = decodeAttributes(body.subarray(RTMSG_BYTES));
  if (tableOf(body, attributes) !== RT_TABLE_MAIN) return [];
  const [first, ...others] = nextHopsOf(message, names);
  if (!first) return [];
  const target = attributes.get(RTA_DST);
  const destination = { address: target ? ipFromBytes(target) : ('0.0.0.0' as IpAddress), length: body[1]! };
  const metric = u32Of(attributes.get(RTA_PRIORITY)) ?? 0;
  return [{ destination, ...first, metric, ...(others.length > 0 ? { others } : {}) }];
}
