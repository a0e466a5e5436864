import { formatPrefix } from '../base/ip.ts';
import { Heap } from '../base/heap.ts';
import type { NetworkGraph, Subnet } from './graph.ts';

/** Says whether a search may use the link with this index. */
export type Usable = (link: number) => boolean;

/** Links that carry traffic: neither they nor their nodes are `down`. Draining ones carry, they only take nothing new. */
export const carries =
  (graph: NetworkGraph): Usable =>
  (link) =>
    graph.links[link]!.adminState !== 'down' &&
    graph.nodes[graph.from[link]!]!.adminState !== 'down' &&
    graph.nodes[graph.to[link]!]!.adminState !== 'down';

/** Distances towards a set of nodes, and the way there. */
export interface PathTree {
  /** By node: the sum of costs to the nearest target; Infinity when there is no way (or the search stopped before). */
  readonly cost: Float64Array;
  readonly hops: Int32Array;
  /** By node: the first link of the best way, −1 at targets and where there is none. */
  readonly next: Int32Array;
}

/**
 * Dijkstra backwards from the targets over usable links. The best way has the least cost, then the fewest hops; of several
 * such the next link is the one with the smallest id at every node, so that all nodes agree and following `next` never
 * loops. With `stopAt` the search ends once that node's way, and with it the way of every node on it, is known.
 */
export function pathsTowards(
  graph: NetworkGraph,
  targets: Iterable<number>,
  usable: Usable = carries(graph),
  stopAt = -1,
): PathTree {
  const cost = new Float64Array(graph.nodes.length).fill(Infinity);
  const hops = new Int32Array(graph.nodes.length);
  const next = new Int32Array(graph.nodes.length).fill(-1);
  const done = new Uint8Array(graph.nodes.length);
  const heap = new Heap<{ cost: number; hops: number; node: number }>(
    (a, b) => a.cost < b.cost || (a.cost === b.cost && a.hops < b.hops),
  );
  for (const node of targets) {
    cost[node] = 0;
    heap.push({ cost: 0, hops: 0, node });
  }
  for (let best = heap.pop(); best; best = heap.pop()) {
    const { node } = best;
    if (done[node]) continue;
    done[node] = 1;
    if (node === stopAt) break;
    for (let i = graph.inStart[node]!; i < graph.inStart[node + 1]!; i++) {
      const link = graph.in[i]!;
      const before = graph.from[link]!;
      if (done[before] || !usable(link)) continue;
      const way = best.cost + graph.cost[link]!;
      const length = best.hops + 1;
      if (way === cost[before] && length === hops[before]) {
        if (graph.rank[link]! < graph.rank[next[before]!]!) next[before] = link;
      } else if (way < cost[before]! || (way === cost[before] && length < hops[before]!)) {
        cost[before] = way;
        hops[before] = length;
        next[before] = link;
        heap.push({ cost: way, hops: length, node: before });
      }
    }
  }
  return { cost, hops, next };
}

/** The links of the best way between two nodes, in order; empty when they are one; undefined when there is none. */
export function shortestPath(
  graph: NetworkGraph,
  source: number,
  destination: number,
  usable?: Usable,
): readonly number[] | undefined {
  const tree = pathsTowards(graph, [destination], usable, source);
  if (tree.cost[source] === Infinity) return undefined;
  const path: number[] = [];
  for (let node = source; node !== destination; node = graph.to[path.at(-1)!]!) path.push(tree.next[node]!);
  return path;
}

/** Numbers kept for one graph at most: 4 million, 16 MiB. */
const KEPT_NUMBERS = 4_194_304;
const kept = new WeakMap<NetworkGraph, Map<string, Int32Array>>();

/** By node the next link towards the nearest node of a subnet. Remembered for a graph while all carrying links count. */
export function nextLinks(graph: NetworkGraph, subnet: Subnet, usable?: Usable): Int32Array {
  if (usable) return pathsTowards(graph, subnet.nodes, usable).next;
  let memory = kept.get(graph);
  if (!memory) kept.set(graph, (memory = new Map<string, Int32Array>()));
  const key = formatPrefix(subnet.prefix);
  let next = memory.get(key);
  if (!next) {
    next = pathsTowards(graph, subnet.nodes).next;
    if ((memory.size + 1) * graph.nodes.length > KEPT_NUMBERS) memory.delete(memory.keys().next().value ?? key);
    memory.set(key, next);
  }
  return next;
}
