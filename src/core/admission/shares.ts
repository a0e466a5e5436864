import { BitsPerSecond } from '../base/units.ts';
import type { LinkId } from '../network/topology.ts';
import type { ReservationStyle } from '../qos/request.ts';
import type { BookedHop } from './decision.ts';

/** Whether the senders of a session send into one reservation, or each into its own (RFC 2205 1.3). */
export const isShared = (style: ReservationStyle): boolean => style !== 'fixedFilter';

/**
 * What a reservation holds on each link that its senders' paths cross, every link once: of a shared style what one of them
 * holds there, of fixed-filter style the sum.
 */
export function heldTogether(style: ReservationStyle, paths: readonly (readonly BookedHop[])[]): readonly BookedHop[] {
  if (paths.length === 1) return paths[0]!;
  const together = new Map<LinkId, BookedHop>();
  for (const hop of paths.flat()) {
    const there = together.get(hop.link)?.bookedBitsPerSecond;
    const own = hop.bookedBitsPerSecond;
    const held = there === undefined ? own : isShared(style) ? Math.max(there, own) : there + own;
    together.set(hop.link, { ...hop, bookedBitsPerSecond: BitsPerSecond(held) });
  }
  return [...together.values()];
}
