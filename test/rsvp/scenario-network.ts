import type { IpAddress } from '../../src/core/base/ip.ts';
import type { EngineRoute } from '../../src/core/rsvp/engine/types.ts';
import { Bytes, BytesPerSecond } from '../../src/core/base/units.ts';
import type { Link, Network, Node } from '../core/rsvp/engine/network.ts';
import { number, rate, type Words } from './scenario-values.ts';

/**
 * `host-a -- r1 -- r2 -- host-b [bandwidth 1G] [mtu 1400]` adds links. Host x has network 10.<n>.0.0/24 (n = 1 for a) with .2 for the
 * host and .1 for its router; ri and rj, i < j, have 10.0.<ij>.0/24 with .i and .j. Interfaces are eth0, eth1 … in order.
 */
export function addLinks(network: Network, words: Words): string[] {
  const names: string[] = [words.next('node')];
  while (words.accept('--')) names.push(words.next('node'));
  if (names.length < 2) throw new Error('network NODE -- NODE …');
  const properties = {
    ...(words.accept('bandwidth') ? { bandwidth: BytesPerSecond(rate(words.next('bandwidth'))) } : {}),
    ...(words.accept('mtu') ? { mtu: Bytes(number(words.next('mtu'))) } : {}),
  };
  return names.slice(1).map((b, i) => {
    const a = names[i]!;
    const [toA, toB] = addresses(a, b);
    const [onA, onB] = [nextInterface(network, a), nextInterface(network, b)];
    network.link(`${a} ${onA} ${toA}`, `${b} ${onB} ${toB}`, properties);
    return `${a} ${onA} ${toA} -- ${toB} ${onB} ${b}`;
  });
}

const nextInterface = (network: Network, name: string): string => `eth${network.node(name).interfaces.size}`;

function addresses(a: string, b: string): [string, string] {
  const [hostA, hostB] = [hostNumber(a), hostNumber(b)];
  if (hostA !== null && hostB === null) return [`10.${hostA}.0.2`, `10.${hostA}.0.1`];
  if (hostB !== null && hostA === null) return [`10.${hostB}.0.1`, `10.${hostB}.0.2`];
  const [routerA, routerB] = [routerNumber(a), routerNumber(b)];
  const net = `10.0.${Math.min(routerA, routerB)}${Math.max(routerA, routerB)}`;
  return [`${net}.${routerA}`, `${net}.${routerB}`];
}

const hostNumber = (name: string): number | null => {
  const match = /^host-([a-z])$/.exec(name);
  return match ? match[1]!.charCodeAt(0) - 96 : null;
};
function routerNumber(name: string): number {
  const match = /^r([1-9])$/.exec(name);
  if (match === null) throw new Error(`${name}: nodes are host-a … host-z and r1 … r9`);
  return Number(match[1]);
}

const neighbours = (network: Network, node: Node) =>
  network.links.flatMap((link) => {
    const [from, to] = link.ends[0].node === node ? link.ends : [...link.ends].reverse();
    return from.node === node ? [{ from: from, to: to }] : [];
  });

export function linkBetween(network: Network, a: string, b: string): Link {
  const link = network.links.find(
    ({ ends }) => ends.some(({ node }) => node.name === a) && ends.some(({ node }) => node.name === b),
  );
  if (link === undefined) throw new Error(`there is no link between ${a} and ${b}`);
  return link;
}

export const addressOn = (link: Link, node: string): IpAddress => {
  const end = link.ends.find((each) => each.node.name === node)!;
  return end.node.interfaces.get(end.interface)!.address;
};

/** `via` a neighbour: its address is the gateway, unless the destination is the neighbour's own on the link. */
export function routeVia(network: Network, node: Node, neighbour: string, destination: IpAddress): EngineRoute {
  const link = linkBetween(network, node.name, neighbour);
  const out = link.ends.find((end) => end.node === node)!;
  const gateway = addressOn(link, neighbour);
  return { interface: out.interface, gateway: gateway === destination ? null : gateway, local: false };
}

/** Gives every node the way with the fewest links to every address; of equals the one whose links came first. */
export function setShortestRoutes(network: Network): void {
  for (const target of network.nodes.values()) {
    const nextTo = new Map<Node, Node>([[target, target]]);
    for (const node of nextTo.keys()) {
      for (const { to } of neighbours(network, node)) if (!nextTo.has(to.node)) nextTo.set(to.node, node);
    }
    nextTo.delete(target);
    for (const { address } of target.interfaces.values()) {
      for (const [node, via] of nextTo) node.routes.set(address, routeVia(network, node, via.name, address));
    }
  }
}
