import type { IpAddress } from '../base/ip.ts';
import { PrefixTable } from '../base/prefix-table.ts';
import { err, ok, type Result } from '../base/result.ts';
import type { NetworkGraph, Subnet } from './graph.ts';
import { type Usable, carries, nextLinks } from './shortest-path.ts';
import type { NodeName, Route } from './topology.ts';

/** Why routing does not lead from a source to a destination. */
export interface RoutingProblem {
  readonly reason: 'unknownSource' | 'unknownDestination' | 'noRoute' | 'noLink' | 'linkDown' | 'loop';
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

/** The interface by which a node sends to an address, decided as `routedPath` does; null where it has no way there. */
export function routedInterface(
  graph: NetworkGraph,
  node: number,
  destination: IpAddress,
  reported: ReadonlyMap<NodeName, readonly Route[]>,
): string | null {
  const routes = reported.get(graph.nodes[node]!.name);
  if (routes) return compiled(routes).longestMatch(destination)?.interface ?? null;
  const subnet = graph.subnetOf(destination);
  const link = subnet && linkOfCost(graph, node, destination, subnet, undefined);
  return link?.ok ? graph.links[link.value]!.from.interface : null;
}

const problem = (reason: RoutingProblem['reason'], node: NodeName, text: string): Result<never, RoutingProblem> =>
  err({ reason, node, problem: text });

function linkOfRoute(
  graph: NetworkGraph,
  node: number,
  destination: IpAddress,
  routes: readonly Route[],
  usable: Usable = carries(graph),
): Result<number, RoutingProblem> {
  const { name } = graph.nodes[node]!;
  const route = compiled(routes).longestMatch(destination);
  if (!route) return problem('noRoute', name, `${name} reports no route to ${destination}`);
  const way = `${name} routes ${destination} out of ${route.interface}${route.gateway ? ` via ${route.gateway}` : ''}`;
  const links = linksTowards(graph, node, route.interface, route.gateway ?? destination);
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
