import { ClassIds } from '../core/shaping/class-ids.ts';
import type { Journal } from './journal.ts';

/**
 * Which key has which number (a reservation its class, a neighbour its mark); kept in the journal, so that a restarted
 * agent finds in the kernel what it left there.
 */
export class NumberBook {
  readonly #journal: Journal;
  readonly #prefix: string;
  readonly #ids: ClassIds;
  readonly #keys: Set<string>;

  /** @param range of the numbers; that of flow classes when absent. */
  constructor(journal: Journal, prefix: string, range: { readonly first?: number; readonly last?: number } = {}) {
    this.#journal = journal;
    this.#prefix = prefix;
    const known = [...journal.entries(prefix)].map(
      ([key, number]) => [key.slice(prefix.length), Number(number)] as const,
    );
    this.#ids = new ClassIds(known, range.first, range.last);
    this.#keys = new Set(known.map(([key]) => key).filter((key) => this.#ids.get(key) !== undefined));
  }

  *held(): Iterable<readonly [string, number]> {
    for (const key of this.#keys) yield [key, this.#ids.get(key)!];
  }

  /** The key's number, the same at every call until it is freed; null when all are taken. */
  allocate(key: string): number | null {
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const number = this.#ids.allocate(key);
    if (!number.ok) return null;
    this.#keys.add(key);
    this.#journal.put(this.#prefix + key, number.value);
    return number.value;
  }

  /** Gives a key the number that it has in the kernel, unless it has one or the number is another's. */
  adopt(key: string, number: number): void {
    if (!this.#ids.adopt(key, number)) return;
    this.#keys.add(key);
    this.#journal.put(this.#prefix + key, number);
  }

  free(key: string): void {
    if (!this.#keys.delete(key)) return;
    this.#ids.release(key);
    this.#journal.delete(this.#prefix + key);
  }
}
