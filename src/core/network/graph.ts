import type { IpAddress, IpPrefix } from '../base/ip.ts';
import { networkOf, PrefixTable } from '../base/prefix-table.ts';
import type { Link, LinkId, NetworkInterface, NetworkNode, NodeName, Topology } from './topology.ts';

/** An IP network that interfaces of this topology have addresses in. */
export interface Subnet {
  readonly prefix: IpPrefix;
  /** Indexes of the nodes with an interface in it, each once, ascending. */
  readonly nodes: readonly number[];
}

/** Where an address lives. */
export interface HostAddress {
  readonly node: number;
  readonly interface: NetworkInterface;
  readonly prefix: IpPrefix;
}

/**
 * A topology made ready for path search: nodes and links are small integers, positions in `topology.nodes` and
 * `topology.links`. Built once for a topology, never changed.
 */
export interface NetworkGraph {
  readonly topology: Topology;
  readonly nodes: readonly NetworkNode[];
  readonly links: readonly Link[];
  readonly nodeIndex: ReadonlyMap<NodeName, number>;
  readonly linkIndex: ReadonlyMap<LinkId, number>;
  /** By link: index of the sending and of the receiving node. */
  readonly from: Int32Array;
  readonly to: Int32Array;
  readonly cost: Float64Array;
  /** By link: its place in the order of ids (by code unit): the last tie-break of every search. */
  readonly rank: Int32Array;
  /** Links that leave node n: `out[outStart[n]]` … `out[outStart[n + 1] - 1]`, in the order of ids. Same for `in`. */
  readonly outStart: Int32Array;
  readonly out: Int32Array;
  readonly inStart: Int32Array;
  readonly in: Int32Array;
  /** Interface addresses. Link-local ones are not in it: they name no single interface. */
  readonly hosts: ReadonlyMap<IpAddress, HostAddress>;
  readonly subnets: readonly Subnet[];
  /** Longest-prefix match of an address to its subnet. */
  readonly subnetOf: (address: IpAddress) => Subnet | undefined;
}

/** @throws RangeError when a link names a node that is not there: `parseTopology` lets no such topology through. */
export function buildGraph(topology: Topology): NetworkGraph {
  const { nodes, links } = topology;
  const nodeIndex = new Map(nodes.map((node, i) => [node.name, i]));
  const linkIndex = new Map(links.map((link, i) => [link.id, i]));
  const end = (name: NodeName, link: Link): number => {
    const index = nodeIndex.get(name);
    if (index === undefined) throw new RangeError(`link ${link.id} names the unknown node ${name}`);
    return index;
  };
  const from = Int32Array.from(links, (link) => end(link.from.node, link));
  const to = Int32Array.from(links, (link) => end(link.to.node, link));
  const byId = Int32Array.from(links.keys()).sort((a, b) => (links[a]!.id < links[b]!.id ? -1 : 1));
  const rank = new Int32Array(links.length);
  byId.forEach((link, place) => (rank[link] = place));
  const outgoing = grouped(nodes.length, byId, from);
  const incoming = grouped(nodes.length, byId, to);
  return {
    topology,
    nodes,
    links,
    nodeIndex,
    linkIndex,
    from,
    to,
    cost: Float64Array.from(links, (link) => link.cost),
    rank,
    outStart: outgoing.start,
    out: outgoing.members,
    inStart: incoming.start,
    in: incoming.members,
    ...indexAddresses(nodes),
  };
}

/** Links in the given order, grouped by their node (compressed sparse rows). */
function grouped(nodeCount: number, order: Int32Array, nodeOf: Int32Array): { start: Int32Array; members: Int32Array } {
  const start = new Int32Array(nodeCount + 1);
  for (const node of nodeOf) start[node + 1]!++;
  for (let i = 0; i < nodeCount; i++) start[i + 1]! += start[i]!;
  const next = start.slice();
  const members = new Int32Array(order.length);
  for (const link of order) members[next[nodeOf[link]!]!++] = link;
  return { start, members };
}

function indexAddresses(nodes: readonly NetworkNode[]): Pick<NetworkGraph, 'hosts' | 'subnets' | 'subnetOf'> {
  const hosts = new Map<IpAddress, HostAddress>();
  const subnets: { prefix: IpPrefix; nodes: number[] }[] = [];
  const table = new PrefixTable<{ prefix: IpPrefix; nodes: number[] }>();
  nodes.forEach((node, index) => {
    for (const networkInterface of node.interfaces) {
      for (const prefix of networkInterface.addresses) {
        if (isLinkLocal(prefix.address)) continue;
        if (!hosts.has(prefix.address)) hosts.set(prefix.address, { node: index, interface: networkInterface, prefix });
        let subnet = table.get(prefix);
        if (!subnet) {
          subnet = { prefix: networkOf(prefix), nodes: [] };
          subnets.push(subnet);
          table.set(prefix, subnet);
        }
        if (subnet.nodes.at(-1) !== index) subnet.nodes.push(index);
      }
    }
  });
  return { hosts, subnets, subnetOf: (address) => table.longestMatch(address) };
}

/** fe80::/10 */
export const isLinkLocal = (address: IpAddress): boolean => /^fe[89ab][0-9a-f]:/.test(address);
