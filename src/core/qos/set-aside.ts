import { BitsPerSecond } from '../base/units.ts';

/** The kernel prints rates in steps of 1 kbit/s at best. */
const roundDown = (rate: number): number => Math.floor(rate / 1000) * 1000;

/** What HTB is asked to shape: below, its own classes would have no room; above, tc's figures do not reach. */
export const MIN_SHAPED_CAPACITY = BitsPerSecond(100_000);
export const MAX_SHAPED_CAPACITY = BitsPerSecond(1_000_000_000_000);

export const isShapeable = (capacity: BitsPerSecond): boolean =>
  capacity >= MIN_SHAPED_CAPACITY && capacity <= MAX_SHAPED_CAPACITY;

/** What an enforcing sender keeps free on an interface: the class for RSVP itself and the least that best effort gets. */
export function setAside(capacity: BitsPerSecond): {
  readonly rsvp: BitsPerSecond;
  readonly bestEffort: BitsPerSecond;
} {
  const share = (least: number): BitsPerSecond =>
    BitsPerSecond(Math.max(1000, roundDown(Math.min(Math.max(least, capacity / 100), capacity / 10))));
  return { rsvp: share(64_000), bestEffort: share(100_000) };
}

/** Σ of reservations that an enforcing interface can carry, 0 where it cannot be shaped. Books and kernel both take it from here. */
export function enforceableBitsPerSecond(capacity: BitsPerSecond): BitsPerSecond {
  if (!isShapeable(capacity)) return BitsPerSecond(0);
  const { rsvp, bestEffort } = setAside(capacity);
  return BitsPerSecond(Math.max(0, roundDown(capacity) - rsvp - bestEffort));
}
