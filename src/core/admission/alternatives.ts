import { BitsPerSecond, type BytesPerSecond } from '../base/units.ts';
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

/**
 * The cheapest path with room for the request, where one is found: searched over the links that have room for the rate, up
 * and large enough, past no silent agent. With a delay bound the rate depends on the path, so the search is repeated with
 * the rate that the path found would need; it may then miss a path that is dearer but faster. What it returns does fit.
 */
export function pathAlternative(
  source: number,
  destination: number,
  request: ReservationRequest,
  world: World,
): { readonly alternative: Alternative; readonly links: readonly LinkId[] } | null {
  const { graph } = world;
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
      return {
        alternative: { kind: 'path', needs: 'PINNING', hops, delayBoundMicros },
        links: links.map((link) => link.id),
      };
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
