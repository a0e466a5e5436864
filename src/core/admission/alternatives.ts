import { BitsPerSecond, type BytesPerSecond } from '../base/units.ts';
import type { NetworkGraph } from '../network/graph.ts';
import { shortestPath } from '../network/shortest-path.ts';
import type { Link, LinkId } from '../network/topology.ts';
import { bookedBitsPerSecond } from '../qos/booking.ts';
import type { ReservationRequest } from '../qos/request.ts';
import { toTspec } from '../qos/wire-rate.ts';
import type { Alternative } from './decision.ts';
import { freeBitsPerSecond, judgePath, needsAgentsNow, neededRate, pathMtuBytes, pathTerms } from './judge-path.ts';
import type { World } from './world.ts';

/** A path of guaranteed service may need a higher rate than the one it was searched with; how often to search again. */
const SEARCHES = 4;

interface OtherPath {
  readonly alternative: Alternative;
  readonly links: readonly LinkId[];
}

/**
 * The cheapest path with room for the request; where a delay bound is asked and the cheapest is too slow, the one with the
 * least delay. Searched over the links that have room for the rate, are up and large enough, past no silent agent. What it
 * returns fits; with a delay bound it may miss a path that is neither cheapest nor fastest.
 */
export function pathAlternative(
  source: number,
  destination: number,
  request: ReservationRequest,
  world: World,
): OtherPath | null {
  const { graph } = world;
  const cheapest = search(graph, source, destination, request, world);
  if (cheapest !== null || request.qos.maxDelayMicros === null) return cheapest;
  const delays = Float64Array.from(graph.links, (link) => {
    const { errors, propagationMicros } = pathTerms([link], request.qos);
    return errors.rateIndependent + propagationMicros;
  });
  return search({ ...graph, cost: delays }, source, destination, request, world);
}

/** With a delay bound the rate depends on the path: the search is repeated with the rate that the path found would need. */
function search(
  graph: NetworkGraph,
  source: number,
  destination: number,
  request: ReservationRequest,
  world: World,
): OtherPath | null {
  const { qos, window } = request;
  const avoid = needsAgentsNow(window, world) ? world.unreachable : new Map<string, unknown>();
  let rate: BytesPerSecond = toTspec(qos).tokenRate;
  for (let i = 0; i < SEARCHES; i++) {
    const usable = (index: number): boolean => {
      const link = graph.links[index]!;
      return (
        pathMtuBytes(link, graph) >= qos.maxPacketBytes &&
        !avoid.has(link.from.node) &&
        !avoid.has(link.to.node) &&
        bookedBitsPerSecond(rate, qos.minPolicedUnitBytes, link.overheadBytes) <= freeBitsPerSecond(link, window, world)
      );
    };
    const links = shortestPath(graph, source, destination, usable)?.map((index) => graph.links[index]!);
    if (links === undefined || links.length === 0) return null;
    const { reasons, path } = judgePath(links, request, world);
    if (reasons.length === 0) {
      const { hops, delayBoundMicros } = path;
      const alternative: Alternative = { kind: 'path', needs: 'PINNING', hops, delayBoundMicros };
      return { alternative, links: links.map((link) => link.id) };
    }
    if (path.rate <= rate) return null;
    rate = path.rate;
  }
  return null;
}

/**
 * The largest token rate, below the one asked for, with which the request would fit on the path; null when none does. All
 * else stays as asked, so that with a delay bound the rate to book follows. One bit more would not fit.
 */
export function rateAlternative(links: readonly Link[], request: ReservationRequest, world: World): Alternative | null {
  const { qos, window } = request;
  const free = links.map((link) => freeBitsPerSecond(link, window, world));
  const terms = pathTerms(links, qos);
  const fits = (tokenRateBitsPerSecond: number): boolean => {
    const rate = neededRate({ ...qos, tokenRateBitsPerSecond: BitsPerSecond(tokenRateBitsPerSecond) }, terms);
    if (rate === null) return false;
    return links.every((link, i) => bookedBitsPerSecond(rate, qos.minPolicedUnitBytes, link.overheadBytes) <= free[i]!);
  };
  if (links.some((link) => pathMtuBytes(link, world.graph) < qos.maxPacketBytes) || !fits(MIN_RATE)) return null;
  // What is needed never falls when the token rate rises.
  let low = MIN_RATE;
  let high: number = qos.tokenRateBitsPerSecond;
  while (high - low > 1) {
    const middle = low + Math.floor((high - low) / 2);
    if (fits(middle)) low = middle;
    else high = middle;
  }
  return { kind: 'rate', tokenRateBitsPerSecond: BitsPerSecond(low) };
}

/** Smaller rates cannot be asked for (RFC 2212: 1 byte/s). */
const MIN_RATE = 8;
