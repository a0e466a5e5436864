import type { EpochMs } from '../../../base/units.ts';

/** Messages that one millisecond has numbers for. */
const NUMBERS_A_MS_BITS = 20n;
const BITS = 64;

/**
 * The next number to sign a message with: from the clock, so that it grows across restarts without being stored (RFC 2747
 * 3.2), and greater than the last even when the clock is set back while running.
 */
export function nextSequence(last: bigint, now: EpochMs): bigint {
  const byClock = BigInt(Math.floor(now)) << NUMBERS_A_MS_BITS;
  return BigInt.asUintN(BITS, byClock > last ? byClock : last + 1n);
}

/** Numbers that came with one key, in order; the last one is the greatest (RFC 2747 4.2). */
export type SeenSequences = bigint[];

const isGreater = (a: bigint, b: bigint): boolean => BigInt.asIntN(BITS, a - b) > 0n;

/**
 * Whether a number was not seen yet and is not too old: greater than all, or among the last `window` and none of them. It is
 * seen then.
 */
export function takeSequence(seen: SeenSequences, sequence: bigint, window: number): boolean {
  let at = seen.length;
  while (at > 0 && !isGreater(sequence, seen[at - 1]!)) {
    if (seen[at - 1] === sequence) return false;
    at--;
  }
  if (at === 0 && seen.length > 0) return false;
  seen.splice(at, 0, sequence);
  while (seen.length > window) seen.shift();
  return true;
}
