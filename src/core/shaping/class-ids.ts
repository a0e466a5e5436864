import { err, ok, type Result } from '../base/result.ts';
import { FIRST_FLOW_MINOR, LAST_FLOW_MINOR } from './htb.ts';

/**
 * Class minors of one agent: a key keeps its number until it is released, and a released number is the last to be
 * given again, so that a packet still on its way to the old class does not meet a new one.
 */
export class ClassIds {
  readonly #byKey = new Map<string, number>();
  readonly #used = new Set<number>();
  readonly #first: number;
  readonly #last: number;
  #next: number;

  /** @param known what the journal remembers: key → minor. Entries out of range or used twice are dropped. */
  constructor(known: Iterable<readonly [string, number]> = [], first = FIRST_FLOW_MINOR, last = LAST_FLOW_MINOR) {
    this.#first = first;
    this.#last = last;
    this.#next = first;
    for (const [key, minor] of known) this.adopt(key, minor);
  }

  /** Gives a key a number that it is known to have. False where that is out of range, another's, or the key has one. */
  adopt(key: string, minor: number): boolean {
    if (!Number.isInteger(minor) || minor < this.#first || minor > this.#last) return false;
    if (this.#used.has(minor) || this.#byKey.has(key)) return false;
    this.#take(key, minor);
    this.#next = minor === this.#last ? this.#first : Math.max(this.#next, minor + 1);
    return true;
  }

  get size(): number {
    return this.#byKey.size;
  }

  get(key: string): number | undefined {
    return this.#byKey.get(key);
  }

  /** The key's number, a new one if it has none. Fails with a sentence when every number is in use. */
  allocate(key: string): Result<number, string> {
    const known = this.#byKey.get(key);
    if (known !== undefined) return ok(known);
    const room = this.#last - this.#first + 1;
    if (this.#used.size >= room) return err(`all ${room} class numbers of this agent are in use`);
    while (this.#used.has(this.#next)) this.#advance();
    const minor = this.#next;
    this.#take(key, minor);
    this.#advance();
    return ok(minor);
  }

  release(key: string): void {
    const minor = this.#byKey.get(key);
    if (minor === undefined) return;
    this.#byKey.delete(key);
    this.#used.delete(minor);
  }

  /** For the journal. */
  entries(): IterableIterator<[string, number]> {
    return this.#byKey.entries();
  }

  #take(key: string, minor: number): void {
    this.#byKey.set(key, minor);
    this.#used.add(minor);
  }

  #advance(): void {
    this.#next = this.#next === this.#last ? this.#first : this.#next + 1;
  }
}
