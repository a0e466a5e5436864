import { decide } from '../../core/admission/decide.ts';
import { managedNodes } from '../../core/admission/managed.ts';
import type { World } from '../../core/admission/world.ts';
import type { Decision } from '../../core/admission/decision.ts';
import type { LinkId, NodeName, Topology } from '../../core/network/topology.ts';
import type { Flow } from '../../core/qos/request.ts';
import { assignmentFor } from '../../core/reservation/assignment.ts';
import { bookingOf, sameBooking } from '../../core/reservation/change.ts';
import { initialState, isLive, isSignalled, occupiesBooks, step } from '../../core/reservation/life-cycle.ts';
import type { LifeCycleEvent } from '../../core/reservation/life-cycle-events.ts';
import type { Reservation } from '../../core/reservation/reservation.ts';
import { linksOf, nodesOf } from '../../core/reservation/senders.ts';
import type { AgentDirectory } from './committer.ts';
import { ControlError } from './errors.ts';
import type {
  Basis,
  CallItem,
  GroupItem,
  ModifyItem,
  ReserveItem,
  TopologyItem,
  TransitionItem,
  Unbooked,
} from './group-items.ts';
import { findConflict, type Others } from './group-conflicts.ts';
import { decideModify } from './group-modify.ts';
import type { MemoryBooks } from './memory-books.ts';
import type { EventDraft, TopologyWrites } from './ports.ts';
import { refusal } from './refusal.ts';
import { eventType } from './reservation-events.ts';
import { planTopology, type TopologyPlan } from './topology-plan.ts';

/** A request that lost this often has all links that its decision looks at locked, so that it cannot lose again. */
export const LOSSES_BEFORE_LOCKING_ALL = 2;

/** The only rows that a decision made inside a transaction may change. */
export interface LockedRows {
  readonly links: ReadonlySet<LinkId>;
  readonly keys: ReadonlySet<string>;
}

/** What one transaction is going to do for a group, decided in memory and not yet true. */
export class GroupPlan {
  readonly created = new Map<ReserveItem, Reservation>();
  readonly changed = new Map<string, { readonly before: Reservation; readonly after: Reservation }>();
  readonly transitions: { readonly item: TransitionItem; readonly after: Reservation | null }[] = [];
  readonly modified: { readonly item: ModifyItem; readonly after: Reservation }[] = [];
  readonly unbooked: Unbooked[] = [];
  /** They need links that are not locked, or a reservation that is not known here: the next group decides. */
  readonly postponed: GroupItem[] = [];
  /** Links whose version grows, with the reservations that changed on them. */
  readonly links = new Map<LinkId, Set<string>>();
  readonly locks = new Set<LinkId>();
  /** Reservations that are looked at and not changed, by requests that lost too often. */
  readonly watched = new Set<string>();
  /** Nodes whose desired state changes. */
  readonly nodes = new Set<NodeName>();
  readonly events: EventDraft[] = [];
  topology: { readonly item: TopologyItem; readonly plan: TopologyPlan; readonly writes: TopologyWrites } | null = null;

  get writes(): boolean {
    return this.events.length > 0;
  }
}

/**
 * Decides a group, one after the other, each on what the ones before it leave. The ledger is as before when it returns.
 *
 * @param locked the only links that may be changed; null = any, they are locked afterwards.
 */
export function planGroup(
  items: readonly GroupItem[],
  books: MemoryBooks,
  agents: AgentDirectory,
  locked: LockedRows | null,
): GroupPlan {
  const planner = new Planner(books, agents, locked);
  try {
    for (const item of items) planner.add(item);
  } finally {
    planner.undo();
  }
  return planner.plan;
}

class Planner {
  readonly plan = new GroupPlan();
  readonly #books: MemoryBooks;
  readonly #agents: AgentDirectory;
  readonly #locked: LockedRows | null;
  readonly #world: World;
  readonly #others: Others;
  readonly #undo: (() => void)[] = [];
  readonly #keys = new Set<string>();
  /** Names that the group has given (an id) or freed (null). */
  readonly #names = new Map<string, string | null>();

  constructor(books: MemoryBooks, agents: AgentDirectory, locked: LockedRows | null) {
    this.#books = books;
    this.#agents = agents;
    this.#locked = locked;
    this.#world = {
      graph: books.topology().graph,
      ledger: books.ledger,
      routes: agents.routes(),
      unreachable: agents.unreachable(),
      steering: agents.steering(),
      now: books.now(),
    };
    this.#others = {
      ledger: books.ledger,
      toDestination: (flow) => this.#toDestination(flow),
      holderOf: (name) => this.#holderOf(name),
    };
  }

  add(item: GroupItem): void {
    if (item.kind === 'reserve') this.#reserve(item);
    else if (item.kind === 'modify') this.#modify(item);
    else if (item.kind === 'transition') this.#transition(item);
    else this.#topology(item);
  }

  undo(): void {
    for (const undo of this.#undo.splice(0).reverse()) undo();
  }

  #reserve(item: ReserveItem): void {
    const { request } = item;
    const decision = decide(request, this.#world);
    const touched = 'touched' in decision ? decision.touched : [];
    // An address on no node is in nobody's way.
    const inTheWay = 'touched' in decision ? findConflict(request, this.#others) : null;
    if (inTheWay !== null) return this.#refuse(item, inTheWay.error, [], inTheWay.id);
    if (item.losses >= LOSSES_BEFORE_LOCKING_ALL) for (const link of touched) this.plan.locks.add(link);
    if (!decision.admitted) return this.#refuse(item, refusal(decision), touched, null);

    const reservation = this.#granted(item, decision);
    if (item.preview) {
      this.plan.unbooked.push({ item, answer: { ...reservation, id: '' }, basis: this.#basis(touched, null) });
      return;
    }
    if (!this.#mayChange(decision.touched) || !this.#takeKey(item)) {
      this.plan.postponed.push(item);
      return;
    }
    this.plan.created.set(item, reservation);
    this.#books.ledger.add(bookingOf(reservation));
    this.#undo.push(() => this.#books.ledger.remove(reservation.id));
    if (request.name !== null) this.#names.set(request.name, item.id);
    this.#bump(reservation);
    // A path other than the routed one was taken for what stands on these.
    for (const link of touched) this.plan.locks.add(link);
    this.#signalled(reservation);
    this.#emit('reservation.created', reservation);
  }

  #modify(item: ModifyItem): void {
    const before = this.plan.changed.get(item.id)?.after ?? this.#books.get(item.id);
    if (before === undefined) {
      return this.#refuse(item, new ControlError('INCOMPATIBLE_STATE', 'the reservation has ended'), [], null);
    }
    const decision = decideModify(before, item, {
      world: this.#world,
      atOnce: this.#changesAtOnce(before),
      holderOf: (name) => this.#holderOf(name),
    });
    const { touched } = decision;
    if (item.losses >= LOSSES_BEFORE_LOCKING_ALL) {
      for (const link of touched) this.plan.locks.add(link);
      this.plan.watched.add(item.id);
    }
    if ('refused' in decision) return this.#refuse(item, decision.refused, touched, item.id);
    const { after } = decision;
    if (after === before) {
      this.plan.unbooked.push({ item, answer: after, basis: this.#basis([], item.id) });
      return;
    }
    // A name that this group takes from another is free only when that row is written: both may be in one statement.
    const nameMoves = after.name !== null && after.name !== before.name && this.#names.has(after.name);
    if (nameMoves || !this.#mayChange(touched) || !this.#takeKey(item)) {
      this.plan.postponed.push(item);
      return;
    }
    // A grant stands only on the books that it was decided on.
    for (const link of touched) this.plan.locks.add(link);
    this.#replace(before, after);
    if (before.name !== after.name) {
      if (before.name !== null) this.#names.set(before.name, null);
      if (after.name !== null) this.#names.set(after.name, after.id);
    }
    this.plan.modified.push({ item, after });
  }

  /** Agents that are all connected hear of it before any later booking; before the window opens none has installed anything. */
  #changesAtOnce(reservation: Reservation): boolean {
    const managed = this.#managedNodes(nodesOf(reservation));
    if (managed.length === 0 || reservation.state === 'held') return true;
    return reservation.state === 'scheduled' && managed.every((node) => this.#agents.connected(node));
  }

  /** False where another item of the group has the key, or it is not among those that were locked. */
  #takeKey({ key: given }: CallItem): boolean {
    if (given === null) return true;
    const { key } = given;
    if (this.#keys.has(key) || (this.#locked !== null && !this.#locked.keys.has(key))) return false;
    this.#keys.add(key);
    return true;
  }

  #granted(item: ReserveItem, { path, morePaths }: Extract<Decision, { admitted: true }>): Reservation {
    const { name, labels, flow, moreSources, style, qos, window } = item.request;
    const { now } = this.#world;
    const moreSenders = moreSources.map((source, i) => ({
      ...{ source, path: morePaths[i]! },
      ...{ actualHops: [], nonRsvpHop: false, adspecDeviation: null },
    }));
    const nodes = nodesOf({ path, moreSenders });
    return {
      id: item.id,
      name,
      labels,
      flow,
      style,
      qos,
      window,
      state: initialState(window, now, this.#managed(nodes)),
      stateReason: null,
      endReason: null,
      failure: null,
      path,
      moreSenders,
      actualHops: [],
      nonRsvpHop: false,
      adspecDeviation: null,
      enforcement: this.#enforcement(nodes),
      countsInBooks: true,
      confirmedAt: null,
      change: null,
      termsRevision: 0,
      revision: 1,
      createdAt: now,
      updatedAt: now,
    };
  }

  #holderOf(name: string): string | null {
    const given = this.#names.get(name);
    return given === undefined ? this.#books.named(name) : given;
  }

  *#toDestination(flow: Flow): Iterable<Reservation> {
    for (const each of this.#books.toDestination(flow)) {
      if (occupiesBooks(this.plan.changed.get(each.id)?.after ?? each)) yield each;
    }
    for (const each of this.plan.created.values()) {
      if (each.flow.protocol === flow.protocol && each.flow.destination.address === flow.destination.address)
        yield each;
    }
  }

  #refuse(item: CallItem, answer: ControlError, touched: readonly LinkId[], existing: string | null): void {
    this.plan.unbooked.push({ item, answer, basis: this.#basis(touched, existing) });
  }

  #basis(touched: readonly LinkId[], existing: string | null): Basis {
    const revision =
      existing === null ? undefined : (this.plan.changed.get(existing)?.after ?? this.#books.get(existing))?.revision;
    return {
      links: new Map(touched.map((link) => [link, this.#books.versions.get(link) ?? -1n])),
      topology: this.#books.topology().version,
      // One that this group creates has revision 1 when it is there.
      existing: existing === null ? null : { id: existing, revision: revision ?? 1 },
    };
  }

  #transition(item: TransitionItem): void {
    const before = this.plan.changed.get(item.id)?.after ?? this.#books.get(item.id);
    const after = before === undefined ? null : this.#step(before, item.event);
    if (after === 'postponed') this.plan.postponed.push(item);
    else this.plan.transitions.push({ item, after });
  }

  #step(before: Reservation, event: LifeCycleEvent): Reservation | null | 'postponed' {
    const stepped = step(before, event, this.#world.now, this.#managed(nodesOf(before)));
    if (stepped === null) return null;
    // Agents that were away when it was booked have told by now what they can do.
    const becomesActive = stepped.state === 'active' && before.state !== 'active';
    const after = becomesActive ? { ...stepped, enforcement: this.#enforcement(nodesOf(before)) } : stepped;
    const { end } = before.window;
    const changesBooks =
      occupiesBooks(before) !== occupiesBooks(after) || (occupiesBooks(before) && !sameBooking(before, after));
    // The calendar has come to the end of the booking by itself.
    const changesCalendar = changesBooks && (end === null || end > this.#world.now);
    if (changesCalendar && !this.#mayChange(linksOf(before))) return 'postponed';
    if (before.name !== null && isLive(before) && !isLive(after)) this.#names.set(before.name, null);
    this.#replace(before, after);
    return after;
  }

  /** One state of a reservation takes the place of another, in the plan and in the ledger. */
  #replace(before: Reservation, after: Reservation): void {
    const { ledger } = this.#books;
    const { end } = before.window;
    const counted = occupiesBooks(before);
    const counts = occupiesBooks(after);
    if (counted !== counts || (counted && !sameBooking(before, after))) {
      if (end === null || end > this.#world.now) this.#bump(before);
      ledger.remove(before.id);
      if (counts) ledger.add(bookingOf(after));
      this.#undo.push(() => {
        ledger.remove(before.id);
        if (counted) ledger.add(bookingOf(before));
      });
    }
    if (isSignalled(before) !== isSignalled(after) || this.#asksOtherwise(before, after)) this.#signalled(before);
    this.plan.changed.set(before.id, { before: this.plan.changed.get(before.id)?.before ?? before, after });
    this.#emit(eventType(before, after), after);
  }

  #asksOtherwise(before: Reservation, after: Reservation): boolean {
    if (before.change === after.change && before.qos === after.qos) return false;
    const [node] = before.path.nodes;
    return assignmentFor(before, node!)?.revision !== assignmentFor(after, node!)?.revision;
  }

  #topology(item: TopologyItem): void {
    const topologyPlan = planTopology(this.#books, item.next, item);
    const { changes, ending } = topologyPlan;
    const links = [...changes.linksAdded, ...changes.linksChanged];
    const writes: TopologyWrites = { next: item.next, links, removedLinks: changes.linksRemoved };
    const paths = ending.flatMap(linksOf);
    if (!item.preview && !this.#mayChange(paths)) {
      this.plan.postponed.push(item);
      return;
    }
    this.plan.topology = { item, plan: topologyPlan, writes };
    if (item.preview) return;
    for (const reservation of ending) this.#step(reservation, { type: 'releaseRequested', inOrder: false });
    for (const link of [...links, ...changes.linksRemoved, ...this.#linksAt(changes.nodesChanged, item.next)]) {
      if (!this.plan.links.has(link)) this.plan.links.set(link, new Set());
      this.plan.locks.add(link);
    }
    for (const node of item.next.nodes) if (node.agent !== 'none') this.plan.nodes.add(node.name);
    this.plan.events.push({
      type: 'topology.replaced',
      reservationId: null,
      data: { etag: topologyPlan.etag, changes },
    });
  }

  /** What admission reads of a node (its state, the MTU of its interfaces) it reads of the links at it. */
  #linksAt(nodes: readonly string[], { links }: Topology): readonly LinkId[] {
    const changed = new Set(nodes);
    return links.filter(({ from, to }) => changed.has(from.node) || changed.has(to.node)).map(({ id }) => id);
  }

  #mayChange(links: readonly LinkId[]): boolean {
    return this.#locked === null || links.every((link) => this.#locked!.links.has(link));
  }

  #bump(reservation: Reservation): void {
    for (const link of linksOf(reservation)) {
      this.plan.locks.add(link);
      const there = this.plan.links.get(link);
      if (there === undefined) this.plan.links.set(link, new Set([reservation.id]));
      else there.add(reservation.id);
    }
  }

  #signalled(reservation: Reservation): void {
    for (const node of nodesOf(reservation)) if (this.#mode(node) !== 'none') this.plan.nodes.add(node);
  }

  #managed(nodes: readonly NodeName[]): boolean {
    return this.#managedNodes(nodes).length > 0;
  }

  #managedNodes(nodes: readonly NodeName[]): readonly NodeName[] {
    return managedNodes(
      nodes,
      (node) => this.#mode(node),
      (node) => this.#agents.connected(node),
    );
  }

  #enforcement(nodes: readonly NodeName[]): Reservation['enforcement'] {
    return this.#managedNodes(nodes).some((node) => this.#agents.enforces(node)) ? 'kernel' : 'none';
  }

  #mode(node: NodeName) {
    const { graph } = this.#world;
    return graph.nodes[graph.nodeIndex.get(node) ?? -1]?.agent;
  }

  #emit(type: string, reservation: Reservation): void {
    this.plan.events.push({ type, reservationId: reservation.id, data: reservation });
  }
}
