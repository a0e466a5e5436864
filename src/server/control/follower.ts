import type { Reservation } from '../../core/reservation/reservation.ts';
import type { NodeName } from '../../core/network/topology.ts';
import type { CommittedGroup, Generation } from './committer.ts';
import type { EventLog } from './event-log.ts';
import type { MemoryBooks } from './memory-books.ts';
import type { BooksStore, EventGroup } from './ports.ts';

const GROUPS_A_READ = 500;

/** Brings the books of this replica up to what others have committed, in the order of the events. */
export class Follower {
  readonly #store: BooksStore;
  readonly #books: MemoryBooks;
  readonly #log: EventLog;
  readonly #tell: (group: CommittedGroup) => void;

  constructor(store: BooksStore, books: MemoryBooks, log: EventLog, tell: (group: CommittedGroup) => void) {
    this.#store = store;
    this.#books = books;
    this.#log = log;
    this.#tell = tell;
  }

  /** @throws StoreFault */
  async follow(): Promise<void> {
    for (;;) {
      const groups = await this.#store.eventsAfter(this.#books.lastEvent, GROUPS_A_READ);
      if (groups.length === 0) return;
      // Purged before it was read here: only reading everything again helps.
      if (groups[0]!.first > this.#books.lastEvent + 1n) await this.#readAll();
      else await this.#take(groups);
    }
  }

  async #take(groups: readonly EventGroup[]): Promise<void> {
    const ids = new Set(groups.flatMap((group) => group.items.flatMap((item) => item.reservationId ?? [])));
    // Read after the events: at least as new as they say, and the revision of each tells.
    const reservations = await this.#store.reservations([...ids]);
    const generations = await this.#changedGenerations();
    const topologyChanged = groups.some((group) => (group.topologyVersion ?? 0n) > this.#books.topology().version);
    if (topologyChanged) this.#books.setTopology(await this.#store.loadTopology());
    for (const reservation of reservations) this.#books.apply(reservation);
    for (const group of groups) {
      for (const [link, version] of group.links) this.#books.setVersion(link, version);
      this.#books.lastEvent = group.first + BigInt(group.items.length) - 1n;
      this.#log.append(group);
    }
    this.#tell({ reservations, generations, topologyChanged });
  }

  async #readAll(): Promise<void> {
    const snapshot = await this.#store.load();
    const there = new Set(snapshot.reservations.map((each) => each.id));
    const gone = [...this.#books.live()].map((each) => each.id).filter((id) => !there.has(id));
    const ended = gone.length === 0 ? [] : await this.#store.reservations(gone);
    const changed: Reservation[] = [];
    for (const each of [...ended, ...snapshot.reservations]) if (this.#books.apply(each)) changed.push(each);
    const generations = this.#setGenerations(snapshot.generations);
    this.#books.load(snapshot);
    this.#log.reset(snapshot.lastEvent);
    this.#tell({ reservations: changed, generations, topologyChanged: true });
  }

  async #changedGenerations(): Promise<ReadonlyMap<NodeName, Generation>> {
    return this.#setGenerations(await this.#store.generations());
  }

  #setGenerations(counters: ReadonlyMap<NodeName, bigint>): ReadonlyMap<NodeName, Generation> {
    const changed = [...counters].filter(([node, counter]) => counter > this.#books.generation(node).counter);
    this.#books.setGenerations(counters);
    return new Map(changed.map(([node]) => [node, this.#books.generation(node)]));
  }
}
