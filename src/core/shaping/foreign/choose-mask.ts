import { DEFAULT_STEERING } from '../steering.ts';

/** As many bits give 255 neighbours; fewer will do where no more are free. */
const MOST_BITS = 8;

/**
 * Contiguous bits of a mark that nobody names: the usual ones where they are free, else as many as there are, up to eight,
 * the highest first.
 *
 * @param named bits that rules of others read or write.
 * @returns null where every bit is named.
 */
export function chooseMask(named: number): number | null {
  if ((DEFAULT_STEERING.mask & named) === 0) return DEFAULT_STEERING.mask;
  for (let width = MOST_BITS; width > 0; width--) {
    for (let shift = 32 - width; shift >= 0; shift--) {
      const mask = ((2 ** width - 1) * 2 ** shift) >>> 0;
      if ((mask & named) === 0) return mask;
    }
  }
  return null;
}
