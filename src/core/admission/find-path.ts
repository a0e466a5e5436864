import type { BytesPerSecond } from '../base/units.ts';
import type { NetworkGraph } from '../network/graph.ts';
import { shortestPath } from '../network/shortest-path.ts';
import type { LinkId } from '../network/topology.ts';
import { bookedBitsPerSecond } from '../qos/booking.ts';
import type { ReservationRequest } from '../qos/request.ts';
import { toTspec } from '../qos/wire-rate.ts';
import type { AdmittedPath } from './decision.ts';
import { freeBitsPerSecond, judgePath, needsAgentsNow, pathMtuBytes, pathTerms } from './judge-path.ts';
import type { World } from './world.ts';

/** A path of guaranteed service may need a higher rate than the one it was searched with; how often to search again. */
const SEARCHES = 4;

/** Where to look: between two nodes (by index), over links that `allowed` lets through. */
export interface Search {
  readonly source: number;
  readonly destination: number;
  readonly allowed: (link: number) => boolean;
  /** Links that were passed over for want of room, or lie on a path that was weighed, are added: their books decided. */
  readonly weighed: Set<LinkId>;
}

/**
 * The cheapest path with room for the request; where a delay bound is asked and the cheapest is too slow, the one with the
 * least delay. Searched over the allowed links that have room for the rate, are up and large enough, past no silent agent.
 * What it returns fits; with a delay bound it may miss a path that is neither cheapest nor fastest.
 */
export function findPath(search: Search, request: ReservationRequest, world: World): AdmittedPath | null {
  const { graph } = world;
  const cheapest = searchBy(graph, search, request, world);
  if (cheapest !== null || request.qos.maxDelayMicros === null) return cheapest;
  const delays = Float64Array.from(graph.links, (link) => {
    const { errors, propagationMicros } = pathTerms([link], request.qos);
    return errors.rateIndependent + propagationMicros;
  });
  return searchBy({ ...graph, cost: delays }, search, request, world);
}

/** With a delay bound the rate depends on the path: the search is repeated with the rate that the path found would need. */
function searchBy(
  graph: NetworkGraph,
  { source, destination, allowed, weighed }: Search,
  request: ReservationRequest,
  world: World,
): AdmittedPath | null {
  const { qos, window } = request;
  const avoid = needsAgentsNow(window, world) ? world.unreachable : new Map<string, unknown>();
  let rate: BytesPerSecond = toTspec(qos).tokenRate;
  for (let i = 0; i < SEARCHES; i++) {
    const usable = (index: number): boolean => {
      const link = graph.links[index]!;
      if (pathMtuBytes(link, graph) < qos.maxPacketBytes) return false;
      if (avoid.has(link.from.node) || avoid.has(link.to.node) || !allowed(index)) return false;
      const needed = bookedBitsPerSecond(rate, qos.minPolicedUnitBytes, link.overheadBytes);
      if (needed <= freeBitsPerSecond(link, window, world)) return true;
      weighed.add(link.id);
      return false;
    };
    const links = shortestPath(graph, source, destination, usable)?.map((index) => graph.links[index]!);
    if (links === undefined || links.length === 0) return null;
    const { reasons, path } = judgePath(links, request, world);
    if (reasons.length === 0) return path;
    // The next rate follows from this path.
    for (const link of links) weighed.add(link.id);
    if (path.rate <= rate) return null;
    rate = path.rate;
  }
  return null;
}
