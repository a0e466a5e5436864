import type { Journal } from './journal.ts';

/** Minor class numbers that reservations may have: below are ours for other uses, above HTB's own. */
const FIRST_MINOR = 16;
const LAST_MINOR = 65_519;

/** Which reservation has which class; kept in the journal, so that a restarted agent finds its classes in the kernel. */
export class ClassBook {
  readonly #journal: Journal;
  readonly #minors = new Map<string, number>();
  readonly #used = new Set<number>();
  #next = FIRST_MINOR;

  constructor(journal: Journal) {
    this.#journal = journal;
    for (const [key, value] of journal.entries('class/')) {
      if (typeof value !== 'number') continue;
      this.#minors.set(key.slice('class/'.length), value);
      this.#used.add(value);
    }
  }

  *held(): Iterable<[string, number]> {
    yield* this.#minors;
  }

  /** The reservation's class, the same at every call until it is freed; null when all are taken. */
  allocate(key: string): number | null {
    const known = this.#minors.get(key);
    if (known !== undefined) return known;
    if (this.#used.size > LAST_MINOR - FIRST_MINOR) return null;
    // Numbers go round, so that one just freed is the last to come again.
    while (this.#used.has(this.#next)) this.#next = this.#next >= LAST_MINOR ? FIRST_MINOR : this.#next + 1;
    const minor = this.#next;
    this.#next = minor >= LAST_MINOR ? FIRST_MINOR : minor + 1;
    this.#minors.set(key, minor);
    this.#used.add(minor);
    this.#journal.put(`class/${key}`, minor);
    return minor;
  }

  free(key: string): void {
    const minor = this.#minors.get(key);
    if (minor === undefined) return;
    this.#minors.delete(key);
    this.#used.delete(minor);
    this.#journal.delete(`class/${key}`);
  }
}
