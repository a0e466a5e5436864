import type { EventView } from './api.ts';
import type { EventGroup } from './ports.ts';

/** Groups kept in memory, so that watchers that are up to date cost the database nothing. */
const KEPT_GROUPS = 1_000;

/** The newest events, in order and without gaps, and a bell for those who wait for more. */
export class EventLog {
  readonly #groups: EventGroup[] = [];
  readonly #waiting = new Set<() => void>();
  #last = 0n;

  /** Id of the last event that this replica has followed. */
  get last(): bigint {
    return this.#last;
  }

  /** Starts, or starts again after a gap: what is kept ends at `last`. */
  reset(last: bigint): void {
    this.#groups.length = 0;
    this.#last = last;
    this.#ring();
  }

  append(group: EventGroup): void {
    this.#groups.push(group);
    if (this.#groups.length > KEPT_GROUPS) this.#groups.splice(0, this.#groups.length - KEPT_GROUPS);
    this.#last = group.first + BigInt(group.items.length) - 1n;
    this.#ring();
  }

  /** Groups with events after `id`; null when they are not all kept here. */
  after(id: bigint): readonly EventGroup[] | null {
    if (id >= this.#last) return [];
    const oldest = this.#groups[0];
    if (oldest === undefined || oldest.first > id + 1n) return null;
    let from = this.#groups.length;
    while (from > 0 && endOf(this.#groups[from - 1]!) > id) from--;
    return this.#groups.slice(from);
  }

  /** Resolves when there is an event after `id`, or with the signal. */
  more(id: bigint, signal: AbortSignal): Promise<void> {
    if (this.#last > id || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        this.#waiting.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#waiting.add(done);
      signal.addEventListener('abort', done, { once: true });
    });
  }

  #ring(): void {
    for (const done of [...this.#waiting]) done();
  }
}

const endOf = (group: EventGroup): bigint => group.first + BigInt(group.items.length) - 1n;

/** The events of a group that come after `id`. */
export const eventsOf = (group: EventGroup, id: bigint): readonly EventView[] =>
  group.items.flatMap((item, i) => {
    const own = group.first + BigInt(i);
    return own > id
      ? [{ id: own, type: item.type, time: group.time, reservationId: item.reservationId, data: item.data }]
      : [];
  });
