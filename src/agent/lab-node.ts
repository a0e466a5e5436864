import { readFileSync } from 'node:fs';
import { parseIp, parsePrefix, type IpAddress } from '../core/base/ip.ts';
import { PrefixTable } from '../core/base/prefix-table.ts';
import type { Route } from '../core/network/topology.ts';
import type { HostInterface, HostNetwork, HostRoute } from './netlink/host-network.ts';

/** The file that gives an agent of the loopback lab its node: interfaces behind UDP ports, neighbours, routes. */
export interface LabNode {
  readonly node: string;
  readonly interfaces: readonly {
    readonly name: string;
    /** With prefix length. */
    readonly addresses: readonly string[];
    readonly mtuBytes: number;
    /** UDP port on 127.0.0.1 that stands for this interface. */
    readonly port: number;
    readonly neighbours: readonly { readonly address: string; readonly port: number }[];
  }[];
  readonly routes: readonly {
    readonly destination: string;
    readonly interface: string;
    readonly gateway: string | null;
    readonly metric: number;
  }[];
}

/** @throws Error naming the file and the field that is wrong. */
export function readLabNode(file: string): LabNode {
  let node: LabNode;
  try {
    node = JSON.parse(readFileSync(file, 'utf8')) as LabNode;
  } catch (cause) {
    throw new Error(`${file}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
  const refuse = (field: string, problem: string): never => {
    throw new Error(`${file}: ${field}: ${problem}`);
  };
  if (typeof node.node !== 'string') refuse('node', 'must be a name');
  if (!Array.isArray(node.interfaces)) refuse('interfaces', 'must be a list');
  if (!Array.isArray(node.routes)) refuse('routes', 'must be a list');
  node.interfaces.forEach((one, i) => {
    if (!Number.isInteger(one.port) || one.port < 1 || one.port > 65_535) {
      refuse(`interfaces[${i}].port`, `${one.port} is not a port`);
    }
    for (const address of one.addresses) {
      const prefix = parsePrefix(address);
      if (!prefix.ok) refuse(`interfaces[${i}].addresses`, prefix.error);
    }
    for (const neighbour of one.neighbours) {
      const address = parseIp(neighbour.address);
      if (!address.ok) refuse(`interfaces[${i}].neighbours`, address.error);
    }
  });
  node.routes.forEach((route, i) => {
    const prefix = parsePrefix(route.destination);
    if (!prefix.ok) refuse(`routes[${i}].destination`, prefix.error);
    const gateway = route.gateway === null ? null : parseIp(route.gateway);
    if (gateway && !gateway.ok) refuse(`routes[${i}].gateway`, gateway.error);
  });
  return node;
}

/** The kernel's place in the loopback lab: what the file says, for ever. */
export function labNetwork(node: LabNode): HostNetwork {
  const interfaces: HostInterface[] = node.interfaces.map((one, i) => ({
    index: i + 1,
    name: one.name,
    addresses: one.addresses.map((text) => must(parsePrefix(text))),
    mtuBytes: one.mtuBytes,
    up: true,
    speedBitsPerSecond: null,
    rpFilter: null,
  }));
  const connected: Route[] = interfaces.flatMap((one) =>
    one.addresses.map((destination) => ({ destination, interface: one.name, gateway: null, metric: 0 })),
  );
  const routes: Route[] = node.routes.map((route) => ({
    destination: must(parsePrefix(route.destination)),
    interface: route.interface,
    gateway: route.gateway === null ? null : must(parseIp(route.gateway)),
    metric: route.metric,
  }));
  const table = new PrefixTable<Route>();
  for (const route of [...connected, ...routes]) {
    const known = table.get(route.destination);
    if (!known || route.metric < known.metric) table.set(route.destination, route);
  }
  const local = new Set(interfaces.flatMap((one) => one.addresses.map((prefix) => prefix.address)));
  return {
    interfaces: () => interfaces,
    routes: () => [...connected, ...routes],
    concern: () => {},
    lookup(destination: IpAddress): HostRoute | null {
      if (local.has(destination)) return { interface: 'lo', gateway: null, local: true, choices: [] };
      const route = table.longestMatch(destination);
      return route ? { interface: route.interface, gateway: route.gateway, local: false, choices: [] } : null;
    },
    steering: () => null,
    markRules: () => [],
    steer: () => [],
    close: () => Promise.resolve(),
  };
}

function must<T>(result: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: string }): T {
  if (!result.ok) throw new Error(result.error);
  return result.value;
}
