import type { IpAddress } from '../base/ip.ts';
import { PrefixTable } from '../base/prefix-table.ts';
import { err, ok, type Result } from '../base/result.ts';
import { isLinkLocal, type NetworkGraph, type Subnet } from './graph.ts';
import { type Usable, carries, nextLinks } from './shortest-path.ts';
import type { NextHop, NodeName, Route } from './topology.ts';

/** Why routing does not lead from a source to a destination. */
export interface RoutingProblem {
  readonly reason: 'unknownSource' | 'unknownDestination' | 'noRoute' | 'noLink' | 'linkDown' | 'loop' | 'multipath';
  /** The node at which the way ends; absent for unknown addresses. */
  readonly node?: NodeName;
  /** A sentence for people. */
  readonly problem: string;
}

/**
 * The links that routing takes from the node that has `source` to the node that has `destination`, in order; empty when
 * both are on one node. Decided hop by hop as routers do: a node whose kernel routes are `reported` follows them (longest
 * prefix, then lowest metric); any other delivers in its own subnets directly and else takes the next hop of lowest cost
 * towards the nearest node of the destination's subnet (ties: fewer hops, then the smaller link id), which is what
 * `lowestCostRoutes` gives the lab to install. An array of reported routes must not be changed once it was given.
 */
export function routedPath(
  graph: NetworkGraph,
  source: IpAddress,
  destination: IpAddress,
  reported: ReadonlyMap<NodeName, readonly Route[]> = new Map(),
  usable?: Usable,
): Result<readonly number[], RoutingProblem> {
  const start = graph.hosts.get(source);
  const end = graph.hosts.get(destination);
  const subnet = graph.subnetOf(destination);
  if (!start) return err({ reason: 'unknownSource', problem: `no node has the address ${source}` });
  if (!end || !subnet) return err({ reason: 'unknownDestination', problem: `no node has the address ${destination}` });
  const path: number[] = [];
  const seen = new Set<number>();
  for (let node = start.node; node !== end.node;) {
    const name = graph.nodes[node]!.name;
    if (seen.has(node)) return problem('loop', name, `routing towards ${destination} comes back to ${name}`);
    seen.add(node);
    const routes = reported.get(name);
    const link = routes
      ? linkOfRoute(graph, node, destination, routes, usable)
      : linkOfCost(graph, node, destination, subnet, usable);
    if (!link.ok) return link;
    path.push(link.value);
    node = graph.to[link.value]!;
  }
  return ok(path);
}

/** Every link that routing may take from one node to an address, and the nodes that choose among several. */
export interface RoutedWays {
  readonly links: ReadonlySet<number>;
  readonly branching: readonly { readonly node: NodeName; readonly hops: readonly NextHop[] }[];
}

/** What `routedPath` follows, with each of the next hops where a route has several. */
export function routedWays(
  graph: NetworkGraph,
  source: IpAddress,
  destination: IpAddress,
  reported: ReadonlyMap<NodeName, readonly Route[]>,
): RoutedWays {
  const end = graph.hosts.get(destination)?.node;
  const subnet = graph.subnetOf(destination);
  const links = new Set<number>();
  const branching: { node: NodeName; hops: readonly NextHop[] }[] = [];
  const start = graph.hosts.get(source)?.node;
  const nodes = new Set(start === undefined ? [] : [start]);
  // A set is walked in the order of insertion, also over what is added on the way.
  for (const node of nodes) {
    if (node === end || !subnet) continue;
    const { name } = graph.nodes[node]!;
    const routes = reported.get(name);
    const route = routes && compiled(routes).longestMatch(destination);
    const hops = route ? [route, ...(route.others ?? [])] : [];
    if (hops.length > 1) branching.push({ node: name, hops });
    const towards = routes
      ? hops.map((hop) => linkOfHop(graph, node, destination, hop, undefined))
      : [linkOfCost(graph, node, destination, subnet, undefined)];
    for (const link of towards) {
      if (!link.ok) continue;
      links.add(link.value);
      nodes.add(graph.to[link.value]!);
    }
  }
  return { links, branching };
}

/** The interfaces by which a node may send to an address, as `routedWays` has them; empty where it has no way there. */
export function routedInterfaces(
  graph: NetworkGraph,
  node: number,
  destination: IpAddress,
  reported: ReadonlyMap<NodeName, readonly Route[]>,
): readonly string[] {
  const routes = reported.get(graph.nodes[node]!.name);
  if (routes) {
    const route = compiled(routes).longestMatch(destination);
    return route ? [route, ...(route.others ?? [])].map((hop) => hop.interface) : [];
  }
  const subnet = graph.subnetOf(destination);
  const link = subnet && linkOfCost(graph, node, destination, subnet, undefined);
  return link?.ok ? [graph.links[link.value]!.from.interface] : [];
}

const problem = (reason: RoutingProblem['reason'], node: NodeName, text: string): Result<never, RoutingProblem> =>
  err({ reason, node, problem: text });

function linkOfRoute(
  graph: NetworkGraph,
  node: number,
  destination: IpAddress,
  routes: readonly Route[],
  usable?: Usable,
): Result<number, RoutingProblem> {
  const { name } = graph.nodes[node]!;
  const route = compiled(routes).longestMatch(destination);
  if (!route) return problem('noRoute', name, `${name} reports no route to ${destination}`);
  const { others = [] } = route;
  if (others.length > 0) {
    const hops = [route, ...others].map(hopText).join(' or ');
    return problem(
      'multipath',
      name,
      `${name} routes ${destination} by ${hops}: which of them its kernel does not say`,
    );
  }
  return linkOfHop(graph, node, destination, route, usable);
}

const hopText = ({ interface: name, gateway }: NextHop): string => `${name}${gateway ? ` via ${gateway}` : ''}`;

function linkOfHop(
  graph: NetworkGraph,
  node: number,
  destination: IpAddress,
  hop: NextHop,
  usable: Usable = carries(graph),
): Result<number, RoutingProblem> {
  const { name } = graph.nodes[node]!;
  const way = `${name} routes ${destination} out of ${hopText(hop)}`;
  const next = hop.gateway ?? destination;
  const links = isLinkLocal(next)
    ? linksToNeighbour(graph, node, hop.interface, next)
    : linksTowards(graph, node, hop.interface, next);
  if (links.length === 0) return problem('noLink', name, `${way}, where the topology has no link to it`);
  const link = links.find(usable);
  return link === undefined ? problem('linkDown', name, `${way}, but that link is down`) : ok(link);
}

function linkOfCost(
  graph: NetworkGraph,
  node: number,
  destination: IpAddress,
  subnet: Subnet,
  usable: Usable | undefined,
): Result<number, RoutingProblem> {
  const { name } = graph.nodes[node]!;
  if (subnet.nodes.includes(node)) {
    const links = graph.nodes[node]!.interfaces.filter((i) =>
      i.addresses.some((a) => graph.subnetOf(a.address) === subnet),
    ).flatMap((i) => linksTowards(graph, node, i.name, destination));
    const link = links.find(usable ?? carries(graph));
    if (link !== undefined) return ok(link);
    const why = links.length === 0 ? 'no link leads there' : 'the link is down';
    return problem(
      links.length === 0 ? 'noLink' : 'linkDown',
      name,
      `${name} is in the subnet of ${destination}, but ${why}`,
    );
  }
  const link = nextLinks(graph, subnet, usable)[node]!;
  return link < 0 ? problem('noRoute', name, `no way leads from ${name} to ${destination}`) : ok(link);
}

/** Links from an interface of a node to the node that has the address, those into its very interface first, then by id. */
function linksTowards(graph: NetworkGraph, node: number, out: string, address: IpAddress): readonly number[] {
  const host = graph.hosts.get(address);
  if (!host) return [];
  const found: number[] = [];
  for (let i = graph.outStart[node]!; i < graph.outStart[node + 1]!; i++) {
    const link = graph.out[i]!;
    if (graph.to[link] === host.node && graph.links[link]!.from.interface === out) found.push(link);
  }
  const direct = (link: number): number => (graph.links[link]!.to.interface === host.interface.name ? 0 : 1);
  return found.sort((a, b) => direct(a) - direct(b) || graph.rank[a]! - graph.rank[b]!);
}

/**
 * Links from an interface of a node to the neighbour there with that link-local address. The topology need not say whose it
 * is where the interface leads to one node only.
 */
function linksToNeighbour(graph: NetworkGraph, node: number, out: string, address: IpAddress): readonly number[] {
  const there: number[] = [];
  for (let i = graph.outStart[node]!; i < graph.outStart[node + 1]!; i++) {
    if (graph.links[graph.out[i]!]!.from.interface === out) there.push(graph.out[i]!);
  }
  const named = there.filter((link) => {
    const { interfaces } = graph.nodes[graph.to[link]!]!;
    const far = interfaces.find((each) => each.name === graph.links[link]!.to.interface);
    return far?.addresses.some((each) => each.address === address);
  });
  if (named.length > 0) return named;
  return new Set(there.map((link) => graph.to[link])).size === 1 ? there : [];
}

const tables = new WeakMap<readonly Route[], PrefixTable<Route>>();

/** The reported routes as a table: of several to one prefix the lowest metric, of equal metrics the first. */
function compiled(routes: readonly Route[]): PrefixTable<Route> {
  let table = tables.get(routes);
  if (!table) {
    table = new PrefixTable();
    for (const route of routes) {
      const other = table.get(route.destination);
      if (!other || route.metric < other.metric) table.set(route.destination, route);
    }
    tables.set(routes, table);
  }
  return table;
}
