import type { Flowspec } from '../../qos/flowspec.ts';
import type { PathContents, PreviousHop, Way } from './blocks.ts';

/** A power of two. */
const SLOTS = 256;

/**
 * Values that many states have alike are kept once: a thousand calls of one kind have one Tspec, and all that come from one
 * neighbour one previous hop. Of values whose hash is the same the last is known, so it never grows and is right whatever
 * the hash is.
 */
export class Shared<T> {
  readonly #known: (T | undefined)[] = Array.from({ length: SLOTS });
  readonly #hash: (value: T) => number;
  readonly #same: (a: T, b: T) => boolean;

  constructor(hash: (value: T) => number, same: (a: T, b: T) => boolean) {
    this.#hash = hash;
    this.#same = same;
  }

  /** The value, or an earlier one that is the same. */
  of(value: T): T {
    const slot = this.#hash(value) & (SLOTS - 1);
    const known = this.#known[slot];
    if (known !== undefined && this.#same(known, value)) return known;
    return (this.#known[slot] = value);
  }
}

/** One a node. Whoever keeps such a value in a block takes it from here. */
export interface SharedValues {
  readonly contents: Shared<PathContents>;
  readonly hops: Shared<PreviousHop>;
  readonly ways: Shared<Way>;
  readonly flowspecs: Shared<Flowspec>;
}
