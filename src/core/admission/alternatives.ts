import { BitsPerSecond } from '../base/units.ts';
import type { Link } from '../network/topology.ts';
import type { ReservationRequest } from '../qos/request.ts';
import type { Alternative } from './decision.ts';
import { freeBitsPerSecond, pathMtuBytes } from './judge-path.ts';
import { linksOf, neededTogether } from './judge-senders.ts';
import type { World } from './world.ts';

/**
 * The largest token rate, below the one asked for, with which the request would fit on the
 * paths of its senders; null when none does. All
 * else stays as asked, so that with a delay bound the rate to book follows. One bit more would not fit.
 */
export function rateAlternative(
  paths: readonly (readonly Link[])[],
  request: ReservationRequest,
  world: World,
): Alternative | null {
  const { qos, window } = request;
  const links = [...linksOf(paths).values()];
  const free = new Map(links.map((link) => [link.id, freeBitsPerSecond(link, window, world)]));
  const fits = (tokenRateBitsPerSecond: number): boolean => {
    const asked = { ...qos, tokenRateBitsPerSecond: BitsPerSecond(tokenRateBitsPerSecond) };
    const needed = neededTogether(paths, { ...request, qos: asked });
    return needed !== null && [...needed].every(([link, bits]) => bits <= free.get(link)!);
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
