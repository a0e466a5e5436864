import { ClassIds } from '../core/shaping/class-ids.ts';
import type { Journal } from './journal.ts';

const PREFIX = 'class/';

/** Which reservation has which class; kept in the journal, so that a restarted agent finds its classes in the kernel. */
export class ClassBook {
  readonly #journal: Journal;
  readonly #ids: ClassIds;
  readonly #keys: Set<string>;

  constructor(journal: Journal) {
    this.#journal = journal;
    const known = [...journal.entries(PREFIX)].map(
      ([key, minor]) => [key.slice(PREFIX.length), Number(minor)] as const,
    );
    this.#ids = new ClassIds(known);
    this.#keys = new Set(known.map(([key]) => key).filter((key) => this.#ids.get(key) !== undefined));
  }

  *held(): Iterable<readonly [string, number]> {
    for (const key of this.#keys) yield [key, this.#ids.get(key)!];
  }

  /** The reservation's class, the same at every call until it is freed; null when all are taken. */
  allocate(key: string): number | null {
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const minor = this.#ids.allocate(key);
    if (!minor.ok) return null;
    this.#keys.add(key);
    this.#journal.put(PREFIX + key, minor.value);
    return minor.value;
  }

  free(key: string): void {
    if (!this.#keys.delete(key)) return;
    this.#ids.release(key);
    this.#journal.delete(PREFIX + key);
  }
}
