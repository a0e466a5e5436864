import { BitsPerSecond } from '../base/units.ts';
import type { Link } from '../network/topology.ts';
import { bookedBitsPerSecond } from '../qos/booking.ts';
import type { ReservationRequest } from '../qos/request.ts';
import type { Alternative } from './decision.ts';
import { freeBitsPerSecond, neededRate, pathMtuBytes, pathTerms } from './judge-path.ts';
import type { World } from './world.ts';

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
