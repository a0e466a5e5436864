import { formatPrefix, ipFamily } from '../../../core/base/ip.ts';
import { Millis } from '../../../core/base/units.ts';
import type { NetworkGraph } from '../../../core/network/graph.ts';
import type { NodeName } from '../../../core/network/topology.ts';
import { assignmentFor, type Assignment } from '../../../core/reservation/assignment.ts';
import type { Books, Generation } from '../committer.ts';
import { interfaceConfigs } from './interface-config.ts';
import type { AgentHello, AgentStream, HeldAssignment, InterfaceConfig, RefusalCode, ToAgent } from './messages.ts';

/** Assignments in one message: a few megabytes at most. */
const PART_SIZE = 5_000;

export interface SessionSettings {
  /** Reservations with news that may wait for a slow reader before its stream is closed. */
  readonly maxBacklog: number;
}

/** Told as soon as a message is on its way. */
export interface SessionListener {
  assigned(node: NodeName, reservationId: string): void;
  removing(node: NodeName, reservationId: string): void;
}

/**
 * One stream of one agent: what the agent holds as far as this server has told it, and what it must still be told.
 *
 * News are kept as ids, not as messages. What goes out is worked out from the books when the stream takes it, so a slow
 * reader gets fewer and larger updates, never an outdated one, and updates are always in the order of their generations.
 */
export class AgentSession {
  readonly node: NodeName;
  readonly #stream: AgentStream;
  readonly #books: Books;
  readonly #listener: SessionListener;
  readonly #settings: SessionSettings;
  readonly #authoritiesPem: () => string;
  /** Revision of everything that the agent holds or is being told to hold. */
  readonly #held = new Map<string, number>();
  readonly #dirty = new Set<string>();
  #generation: Generation | null = null;
  #interfaces: readonly InterfaceConfig[] = [];
  #interfacesDirty = false;
  #subnets: readonly string[] = [];
  #heartbeatIntervalMs = Millis(0);
  #writing = false;
  #closed = false;

  constructor(options: {
    node: NodeName;
    stream: AgentStream;
    books: Books;
    listener: SessionListener;
    settings: SessionSettings;
    authoritiesPem: () => string;
  }) {
    this.node = options.node;
    this.#stream = options.stream;
    this.#books = options.books;
    this.#listener = options.listener;
    this.#settings = options.settings;
    this.#authoritiesPem = options.authoritiesPem;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** How many assignments the agent holds. */
  get size(): number {
    return this.#held.size;
  }

  holds(reservationId: string): boolean {
    return this.#held.has(reservationId);
  }

  /** Welcome and full comparison: only what differs from `hello.held` travels. */
  start(hello: AgentHello, heartbeatIntervalMs: Millis): void {
    this.#interfaces = interfaceConfigs(this.#books.topology().topology, this.node);
    this.#heartbeatIntervalMs = heartbeatIntervalMs;
    this.#subnets = subnetsOf(this.#books.topology().graph);
    this.#welcome();

    const generation = this.#books.generation(this.node);
    const desired = new Map<string, Assignment>();
    for (const reservation of this.#books.byNode(this.node)) {
      const assignment = this.#wanted(reservation.id);
      if (assignment) desired.set(reservation.id, assignment);
    }
    const keep: HeldAssignment[] = [];
    const removals: string[] = [];
    for (const held of hello.held) {
      if (desired.get(held.reservationId)?.revision === held.revision) {
        keep.push(held);
        desired.delete(held.reservationId);
        this.#held.set(held.reservationId, held.revision);
      } else if (desired.has(held.reservationId)) {
        // What replaces it may come in a later part of the update.
        keep.push(held);
      } else {
        removals.push(held.reservationId);
      }
    }
    const sameEpoch = hello.generation?.epoch === generation.epoch;
    const current = sameEpoch && hello.generation?.counter === generation.counter;
    this.#generation = generation;
    if (current && desired.size === 0 && removals.length === 0) return;
    // Of another epoch the agent's and this server's removals have nothing in common: it is told what stays instead.
    this.#write({
      full: !sameEpoch,
      keep: sameEpoch ? [] : keep,
      upserts: [...desired.values()],
      removals,
      interfaces: [],
    });
  }

  /** The desired state of the node may have changed for these reservations. */
  changed(reservationIds: Iterable<string>, generation: Generation): void {
    if (this.#closed) return;
    for (const id of reservationIds) this.#dirty.add(id);
    this.#generation = generation;
    if (this.#dirty.size > this.#settings.maxBacklog && this.#writing) {
      this.refuse('SLOW', `${this.#dirty.size} changes were waiting to be read; connect again to compare`);
      return;
    }
    this.#flush();
  }

  topologyChanged(): void {
    if (this.#closed) return;
    const interfaces = interfaceConfigs(this.#books.topology().topology, this.node);
    if (JSON.stringify(interfaces) !== JSON.stringify(this.#interfaces)) {
      this.#interfaces = interfaces;
      // An update without interfaces means "as before": that there are none left can only be said in a welcome.
      if (interfaces.length === 0) this.#welcome();
      this.#interfacesDirty = interfaces.length > 0;
    }
    const subnets = subnetsOf(this.#books.topology().graph);
    if (subnets.join() !== this.#subnets.join()) {
      this.#subnets = subnets;
      this.#welcome();
    }
    // Whether the node is managed at all may have changed.
    for (const reservation of this.#books.byNode(this.node)) this.#dirty.add(reservation.id);
    this.#generation = this.#books.generation(this.node);
    this.#flush();
  }

  /**
   * An update that changes nothing says what time it is: the clock of the books may have been set, and that of an agent that has
   * nothing else to hear of wanders.
   */
  tellTime(): void {
    // What is being written says it as well.
    if (this.#closed || this.#writing) return;
    this.#stream.send({
      type: 'assignments',
      ...{ full: false, keep: [], upserts: [], removals: [], interfaces: [] },
      generation: null,
      serverTime: this.#books.now(),
    });
  }

  query(queryId: bigint): void {
    this.#stream.send({ type: 'rsvpStateQuery', queryId });
  }

  trace(on: boolean): void {
    if (!this.#closed) this.#stream.send({ type: 'rsvpTraceSwitch', on });
  }

  /** Another agent says that it is this node. */
  rival(detail: string): void {
    if (!this.#closed) this.#stream.send({ type: 'notice', code: 'RIVAL', detail });
  }

  /** The authorities of agents' certificates are others than before. */
  authoritiesChanged(): void {
    if (!this.#closed) this.#welcome();
  }

  refuse(code: RefusalCode, detail: string): void {
    if (this.#closed) return;
    this.#stream.send({ type: 'refusal', code, detail });
    this.end();
  }

  end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stream.end();
  }

  /** The stream is gone. */
  close(): void {
    this.#closed = true;
  }

  #welcome(): void {
    this.#stream.send({
      type: 'welcome',
      interfaces: this.#interfaces,
      heartbeatIntervalMs: this.#heartbeatIntervalMs,
      serverTime: this.#books.now(),
      authoritiesPem: this.#authoritiesPem(),
      subnets: this.#subnets,
    });
  }

  #flush(): void {
    if (this.#writing || this.#closed) return;
    const upserts: Assignment[] = [];
    const removals: string[] = [];
    for (const id of this.#dirty) {
      const assignment = this.#wanted(id);
      if (!assignment) {
        if (this.#held.has(id)) removals.push(id);
      } else if (this.#held.get(id) !== assignment.revision) {
        upserts.push(assignment);
      }
    }
    this.#dirty.clear();
    const interfaces = this.#interfacesDirty ? this.#interfaces : [];
    this.#interfacesDirty = false;
    if (upserts.length + removals.length + interfaces.length === 0) return;
    this.#write({ full: false, keep: [], upserts, removals, interfaces });
  }

  #wanted(id: string): Assignment | null {
    const reservation = this.#books.get(id);
    if (!reservation) return null;
    const { graph } = this.#books.topology();
    const mode = graph.nodes[graph.nodeIndex.get(this.node) ?? -1]?.agent;
    return mode === undefined || mode === 'none' ? null : assignmentFor(reservation, this.node);
  }

  /** In parts of bounded size; removals go first, and only the last part carries the generation. */
  #write(update: Omit<ToAgent & { type: 'assignments' }, 'type' | 'generation' | 'serverTime'>): void {
    const { upserts, removals } = update;
    for (const id of removals) {
      this.#held.delete(id);
      this.#listener.removing(this.node, id);
    }
    for (const assignment of upserts) {
      this.#held.set(assignment.reservationId, assignment.revision);
      this.#listener.assigned(this.node, assignment.reservationId);
    }
    this.#writing = true;
    const generation = this.#generation;
    for (let from = 0; from === 0 || from < upserts.length; from += PART_SIZE) {
      const part = upserts.slice(from, from + PART_SIZE);
      const last = from + PART_SIZE >= upserts.length;
      const message: ToAgent = {
        type: 'assignments',
        ...(from === 0 ? update : { full: false, keep: [], removals: [], interfaces: [] }),
        upserts: part,
        generation: last ? generation : null,
        serverTime: this.#books.now(),
      };
      this.#stream.send(message, last ? () => this.#taken() : undefined);
    }
  }

  #taken(): void {
    this.#writing = false;
    this.#flush();
  }
}

const subnets = new WeakMap<NetworkGraph, readonly string[]>();

/** Those of IPv4, the same list for every agent. */
function subnetsOf(graph: NetworkGraph): readonly string[] {
  let texts = subnets.get(graph);
  if (!texts) {
    texts = graph.subnets
      .filter(({ prefix }) => ipFamily(prefix.address) === 4)
      .map(({ prefix }) => formatPrefix(prefix));
    subnets.set(graph, texts);
  }
  return texts;
}
