import { formatPrefix, ipFamily, type IpAddress, type IpPrefix } from '../base/ip.ts';
import { networkOf } from '../base/prefix-table.ts';
import { buildGraph, isLinkLocal, type NetworkGraph, type Subnet } from './graph.ts';
import { carries, pathsTowards, type PathTree, type Usable } from './shortest-path.ts';
import type { NodeName, Route, Topology } from './topology.ts';

export const PRIMARY_METRIC = 10;
export const BACKUP_METRIC = 20;

/** The static routes of one node to one subnet that it is not in itself. */
export interface StaticRoute {
  readonly destination: IpPrefix;
  /** Metric 10: the way that `routedPath` takes. */
  readonly primary: Route;
  /** Metric 20: out of another interface, to a neighbour whose own primary way does not come back here; null if there is none. */
  readonly backup: Route | null;
}

/**
 * Static routes by node to every subnet of the network, following the costs of the links that carry traffic (`down` ones
 * do not). A node has none to subnets that it is in (the kernel connects those) and none to what it cannot reach.
 */
export function lowestCostRoutes(topology: Topology): ReadonlyMap<NodeName, readonly StaticRoute[]> {
  const graph = buildGraph(topology);
  const usable = carries(graph);
  const routes = new Map<NodeName, StaticRoute[]>(graph.nodes.map((node) => [node.name, []]));
  for (const subnet of graph.subnets) {
    const tree = pathsTowards(graph, subnet.nodes, usable);
    graph.nodes.forEach(({ name }, node) => {
      const next = tree.next[node]!;
      if (next < 0) return;
      const backup = alternative(graph, tree, node, usable);
      routes.get(name)!.push({
        destination: subnet.prefix,
        primary: routeOver(graph, subnet, next, PRIMARY_METRIC),
        backup: backup === undefined ? null : routeOver(graph, subnet, backup, BACKUP_METRIC),
      });
    });
  }
  return routes;
}

/** The best first link out of another interface than the primary's, whose far end has a way that avoids this node. */
function alternative(graph: NetworkGraph, tree: PathTree, node: number, usable: Usable): number | undefined {
  const primary = graph.links[tree.next[node]!]!;
  let best: { link: number; cost: number; hops: number } | undefined;
  for (let i = graph.outStart[node]!; i < graph.outStart[node + 1]!; i++) {
    const link = graph.out[i]!;
    const neighbour = graph.to[link]!;
    if (!usable(link) || graph.links[link]!.from.interface === primary.from.interface) continue;
    if (tree.cost[neighbour] === Infinity || passes(graph, tree, neighbour, node)) continue;
    const cost = graph.cost[link]! + tree.cost[neighbour]!;
    const hops = 1 + tree.hops[neighbour]!;
    // Links come in the order of their ids, so an equal one later is not better.
    if (!best || cost < best.cost || (cost === best.cost && hops < best.hops)) best = { link, cost, hops };
  }
  return best?.link;
}

function passes(graph: NetworkGraph, tree: PathTree, from: number, through: number): boolean {
  for (let node = from; ; node = graph.to[tree.next[node]!]!) {
    if (node === through) return true;
    if (tree.next[node]! < 0) return false;
  }
}

function routeOver(graph: NetworkGraph, subnet: Subnet, link: number, metric: number): Route {
  return {
    destination: subnet.prefix,
    interface: graph.links[link]!.from.interface,
    gateway: gatewayOf(graph, link, ipFamily(subnet.prefix.address)),
    metric,
  };
}

/** The far end's address in a subnet that both ends of the link are in; null when they share none of that family. */
export function gatewayOf(graph: NetworkGraph, link: number, family: 4 | 6): IpAddress | null {
  const { from, to } = graph.links[link]!;
  const addresses = (node: number, name: string): readonly IpPrefix[] =>
    graph.nodes[node]!.interfaces.find((i) => i.name === name)!.addresses.filter(
      (a) => ipFamily(a.address) === family && !isLinkLocal(a.address),
    );
  const near = new Set(addresses(graph.from[link]!, from.interface).map((a) => formatPrefix(networkOf(a))));
  return addresses(graph.to[link]!, to.interface).find((a) => near.has(formatPrefix(networkOf(a))))?.address ?? null;
}
