import { existsSync, readFileSync } from 'node:fs';
import { ipFromBytes, ipToBytes, type IpAddress, type IpPrefix } from '../../core/base/ip.ts';
import type { NextHop, Route } from '../../core/network/topology.ts';
import type { EngineRoute } from '../../core/rsvp/engine/types.ts';
import type { ForeignIpRule } from '../../core/shaping/foreign/marks.ts';
import {
  ROUTE_PROTOCOL,
  type SteeringNumbers,
  type SteeringRoutes,
  type SteeringStep,
} from '../../core/shaping/steering.ts';
import { AF_INET, MSG_DONTWAIT, SOCK_NONBLOCK, type Libc } from '../libc.ts';
import type { Poller } from '../poller.ts';
import {
  decodeAttributes,
  decodeNetlink,
  encodeAttribute,
  encodeU32,
  NLM_F_DUMP,
  RTM_DELROUTE,
  RTM_GETADDR,
  RTM_GETLINK,
  RTM_GETNETCONF,
  RTM_GETROUTE,
  RTM_GETRULE,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWROUTE,
  textOf,
  u32Of,
  type NetlinkMessage,
} from './message.ts';
import { ReversePathFilters } from './reverse-path.ts';
import { nextHopsOf } from './route-message.ts';
import { RouteTable } from './route-table.ts';
import { Soon } from './soon.ts';
import { NetlinkSocket, openNetlink } from './socket.ts';
import { foreignMarkRuleOf, steeringRequest, steeringRouteOf, steeringRuleOf } from './steering.ts';

/** An interface as the kernel has it. */
export interface HostInterface {
  readonly index: number;
  readonly name: string;
  readonly addresses: readonly IpPrefix[];
  readonly mtuBytes: number;
  /** Administratively up with a carrier. */
  readonly up: boolean;
  /** null = unknown; what a virtual device claims counts as unknown. */
  readonly speedBitsPerSecond: number | null;
  /** Reverse-path filtering in force for IPv4: 0 none, 1 strict, 2 loose; null = unknown. */
  readonly rpFilter: number | null;
}

/** The kernel's answer for one packet; its gateway may be of the other IP version. */
export interface HostRoute extends EngineRoute {
  /**
   * All next hops of a multipath route, of which the kernel took this one: other packets may take another, by a hash that
   * nobody can predict. Empty: there is but one.
   */
  readonly choices: readonly NextHop[];
}

/** The part of the kernel's network state that an agent follows. */
export interface HostNetwork {
  /** Without loopback. */
  interfaces(): readonly HostInterface[];
  /** Unicast IPv4 routes of the main table that concern the topology and whose link is alive. */
  routes(): readonly Route[];
  /** The subnets of the topology; none: every route concerns it. */
  concern(subnets: readonly IpPrefix[]): void;
  /** The kernel's own answer for a locally sent packet with that mark (0 = none), cached until something changes. */
  lookup(destination: IpAddress, mark?: number): HostRoute | null;
  /** Rules and routes of ours that lead marked packets to a neighbour; null where there are none to be had. */
  steering(): SteeringRoutes | null;
  /** Rules of policy routing that look at marks and are not ours, of both families. */
  markRules(): readonly ForeignIpRule[];
  /** Changes them, in order. Resolves to what could not be done, a sentence each. */
  steer(steps: readonly SteeringStep[]): readonly string[];
  close(): Promise<void>;
}

const RTMGRP = 0x1 | 0x10 | 0x40 | 0x80 | 0x800000 | 0x40000; // links, IPv4 addresses, routes, rules, settings of interfaces, IPv6 rules
const IFF_UP = 0x1;
const IFF_LOOPBACK = 0x8;
const IFF_RUNNING = 0x40;
const RTN_UNICAST = 1;
const RTN_LOCAL = 2;
/** Linux 4.16 and later: answer with the route itself. */
const RTM_F_FIB_MATCH = 0x2000;
const CACHE_ENTRIES = 10_000;
const ENODEV = 19;
const AF_INET6 = 10;
const ENOBUFS = 105;
const MAX_BYTES_AT_ONCE = 1024 * 1024;
/** Where struct rtmsg has the origin of a route. */
const RTM_PROTOCOL = 5;

interface HostState {
  readonly interfaces: readonly HostInterface[];
  readonly names: ReadonlyMap<number, string>;
}

/**
 * Follows links, addresses and routes over rtnetlink: one socket for events, one for questions. `changed` is called on
 * the main thread after the new state is in place, once for a burst of events; what it is not about costs next to nothing.
 * @throws Error where the netlink sockets cannot be had.
 */
export function openHostNetwork(options: {
  libc: Libc;
  poller: Poller;
  numbers: SteeringNumbers;
  /** As `concern`, from the start. */
  subnets: readonly IpPrefix[];
  changed: () => void;
}): HostNetwork {
  const { libc } = options;
  const events = openNetlink(libc, RTMGRP, SOCK_NONBLOCK);
  const questions = new NetlinkSocket(libc);
  const buffer = new Uint8Array(64 * 1024);
  questions.filterDumps();
  let state = readState();
  let markRules: readonly ForeignIpRule[] = [];
  let steering = readSteering();
  const table = new RouteTable({
    ...{ libc, concern: options.subnets, names: () => state.names },
    changed: () => soon.tell(),
  });
  let cache = new Map<string, HostRoute | null>();
  let closed = false;
  const soon = new Soon(() => {
    if (!closed) options.changed();
  });
  table.readNow();
  options.poller.watch(events, () => {
    let routes = false;
    let other = false;
    for (let bytes = 0; bytes < MAX_BYTES_AT_ONCE;) {
      const length = libc.recv(events, buffer, buffer.length, MSG_DONTWAIT);
      // After an overrun nobody knows what is missing.
      if (length < 0 && libc.errno() === ENOBUFS) other = true;
      else if (length <= 0) break;
      else {
        bytes += length;
        const messages = decodeNetlink(buffer.subarray(0, length));
        other ||= messages.some((each) => !isRoute(each) || isOurs(each));
        routes ||= !other && table.concerns(messages);
      }
    }
    if (!routes && !other) return;
    if (other) {
      state = readState();
      steering = readSteering();
    }
    cache = new Map();
    table.forgetAsked();
    table.refresh();
    soon.tell();
  });

  function readState(): HostState {
    const links = questions.ask(RTM_GETLINK, NLM_F_DUMP, new Uint8Array(16)).flatMap(linkOf);
    const inet = new Uint8Array(12);
    inet[0] = AF_INET;
    const addresses = questions.ask(RTM_GETADDR, NLM_F_DUMP, inet.slice(0, 8)).flatMap(addressOf);
    const filters = new ReversePathFilters(questions.ask(RTM_GETNETCONF, NLM_F_DUMP, inet.slice(0, 4)));
    const interfaces = links.map((link) => ({
      ...link,
      rpFilter: filters.of(link.index),
      addresses: addresses.filter((a) => a.index === link.index).map((a) => a.prefix),
    }));
    return { interfaces, names: new Map(links.map((link) => [link.index, link.name])) };
  }

  function readSteering(): SteeringRoutes {
    const inet = new Uint8Array(12);
    inet[0] = AF_INET;
    const all = questions.ask(RTM_GETRULE, NLM_F_DUMP, inet);
    const rules = all.flatMap(steeringRuleOf);
    const inet6 = new Uint8Array(12);
    inet6[0] = AF_INET6;
    markRules = [...all, ...questions.ask(RTM_GETRULE, NLM_F_DUMP, inet6)].flatMap(foreignMarkRuleOf);
    inet[RTM_PROTOCOL] = ROUTE_PROTOCOL;
    const routes = questions
      .ask(RTM_GETROUTE, NLM_F_DUMP, inet)
      .flatMap((message) => steeringRouteOf(message, options.numbers, state.names));
    return { rules, routes };
  }

  function askRoute(destination: IpAddress, mark: number): HostRoute | null {
    const bytes = ipToBytes(destination);
    if (bytes.length !== 4) return null;
    const { names } = state;
    const answer = question(bytes, mark, 0);
    const [hop] = answer ? nextHopsOf(answer, names) : [];
    if (answer?.body[7] === RTN_LOCAL) return { interface: 'lo', gateway: null, ...hop, local: true, choices: [] };
    if (answer?.body[7] !== RTN_UNICAST || !hop) return null;
    // The route itself, of which the answer before has one next hop.
    const matched = question(bytes, mark, RTM_F_FIB_MATCH);
    const choices = matched ? nextHopsOf(matched, names) : [];
    return { ...hop, local: false, choices: choices.length > 1 ? choices : [] };
  }

  function question(destination: Uint8Array, mark: number, flags: number): NetlinkMessage | null {
    const header = new Uint8Array(12);
    header[0] = AF_INET;
    header[1] = 32;
    new DataView(header.buffer).setUint32(8, flags, true);
    const marked = mark === 0 ? [] : encodeU32(RTA_MARK, mark);
    const body = Uint8Array.from([...header, ...encodeAttribute(RTA_DST, destination), ...marked]);
    const [answer] = questions.ask(RTM_GETROUTE, 0, body);
    return answer?.type === RTM_NEWROUTE && answer.body.length >= 12 ? answer : null;
  }

  return {
    interfaces: () => state.interfaces,
    routes: () => table.routes(),
    concern: (subnets) => table.concern(subnets),
    lookup(destination, mark = 0) {
      const key = `${destination} ${mark}`;
      const known = cache.get(key);
      if (known !== undefined) return known;
      if (cache.size >= CACHE_ENTRIES) {
        cache.clear();
        table.forgetAsked();
      }
      const answer = askRoute(destination, mark);
      table.asked(destination);
      cache.set(key, answer);
      return answer;
    },
    steering: () => steering,
    markRules: () => markRules,
    steer(steps) {
      if (steps.length === 0) return [];
      const indexOf = (name: string): number | null => state.interfaces.find((one) => one.name === name)?.index ?? null;
      const problems = steps.flatMap((step) => {
        const request = steeringRequest(step, indexOf);
        const errno = request ? questions.change(request.type, request.flags, request.body) : ENODEV;
        return errno === 0
          ? []
          : [`${step.op} ${JSON.stringify('rule' in step ? step.rule : step.route)}: errno ${errno}`];
      });
      steering = readSteering();
      cache = new Map();
      return problems;
    },
    async close() {
      closed = true;
      soon.close();
      table.close();
      libc.close(events);
      questions.close();
    },
  };
}

const isRoute = ({ type }: NetlinkMessage): boolean => type === RTM_NEWROUTE || type === RTM_DELROUTE;

const isOurs = ({ body }: NetlinkMessage): boolean => body[RTM_PROTOCOL] === ROUTE_PROTOCOL;

const IFLA_IFNAME = 3;
const IFLA_MTU = 4;

function linkOf(message: NetlinkMessage): Omit<HostInterface, 'addresses' | 'rpFilter'>[] {
  if (message.type !== RTM_NEWLINK || message.body.length < 16) return [];
  const view = new DataView(message.body.buffer, message.body.byteOffset, message.body.byteLength);
  const attributes = decodeAttributes(message.body.subarray(16));
  const name = textOf(attributes.get(IFLA_IFNAME));
  const flags = view.getUint32(8, true);
  if (name === null || flags & IFF_LOOPBACK) return [];
  return [
    {
      index: view.getInt32(4, true),
      name,
      mtuBytes: u32Of(attributes.get(IFLA_MTU)) ?? 0,
      up: (flags & (IFF_UP | IFF_RUNNING)) === (IFF_UP | IFF_RUNNING),
      speedBitsPerSecond: physicalSpeed(name),
    },
  ];
}

/** Only a physical device has a `device` link; a veth claims 10,000 Mbit/s that mean nothing. */
function physicalSpeed(name: string): number | null {
  const folder = `/sys/class/net/${name}`;
  if (!existsSync(`${folder}/device`)) return null;
  try {
    const megabits = Number(readFileSync(`${folder}/speed`, 'utf8'));
    return megabits > 0 ? megabits * 1_000_000 : null;
  } catch {
    // The file cannot be read while the link is down.
    return null;
  }
}

const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;

function addressOf(message: NetlinkMessage): { index: number; prefix: IpPrefix }[] {
  if (message.type !== RTM_NEWADDR || message.body.length < 8) return [];
  const view = new DataView(message.body.buffer, message.body.byteOffset, message.body.byteLength);
  const attributes = decodeAttributes(message.body.subarray(8));
  const address = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS);
  if (!address || address.length !== 4) return [];
  return [{ index: view.getInt32(4, true), prefix: { address: ipFromBytes(address), length: message.body[1]! } }];
}

const RTA_DST = 1;
const RTA_MARK = 16;
