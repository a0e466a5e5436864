import { isManaged } from '../../src/core/admission/managed.ts';
import { EpochMs } from '../../src/core/base/units.ts';
import type { Topology } from '../../src/core/network/topology.ts';
import { assignmentFor } from '../../src/core/reservation/assignment.ts';
import type { LifeCycleEvent } from '../../src/core/reservation/life-cycle-events.ts';
import { step } from '../../src/core/reservation/life-cycle.ts';
import { nodesOf } from '../../src/core/reservation/senders.ts';
import type { Reservation } from '../../src/core/reservation/reservation.ts';
import type { CommittedGroup, Committer, Generation } from '../../src/server/control/committer.ts';
import { MemoryBooks } from '../../src/server/control/memory-books.ts';

/** A committer without a database: every change is committed as soon as the caller's turn is over. */
export class MemoryCommitter implements Committer {
  readonly books: MemoryBooks;
  readonly epoch: string;
  /** Everything that changed something, in order: `<event> <state>`. */
  readonly history: string[] = [];
  /** Set to refuse changes as an unreachable database would. */
  failing = false;
  now = 100_000;
  readonly #listeners: ((group: CommittedGroup) => void)[] = [];
  readonly #generations = new Map<string, bigint>();
  #topologyVersion = 0n;

  constructor(topology: Topology, epoch = 'epoch-1', before: readonly Reservation[] = []) {
    this.epoch = epoch;
    this.books = new MemoryBooks(() => EpochMs(this.now));
    const nodes = new Set(before.flatMap(nodesOf));
    for (const node of nodes) this.#generations.set(node, 7n);
    this.books.load({
      epoch,
      topology,
      version: this.#topologyVersion,
      linkVersions: new Map(),
      reservations: before,
      generations: this.#generations,
      lastEvent: 0n,
    });
  }

  onCommitted(listener: (group: CommittedGroup) => void): void {
    this.#listeners.push(listener);
  }

  book(...reservations: readonly Reservation[]): void {
    this.#commit(reservations);
  }

  putTopology(topology: Topology): void {
    this.books.setTopology({ topology, version: ++this.#topologyVersion });
    for (const listen of this.#listeners) listen({ reservations: [], generations: new Map(), topologyChanged: true });
  }

  async transition(id: string, event: LifeCycleEvent): Promise<Reservation | null> {
    await Promise.resolve();
    if (this.failing) throw new Error('the database is away');
    const before = this.books.get(id);
    if (!before) return null;
    const { graph } = this.books.topology();
    const managed = isManaged(
      nodesOf(before),
      (node) => graph.nodes[graph.nodeIndex.get(node) ?? -1]?.agent,
      () => true,
    );
    const after = step(before, event, this.books.now(), managed);
    if (!after) return null;
    this.history.push(`${event.type} ${after.state}`);
    this.#commit([after]);
    return after;
  }

  #commit(reservations: readonly Reservation[]): void {
    const generations = new Map<string, Generation>();
    for (const after of reservations) {
      const before = this.books.get(after.id);
      for (const node of nodesOf(after)) {
        const was = before && assignmentFor(before, node);
        if ((was?.revision ?? null) === (assignmentFor(after, node)?.revision ?? null)) continue;
        if (!generations.has(node)) {
          const counter = (this.#generations.get(node) ?? 0n) + 1n;
          this.#generations.set(node, counter);
          generations.set(node, { epoch: this.epoch, counter });
        }
      }
      this.books.apply(after);
    }
    this.books.setGenerations(this.#generations);
    for (const listen of this.#listeners) listen({ reservations, generations, topologyChanged: false });
  }
}
