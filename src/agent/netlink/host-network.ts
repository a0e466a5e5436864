import { existsSync, readFileSync } from 'node:fs';
import { ipFromBytes, ipToBytes, type IpAddress, type IpPrefix } from '../../core/base/ip.ts';
import type { Route } from '../../core/network/topology.ts';
import type { EngineRoute } from '../../core/rsvp/engine/types.ts';
import { AF_INET, AF_NETLINK, MSG_DONTWAIT, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_RAW, type Libc } from '../libc.ts';
import type { Poller } from '../poller.ts';
import {
  decodeAttributes,
  decodeNetlink,
  encodeAttribute,
  encodeNetlink,
  NLM_F_DUMP,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
  RTM_GETADDR,
  RTM_GETLINK,
  RTM_GETROUTE,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWROUTE,
  textOf,
  u32Of,
  type NetlinkMessage,
} from './message.ts';

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
}

/** The part of the kernel's network state that an agent follows. */
export interface HostNetwork {
  /** Without loopback. */
  interfaces(): readonly HostInterface[];
  /** Unicast IPv4 routes of the main table whose link is alive. */
  routes(): readonly Route[];
  /** The kernel's own answer for a locally sent packet, cached until something changes. */
  lookup(destination: IpAddress): EngineRoute | null;
  close(): Promise<void>;
}

const RTMGRP = 0x1 | 0x10 | 0x40; // links, IPv4 addresses, IPv4 routes
const IFF_UP = 0x1;
const IFF_LOOPBACK = 0x8;
const IFF_RUNNING = 0x40;
const RT_TABLE_MAIN = 254;
const RTN_UNICAST = 1;
const RTN_LOCAL = 2;
const RTNH_F_DEAD_OR_LINKDOWN = 0x1 | 0x10;
const CACHE_ENTRIES = 10_000;

/**
 * Follows links, addresses and routes over rtnetlink: one socket for events, one for questions. `changed` is called on
 * the main thread after the new state is in place, once for a burst of events.
 * @throws Error where the netlink sockets cannot be had.
 */
export function openHostNetwork(options: { libc: Libc; poller: Poller; changed: () => void }): HostNetwork {
  const { libc } = options;
  const events = openSocket(libc, RTMGRP, SOCK_NONBLOCK);
  const questions = openSocket(libc, 0, 0);
  const buffer = new Uint8Array(256 * 1024);
  let sequence = 1;
  let state = dumpAll();
  let cache = new Map<IpAddress, EngineRoute | null>();
  let scheduled = false;
  let closed = false;

  options.poller.watch(events, () => {
    // The content does not matter: after an overrun (ENOBUFS) it would be incomplete anyway, so the state is read anew.
    while (libc.recv(events, buffer, buffer.length, MSG_DONTWAIT) > 0);
    if (scheduled) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      if (closed) return;
      state = dumpAll();
      cache = new Map();
      options.changed();
    });
  });

  function ask(type: number, flags: number, body: Uint8Array): NetlinkMessage[] {
    const mine = sequence++;
    const request = encodeNetlink(type, NLM_F_REQUEST | flags, mine, body);
    if (libc.send(questions, request, request.length, 0) < 0) return [];
    const answers: NetlinkMessage[] = [];
    for (;;) {
      const length = libc.recv(questions, buffer, buffer.length, 0);
      if (length <= 0) return answers;
      for (const message of decodeNetlink(buffer.slice(0, length))) {
        if (message.sequence !== mine) continue;
        if (message.type === NLMSG_DONE || message.type === NLMSG_ERROR) return answers;
        answers.push(message);
        if (flags !== NLM_F_DUMP) return answers;
      }
    }
  }

  function dumpAll(): { interfaces: readonly HostInterface[]; routes: readonly Route[] } {
    const links = ask(RTM_GETLINK, NLM_F_DUMP, new Uint8Array(16)).flatMap(linkOf);
    const inet = new Uint8Array(12);
    inet[0] = AF_INET;
    const addresses = ask(RTM_GETADDR, NLM_F_DUMP, inet.slice(0, 8)).flatMap(addressOf);
    const names = new Map(links.map((link) => [link.index, link.name]));
    const interfaces = links.map((link) => ({
      ...link,
      addresses: addresses.filter((a) => a.index === link.index).map((a) => a.prefix),
    }));
    const routes = ask(RTM_GETROUTE, NLM_F_DUMP, inet).flatMap((message) => mainRouteOf(message, names));
    return { interfaces, routes };
  }

  function askRoute(destination: IpAddress): EngineRoute | null {
    const bytes = ipToBytes(destination);
    if (bytes.length !== 4) return null;
    const attribute = encodeAttribute(RTA_DST, bytes);
    const body = new Uint8Array(12 + attribute.length);
    body[0] = AF_INET;
    body[1] = 32;
    body.set(attribute, 12);
    const [answer] = ask(RTM_GETROUTE, 0, body);
    if (answer?.type !== RTM_NEWROUTE || answer.body.length < 12) return null;
    const attributes = decodeAttributes(answer.body.subarray(12));
    const outgoing = state.interfaces.find((i) => i.index === u32Of(attributes.get(RTA_OIF)));
    const local = answer.body[7] === RTN_LOCAL;
    if (!local && (answer.body[7] !== RTN_UNICAST || !outgoing)) return null;
    const gateway = attributes.get(RTA_GATEWAY);
    return { interface: outgoing?.name ?? 'lo', gateway: gateway ? ipFromBytes(gateway) : null, local };
  }

  return {
    interfaces: () => state.interfaces,
    routes: () => state.routes,
    lookup(destination) {
      const known = cache.get(destination);
      if (known !== undefined) return known;
      if (cache.size >= CACHE_ENTRIES) cache.clear();
      const answer = askRoute(destination);
      cache.set(destination, answer);
      return answer;
    },
    async close() {
      closed = true;
      libc.close(events);
      libc.close(questions);
    },
  };
}

function openSocket(libc: Libc, groups: number, flags: number): number {
  const fd = libc.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, 0);
  if (fd < 0) throw new Error(`a netlink socket was refused (errno ${libc.errno()})`);
  const address = new Uint8Array(12);
  const view = new DataView(address.buffer);
  view.setUint16(0, AF_NETLINK, true);
  view.setUint32(8, groups, true);
  if (libc.bind(fd, address, 12) < 0) throw new Error(`binding a netlink socket failed (errno ${libc.errno()})`);
  return fd;
}

const IFLA_IFNAME = 3;
const IFLA_MTU = 4;

function linkOf(message: NetlinkMessage): Omit<HostInterface, 'addresses'>[] {
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
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_PRIORITY = 6;
const RTA_TABLE = 15;

function mainRouteOf(message: NetlinkMessage, names: ReadonlyMap<number, string>): Route[] {
  const { body } = message;
  if (message.type !== RTM_NEWROUTE || body.length < 12 || body[0] !== AF_INET || body[7] !== RTN_UNICAST) return [];
  const attributes = decodeAttributes(body.subarray(12));
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const name = names.get(u32Of(attributes.get(RTA_OIF)) ?? -1);
  if ((u32Of(attributes.get(RTA_TABLE)) ?? body[4]) !== RT_TABLE_MAIN || name === undefined) return [];
  if (view.getUint32(8, true) & RTNH_F_DEAD_OR_LINKDOWN) return [];
  const destination = attributes.get(RTA_DST);
  const gateway = attributes.get(RTA_GATEWAY);
  return [
    {
      destination: { address: destination ? ipFromBytes(destination) : ('0.0.0.0' as IpAddress), length: body[1]! },
      interface: name,
      gateway: gateway ? ipFromBytes(gateway) : null,
      metric: u32Of(attributes.get(RTA_PRIORITY)) ?? 0,
    },
  ];
}
