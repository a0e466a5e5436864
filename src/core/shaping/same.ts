import { UNHELD_RATE, type HtbClass, type Leaf, type PeakBucket } from './htb.ts';
import type { ObservedClass } from './observed.ts';

/** What tc would print for a rate. */
export function asPrinted(rate: number): number {
  let unit = 1;
  let left = Math.floor(rate / 8) * 8;
  while (left >= 1000 && (left % 1000 === 0 || left >= 1_000_000)) {
    left = Math.floor(left / 1000);
    unit *= 1000;
  }
  return left * unit;
}

/** tc turns bursts into whole microseconds at the rate and back, and prints units of 1024 where that is nearly exact. */
function sameSize(wanted: number, seen: number, rate: number): boolean {
  const step = (rate / 8) * 1e-6;
  return Math.abs(wanted - seen) <= 17 + 2 * step + (wanted >= 2 ** 20 ? 1024 : 0);
}

const sameRate = (wanted: number, seen: number): boolean => wanted === seen || asPrinted(wanted) === seen;

/** Whether a class is the one that is wanted, within the precision of what tc prints where it was read back. */
export function sameClass(wanted: HtbClass, observed: ObservedClass): boolean {
  const seen = observed.class;
  if (observed.exact && wanted.rateBitsPerSecond !== seen.rateBitsPerSecond) return false;
  return (
    wanted.parent === seen.parent &&
    sameRate(wanted.rateBitsPerSecond, seen.rateBitsPerSecond) &&
    sameRate(wanted.ceilBitsPerSecond, seen.ceilBitsPerSecond) &&
    sameSize(wanted.burstBytes, seen.burstBytes, wanted.rateBitsPerSecond) &&
    sameSize(wanted.ceilBurstBytes, seen.ceilBurstBytes, wanted.ceilBitsPerSecond) &&
    wanted.overheadBytes === seen.overheadBytes &&
    // An inner class shows neither.
    (wanted.parent === null || (wanted.priority === seen.priority && wanted.quantumBytes === seen.quantumBytes))
  );
}

/** The kernel shows a TBF's bursts as times in units of 64 ns, cut off. */
const LEAST_SHOWN_SECONDS = 64e-9;

/** Whether a queue is the one that is wanted, within the precision of what tc prints. */
export function sameLeaf(wanted: Leaf | null, seen: Leaf | null): boolean {
  if (wanted === null || seen === null) return wanted === seen;
  if (wanted.kind === 'bfifo') return seen.kind === 'bfifo' && sameSize(wanted.limitBytes, seen.limitBytes, 0);
  const step = (UNHELD_RATE / 8) * LEAST_SHOWN_SECONDS;
  return (
    seen.kind === 'tbf' &&
    samePeak(wanted.peak, seen.peak) &&
    Math.abs(wanted.largestFrameBytes - seen.largestFrameBytes) <= 2 * step &&
    sameSize(wanted.limitBytes, seen.limitBytes, 0)
  );
}

function samePeak(wanted: PeakBucket | null, seen: PeakBucket | null): boolean {
  if (wanted === null || seen === null) return wanted === seen;
  return (
    sameRate(wanted.rateBitsPerSecond, seen.rateBitsPerSecond) &&
    sameSize(wanted.burstBytes, seen.burstBytes, wanted.rateBitsPerSecond)
  );
}
