import { ipToBytes } from '../../core/base/ip.ts';
import type { ForeignIpRule } from '../../core/shaping/foreign/marks.ts';
import {
  ROUTE_PROTOCOL,
  RULE_PREFERENCE,
  type SteeringNumbers,
  neighbourLimit,
  type SteeringRoute,
  type SteeringRule,
  type SteeringStep,
} from '../../core/shaping/steering.ts';
import { AF_INET } from '../libc.ts';
import {
  decodeAttributes,
  encodeAttribute,
  encodeU32,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  RTM_DELROUTE,
  RTM_DELRULE,
  RTM_NEWROUTE,
  RTM_NEWRULE,
  u32Of,
  type NetlinkMessage,
} from './message.ts';
import { gatewayOf, RTA_GATEWAY, RTA_VIA } from './route-message.ts';

/** linux/fib_rules.h */
const FRA_PRIORITY = 6;
const FRA_FWMARK = 10;
const FRA_TABLE = 15;
const FRA_FWMASK = 16;
const FRA_PROTOCOL = 21;
const FR_ACT_TO_TBL = 1;
const AF_INET6 = 10;
/** linux/rtnetlink.h */
const RTA_OIF = 4;
const RTA_TABLE = 15;
const RTN_UNICAST = 1;
/** The neighbour is on the link, whatever the addresses here say. */
const RTNH_F_ONLINK = 4;
const RT_TABLE_UNSPEC = 0;

/** A message type with its flags and body, as rtnetlink takes it. */
export interface NetlinkRequest {
  readonly type: number;
  readonly flags: number;
  readonly body: Uint8Array;
}

/** @param indexOf interface name → index; null where there is none: then the step cannot be made. */
export function steeringRequest(step: SteeringStep, indexOf: (name: string) => number | null): NetlinkRequest | null {
  switch (step.op) {
    case 'addRule':
      return { type: RTM_NEWRULE, flags: NLM_F_CREATE | NLM_F_EXCL, body: ruleBody(step.rule) };
    case 'deleteRule':
      return { type: RTM_DELRULE, flags: 0, body: ruleBody(step.rule) };
    case 'setRoute': {
      const index = indexOf(step.route.interface);
      if (index === null) return null;
      return { type: RTM_NEWROUTE, flags: NLM_F_CREATE | NLM_F_REPLACE, body: routeBody(step.route, index) };
    }
    case 'deleteRoute':
      return { type: RTM_DELROUTE, flags: 0, body: routeBody(step.route, indexOf(step.route.interface) ?? 0) };
  }
}

function ruleBody({ mark, mask, table }: SteeringRule): Uint8Array {
  const header = new Uint8Array(12);
  header[0] = AF_INET;
  header[4] = RT_TABLE_UNSPEC;
  header[7] = FR_ACT_TO_TBL;
  return concat([
    header,
    encodeU32(FRA_PRIORITY, RULE_PREFERENCE),
    encodeU32(FRA_FWMARK, mark),
    encodeU32(FRA_FWMASK, mask),
    encodeU32(FRA_TABLE, table),
    encodeAttribute(FRA_PROTOCOL, Uint8Array.of(ROUTE_PROTOCOL)),
  ]);
}

function routeBody({ table, gateway }: SteeringRoute, index: number): Uint8Array {
  const header = new Uint8Array(12);
  header[0] = AF_INET;
  header[4] = RT_TABLE_UNSPEC;
  header[5] = ROUTE_PROTOCOL;
  header[7] = RTN_UNICAST;
  header[8] = RTNH_F_ONLINK;
  return concat([header, encodeU32(RTA_TABLE, table), encodeU32(RTA_OIF, index), gatewayAttribute(ipToBytes(gateway))]);
}

/** A router of the other IP version is named with its family (RTA_VIA). */
const gatewayAttribute = (address: Uint8Array): Uint8Array =>
  address.length === 4
    ? encodeAttribute(RTA_GATEWAY, address)
    : encodeAttribute(RTA_VIA, Uint8Array.of(AF_INET6, 0, ...address));

/** A rule of ours in an answer to RTM_GETRULE. */
export function steeringRuleOf({ type, body }: NetlinkMessage): SteeringRule[] {
  if (type !== RTM_NEWRULE || body.length < 12 || body[0] !== AF_INET || body[7] !== FR_ACT_TO_TBL) return [];
  const attributes = decodeAttributes(body.subarray(12));
  if (u32Of(attributes.get(FRA_PRIORITY)) !== RULE_PREFERENCE) return [];
  if (attributes.get(FRA_PROTOCOL)?.[0] !== ROUTE_PROTOCOL) return [];
  const table = u32Of(attributes.get(FRA_TABLE)) ?? body[4]!;
  const mark = u32Of(attributes.get(FRA_FWMARK)) ?? 0;
  return [{ mark, mask: u32Of(attributes.get(FRA_FWMASK)) ?? 0xffffffff, table }];
}

/** A rule of others that looks at marks, in an answer to RTM_GETRULE. */
export function foreignMarkRuleOf(message: NetlinkMessage): ForeignIpRule[] {
  const { type, body } = message;
  if (type !== RTM_NEWRULE || body.length < 12 || steeringRuleOf(message).length > 0) return [];
  const attributes = decodeAttributes(body.subarray(12));
  const mark = u32Of(attributes.get(FRA_FWMARK));
  const mask = u32Of(attributes.get(FRA_FWMASK)) ?? (mark === null ? 0 : 0xffffffff);
  if (mask === 0) return [];
  const family = body[0] === AF_INET ? 4 : 6;
  return [{ family, priority: u32Of(attributes.get(FRA_PRIORITY)) ?? 0, mark: mark ?? 0, mask }];
}

/** A route of ours in an answer to RTM_GETROUTE. */
export function steeringRouteOf(
  { type, body }: NetlinkMessage,
  numbers: SteeringNumbers,
  names: ReadonlyMap<number, string>,
): SteeringRoute[] {
  if (type !== RTM_NEWROUTE || body.length < 12 || body[0] !== AF_INET || body[5] !== ROUTE_PROTOCOL) return [];
  const attributes = decodeAttributes(body.subarray(12));
  const table = u32Of(attributes.get(RTA_TABLE)) ?? body[4]!;
  const { firstTable } = numbers;
  if (table <= firstTable || table > firstTable + neighbourLimit(numbers) || body[1] !== 0) return [];
  const gateway = gatewayOf(attributes);
  const name = names.get(u32Of(attributes.get(RTA_OIF)) ?? -1);
  if (!gateway || name === undefined) return [];
  return [{ table, interface: name, gateway }];
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
