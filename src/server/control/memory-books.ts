import { Ledger } from '../../core/admission/ledger.ts';
import type { EpochMs } from '../../core/base/units.ts';
import { buildGraph, type NetworkGraph } from '../../core/network/graph.ts';
import type { Flow } from '../../core/qos/request.ts';
import type { LinkId, NodeName, Topology } from '../../core/network/topology.ts';
import { bookingOf, sameBooking } from '../../core/reservation/change.ts';
import { isLive, occupiesBooks } from '../../core/reservation/life-cycle.ts';
import { nodesOf } from '../../core/reservation/senders.ts';
import type { Reservation } from '../../core/reservation/reservation.ts';
import type { Books, Generation } from './committer.ts';
import type { BooksSnapshot, StoredTopology } from './ports.ts';

/** The books as far as this replica has followed. Only what is committed gets in. */
export class MemoryBooks implements Books {
  readonly ledger = new Ledger();
  /** The version of every link that this copy agrees with. */
  readonly versions = new Map<LinkId, bigint>();
  readonly now: () => EpochMs;
  /** Every event up to here is in. */
  lastEvent = 0n;
  readonly #byId = new Map<string, Reservation>();
  readonly #byNode = new Map<NodeName, Map<string, Reservation>>();
  /** By protocol and destination address, and there by destination port. */
  readonly #sessions = new Map<string, Map<number | null, Map<string, Reservation>>>();
  readonly #names = new Map<string, string>();
  readonly #counters = new Map<NodeName, bigint>();
  #epoch = '';
  #topology: { readonly topology: Topology; readonly graph: NetworkGraph; readonly version: bigint } = {
    topology: { nodes: [], links: [] },
    graph: buildGraph({ nodes: [], links: [] }),
    version: 0n,
  };

  constructor(now: () => EpochMs) {
    this.now = now;
  }

  load(snapshot: BooksSnapshot): void {
    this.setTopology(snapshot);
    this.#epoch = snapshot.epoch;
    this.setGenerations(snapshot.generations);
    for (const reservation of snapshot.reservations) this.apply(reservation);
    for (const [link, version] of snapshot.linkVersions) this.setVersion(link, version);
    this.lastEvent = snapshot.lastEvent;
  }

  get(id: string): Reservation | undefined {
    return this.#byId.get(id);
  }

  live(): Iterable<Reservation> {
    return this.#byId.values();
  }

  byNode(node: NodeName): Iterable<Reservation> {
    return this.#byNode.get(node)?.values() ?? [];
  }

  topology(): { readonly topology: Topology; readonly graph: NetworkGraph; readonly version: bigint } {
    return this.#topology;
  }

  generation(node: NodeName): Generation {
    return { epoch: this.#epoch, counter: this.#counters.get(node) ?? 0n };
  }

  /** Id of the live reservation that has the name. */
  named(name: string): string | null {
    return this.#names.get(name) ?? null;
  }

  /** Takes a committed reservation unless a later one is here. @returns whether it was taken. */
  apply(reservation: Reservation): boolean {
    const { id } = reservation;
    const before = this.#byId.get(id);
    if (before !== undefined && before.revision >= reservation.revision) return false;
    if (before !== undefined && before.name !== null && this.#names.get(before.name) === id) {
      this.#names.delete(before.name);
    }
    // Flow, window and path of a booking never change, only how much it holds.
    if (!occupiesBooks(reservation)) {
      this.ledger.remove(id);
      this.#leaveSession(reservation);
    } else if (!this.ledger.has(id)) {
      this.ledger.add(bookingOf(reservation));
      this.#joinSession(reservation);
    } else if (before !== undefined && !sameBooking(before, reservation)) {
      this.ledger.remove(id);
      this.ledger.add(bookingOf(reservation));
    }
    if (reservation.state === 'ended') {
      this.#byId.delete(id);
      for (const node of nodesOf(reservation)) {
        const there = this.#byNode.get(node);
        there?.delete(id);
        if (there?.size === 0) this.#byNode.delete(node);
      }
      return before !== undefined;
    }
    this.#byId.set(id, reservation);
    for (const node of nodesOf(reservation)) {
      const there = this.#byNode.get(node);
      if (there === undefined) this.#byNode.set(node, new Map([[id, reservation]]));
      else there.set(id, reservation);
    }
    if (reservation.name !== null && isLive(reservation)) this.#names.set(reservation.name, id);
    return true;
  }

  /** Booked reservations that RSVP may confuse with the flow: to its destination and port, or where one of the two has no port. */
  *toDestination({ protocol, destination }: Flow): Iterable<Reservation> {
    const ports = this.#sessions.get(`${protocol} ${destination.address}`);
    if (ports === undefined) return;
    if (destination.port === null) for (const there of ports.values()) yield* there.values();
    else for (const port of [destination.port, null]) yield* ports.get(port)?.values() ?? [];
  }

  #joinSession(reservation: Reservation): void {
    const { protocol, destination } = reservation.flow;
    const key = `${protocol} ${destination.address}`;
    const ports = this.#sessions.get(key) ?? new Map<number | null, Map<string, Reservation>>();
    const there = ports.get(destination.port) ?? new Map<string, Reservation>();
    this.#sessions.set(key, ports.set(destination.port, there.set(reservation.id, reservation)));
  }

  #leaveSession({ id, flow: { protocol, destination } }: Reservation): void {
    const key = `${protocol} ${destination.address}`;
    const ports = this.#sessions.get(key);
    const there = ports?.get(destination.port);
    there?.delete(id);
    if (there?.size === 0) ports!.delete(destination.port);
    if (ports?.size === 0) this.#sessions.delete(key);
  }

  /** A link's version, unless a later one is known. */
  setVersion(link: LinkId, version: bigint): void {
    if ((this.versions.get(link) ?? -1n) < version) this.versions.set(link, version);
  }

  /**
   * Not the versions of its links: they say up to where bookings were read, and grow only with those. Without one a link
   * counts as stale.
   */
  setTopology(stored: Pick<StoredTopology, 'topology' | 'version'>): void {
    if (stored.version < this.#topology.version) return;
    this.#topology = { topology: stored.topology, graph: buildGraph(stored.topology), version: stored.version };
  }

  setGenerations(counters: ReadonlyMap<NodeName, bigint>): void {
    for (const [node, counter] of counters) {
      if ((this.#counters.get(node) ?? -1n) < counter) this.#counters.set(node, counter);
    }
  }
}
