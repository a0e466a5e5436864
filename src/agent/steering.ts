import type { SteeredFlow } from '../core/shaping/desired.ts';
import type { Result } from '../core/base/result.ts';
import type { FlowEndpoint } from '../core/qos/request.ts';
import type { Assignment } from '../core/reservation/assignment.ts';
import { flowKeyText, type FlowKey } from '../core/rsvp/engine/types.ts';
import type { IpAddress } from '../core/base/ip.ts';
import { markOf, planRoutes, type Neighbour, type SteeringNumbers } from '../core/shaping/steering.ts';
import { filterOf } from './shaped-flow.ts';
import type { HostNetwork, HostRoute } from './netlink/host-network.ts';
import { flowKeyOf, flowKeysOf } from './flow-key.ts';
import type { NumberBook } from './number-book.ts';
import { SteeringRoutes, type RouteNews, type SteeredTo } from './steering-routes.ts';
import { Overtaken } from './overtaken.ts';

interface Problem {
  readonly detail: string;
}

/** The kernel's marks as far as single flows go. */
export interface FlowMarker {
  steer(flow: SteeredFlow): Promise<Result<void, Problem>>;
  unsteer(key: string): Promise<Result<void, Problem>>;
  /** Other bits for the marks of all flows that have one, in one transaction. */
  renumber(to: {
    readonly numbers: SteeringNumbers;
    readonly flows: readonly SteeredFlow[];
  }): Promise<Result<void, Problem>>;
}

type Hop = Omit<Neighbour, 'number'>;

/** One flow that is sent to a neighbour, whatever the routes say. */
interface Steered {
  /** The reservation that asked for it last. */
  reservationId: string;
  readonly flow: FlowKey;
  steered: SteeredFlow;
  neighbour: Neighbour;
  pinned: boolean;
  /** Resolves when the kernel marks the flow's packets, or has said why not. */
  readonly ready: Promise<Result<void, Problem>>;
  isReady: boolean;
  /** The reservation is gone; its last PATH state has still to go the same way. */
  leaving: boolean;
}

/**
 * Keeps flows off their routed way: each neighbour that some flow is steered to has a number on this node, and with it a
 * mark, a routing table whose only route leads there, and a rule from the one to the other; the kernel marks the packets of
 * the flow, and the agent its own PATH messages.
 *
 * A flow stays steered after its reservation until its path state here is gone: PathTear has to take the way of PATH.
 */
export class Steering {
  #numbers: SteeringNumbers;
  #book: NumberBook;
  readonly #bookOf: (numbers: SteeringNumbers) => NumberBook;
  readonly #network: HostNetwork;
  readonly #kernel: FlowMarker;
  readonly #unable: string | null;
  /** Why marks cannot be trusted now; null = they can. */
  #untrusted: string | null = null;
  /** Resolves when the marks have the bits that they are moved to. */
  #moving: Promise<void> | null = null;
  readonly #changed: () => void;
  readonly #log: (problem: string) => void;
  readonly #routes: SteeringRoutes;
  readonly #flows = new Map<string, Steered>();
  readonly #uses = new Map<string, number>();
  readonly #paths = new Set<string>();
  readonly #goneListeners = new Map<string, (() => void)[]>();
  readonly #overtaken = new Overtaken();
  #closed = false;

  constructor(options: {
    numbers: SteeringNumbers;
    /** Numbers of neighbours, by `<interface> <address>`; as many as the bits have values. */
    bookOf: (numbers: SteeringNumbers) => NumberBook;
    network: HostNetwork;
    kernel: FlowMarker;
    /** Why this host cannot steer at all; null = it can. */
    problem: string | null;
    /** A flow whose PATH went its routed way so far goes another one from now on. */
    changed: () => void;
    /** False: rules and routes of flows that this agent does not know (yet) stay. */
    mayRemove: () => boolean;
    log: (problem: string) => void;
  }) {
    this.#numbers = options.numbers;
    this.#bookOf = options.bookOf;
    this.#book = options.bookOf(options.numbers);
    this.#network = options.network;
    this.#kernel = options.kernel;
    this.#unable = options.problem;
    this.#changed = options.changed;
    this.#log = options.log;
    this.#routes = new SteeringRoutes(options);
  }

  /** Why no flow can be steered; null = they can. */
  get problem(): string | null {
    return this.#unable ?? this.#untrusted;
  }

  /** The bits that marks have now. */
  get numbers(): SteeringNumbers {
    return this.#numbers;
  }

  /** Reservations that are pinned to a neighbour here. */
  *pinned(): Iterable<string> {
    for (const { pinned, leaving, reservationId } of this.#flows.values()) if (pinned && !leaving) yield reservationId;
  }

  /** Marks cannot be trusted any more, or can again: what is pinned stays as it is, nothing else is steered meanwhile. */
  distrust(problem: string | null): void {
    this.#untrusted = problem;
    if (problem === null) return;
    for (const [text, entry] of [...this.#flows]) if (!entry.pinned) this.#drop(text, entry);
  }

  /**
   * Gives all marks other bits, make before break: rules for the new marks first, then all flows in one transaction, then the
   * old rules go.
   *
   * @returns a sentence where it cannot be done; then everything is as before.
   */
  async move(numbers: SteeringNumbers): Promise<string | null> {
    let done = (): void => undefined;
    this.#moving = new Promise((resolve) => (done = resolve));
    try {
      return await this.#move(numbers);
    } finally {
      this.#moving = null;
      done();
      // What a predecessor left stays until it is known what is wanted.
      if (this.#flows.size > 0) this.reconcileRoutes();
    }
  }

  /**
   * Steers an assignment's flow where it asks for it, which one of several senders never does, and the flows of any whose
   * route has several next hops here, to the one on the assigned interface. Rules and routes are in place at return. Called
   * again when routes have changed.
   * @returns null where nothing is to be waited for; else what comes of the kernel's marks.
   */
  hold(assignment: Assignment): Promise<Result<void, Problem>> | null {
    const hop = this.#hopOf(assignment);
    if (hop === null) {
      for (const each of flowKeysOf(assignment).map(flowKeyText)) {
        const former = this.#flows.get(each);
        if (former) this.#drop(each, former);
        this.#overtaken.arrived(each);
      }
      return null;
    }
    const waiting = assignment.sources.flatMap((source) => this.#steer(assignment, source, hop) ?? []);
    if (waiting.length <= 1) return waiting[0] ?? null;
    return Promise.all(waiting).then((results) => results.find(({ ok }) => !ok) ?? results[0]!);
  }

  /** The neighbour that the assignment's flows are to be steered to; null: as routed. */
  #hopOf({ flow, nextHop, outgoingInterface, pinned }: Assignment): Hop | null {
    if (outgoingInterface === null) return null;
    if (this.problem !== null && !pinned) return null;
    if (nextHop !== null) return { interface: outgoingInterface, nextHop };
    const choices = this.#network.lookup(flow.destination.address)?.choices ?? [];
    const gateway = choices.find((each) => each.interface === outgoingInterface)?.gateway ?? null;
    return gateway === null ? null : { interface: outgoingInterface, nextHop: gateway };
  }

  #steer(
    { flow: session, pinned, reservationId }: Assignment,
    source: FlowEndpoint,
    hop: Hop,
  ): Promise<Result<void, Problem>> | null {
    const flow = flowKeyOf(session, source);
    const text = flowKeyText(flow);
    const known = this.#flows.get(text);
    if (known?.neighbour.interface === hop.interface && known.neighbour.nextHop === hop.nextHop) {
      Object.assign(known, { reservationId, pinned, leaving: false });
      this.#overtaken.arrived(text);
      return known.isReady ? null : known.ready;
    }
    if (this.problem !== null) return Promise.resolve(refused(this.problem));
    const name = nameOf(hop.interface, hop.nextHop);
    const number = this.#book.allocate(name);
    if (number === null) return Promise.resolve(refused('no mark is left for another neighbour'));
    this.#uses.set(name, (this.#uses.get(name) ?? 0) + 1);
    const steered: SteeredFlow = { key: text, filter: filterOf(session, source), neighbour: number };
    const neighbour: Neighbour = { number, ...hop };
    const late = this.#paths.has(text);
    const moving = this.#moving;
    const ready = moving ? moving.then(() => this.#kernel.steer(entry.steered)) : this.#kernel.steer(steered);
    const entry: Steered = { reservationId, flow, steered, neighbour, pinned, ready, isReady: false, leaving: false };
    this.#flows.set(text, entry);
    if (known) this.#unuse(known);
    this.reconcileRoutes();
    void ready.then((result) => {
      entry.isReady = true;
      if (!result.ok) this.#log(`${text} is not marked: ${result.error.detail}`);
      if (late && this.#flows.get(text) === entry && !this.#closed) this.#changed();
    });
    this.#overtaken.arrived(text);
    return ready;
  }

  /** The reservation does not want it any more. Resolves when nothing of it is left, at once where it had nothing. */
  async release(assignment: Pick<Assignment, 'flow' | 'sources' | 'reservationId'>): Promise<void> {
    const { reservationId } = assignment;
    await Promise.all(flowKeysOf(assignment).map((flow) => this.#release(flowKeyText(flow), reservationId)));
  }

  #release(text: string, reservationId: string): Promise<void> {
    const known = this.#flows.get(text);
    if (known?.reservationId !== reservationId) return Promise.resolve();
    known.leaving = true;
    const gone = new Promise<void>((resolve) => {
      const listeners = this.#goneListeners.get(text);
      if (listeners) listeners.push(resolve);
      else this.#goneListeners.set(text, [resolve]);
    });
    // What is under way still sends its last PATH messages, marked.
    if (!this.#paths.has(text)) queueMicrotask(() => this.#dropIfLeaving(text));
    return gone;
  }

  pathUp(flow: FlowKey): void {
    this.#paths.add(flowKeyText(flow));
  }

  pathDown(flow: FlowKey): void {
    const text = flowKeyText(flow);
    this.#paths.delete(text);
    queueMicrotask(() => this.#dropIfLeaving(text));
  }

  /** The mark of the flow's packets, PATH and PathTear among them; 0 where it takes its routed way. */
  markOf(flow: FlowKey): number {
    const known = this.#flows.get(flowKeyText(flow));
    return known ? markOf(this.#numbers, known.neighbour.number) : 0;
  }

  /**
   * Where the flow goes from here: the kernel's own answer for its mark. It waits until the kernel marks the flow, and where
   * PATH names a next hop for the assignment that says the same.
   *
   * @param via the next hop that PATH names; null = none.
   * @param differs told where the kernel sends the flow instead of to its neighbour; the answer is then "no route".
   */
  way(
    flow: FlowKey,
    via: IpAddress | null,
    differs: (route: HostRoute) => void,
  ): HostRoute | null | Promise<HostRoute | null> {
    const known = this.#flows.get(flowKeyText(flow));
    if (known && !known.isReady) return known.ready.then(() => this.#wayNow(flow, via, differs));
    const now = this.#wayNow(flow, via, differs, known !== undefined || via === null);
    if (now !== null || known || via === null) return now;
    return this.#overtaken.whenAssigned(flowKeyText(flow)).then(async () => {
      await this.#flows.get(flowKeyText(flow))?.ready;
      return this.#wayNow(flow, via, differs);
    });
  }

  /** The reservation that a steered flow is for, by the key of its mark. */
  reservationOf(key: string): string | undefined {
    return this.#flows.get(key)?.reservationId;
  }

  /** Everything that is steered, for a full comparison. */
  desired(): readonly SteeredFlow[] {
    return [...this.#flows.values()].map(({ steered }) => steered);
  }

  /** Rules and routes become what they should be; ours that serve no flow go. */
  reconcileRoutes(): void {
    // In between there are rules for both; the end of the move brings them in order.
    if (!this.#moving) this.#routes.reconcile(this.#neighbours(), this.#numbers);
  }

  /** Others took rules or routes away since that was told last. */
  get hasRouteNews(): boolean {
    return this.#routes.hasNews;
  }

  /** What others took away since the last time, and what of it could not be put back. */
  takeRouteNews(): RouteNews {
    return this.#routes.takeNews();
  }

  /** Rules and routes that others took away; they are left so. */
  inspectRoutes(): RouteNews {
    return this.#moving ? { problems: [], disturbances: [] } : this.#routes.inspect(this.#neighbours(), this.#numbers);
  }

  /** Neighbours keep the numbers that they have in the kernel's tables, where the journal does not know them. */
  adopt(): void {
    for (const { table, interface: name, gateway } of this.#network.steering()?.routes ?? []) {
      this.#book.adopt(nameOf(name, gateway), table - this.#numbers.firstTable);
    }
  }

  /** Numbers that the journal has kept for neighbours of flows that are gone. */
  forgetUnused(): void {
    for (const [name] of [...this.#book.held()]) if (!this.#uses.has(name)) this.#book.free(name);
  }

  /** Takes every rule and route of ours away. */
  removeRoutes(): void {
    const observed = this.#network.steering();
    if (observed) this.#network.steer(planRoutes([], observed, this.#numbers));
  }

  close(): void {
    this.#closed = true;
    this.#overtaken.close();
  }

  #neighbours(): ReadonlyMap<number, SteeredTo> {
    const wanted = new Map<number, { neighbour: Neighbour; keys: string[] }>();
    for (const [key, { neighbour }] of this.#flows) {
      const known = wanted.get(neighbour.number);
      if (known) known.keys.push(key);
      else wanted.set(neighbour.number, { neighbour, keys: [key] });
    }
    return wanted;
  }

  async #move(numbers: SteeringNumbers): Promise<string | null> {
    const observed = this.#network.steering();
    if (observed === null) return 'this host has no rules and routes to be had';
    const before = { numbers: this.#numbers, book: this.#book };
    // Numbers that the new bits have stay; the others get those that are left.
    const book = this.#bookOf(numbers);
    const moved = new Map<Steered, Neighbour>();
    for (const entry of this.#flows.values()) {
      const { interface: name, nextHop } = entry.neighbour;
      const number = book.allocate(nameOf(name, nextHop));
      if (number === null) return 'the bits that are free have too few values for all neighbours';
      moved.set(entry, { number, interface: name, nextHop });
    }
    const steps = planRoutes(moved.values(), observed, numbers);
    const additions = steps.filter(({ op }) => op === 'addRule' || op === 'setRoute');
    this.#book = book;
    const problems = this.#network.steer(additions);
    const flows = [...moved].map(([{ steered }, { number }]) => ({ ...steered, neighbour: number }));
    const result = problems.length > 0 ? refused(problems.join('; ')) : await this.#kernel.renumber({ numbers, flows });
    if (!result.ok) {
      this.#book = before.book;
      return result.error.detail;
    }
    this.#numbers = numbers;
    for (const [entry, neighbour] of moved) {
      const isSame = neighbour.number === entry.neighbour.number;
      entry.neighbour = neighbour;
      entry.steered = { ...entry.steered, neighbour: neighbour.number };
      // What was asked for before may come after the move, with the number of before.
      if (!entry.isReady && !isSame) void this.#kernel.steer(entry.steered);
    }
    return null;
  }

  #wayNow(flow: FlowKey, via: IpAddress | null, differs: (route: HostRoute) => void, tell = true): HostRoute | null {
    const known = this.#flows.get(flowKeyText(flow));
    const route = this.#network.lookup(flow.destination, this.markOf(flow));
    if (route === null || route.local) return route;
    const next = route.gateway ?? flow.destination;
    const { neighbour, pinned } = known ?? { neighbour: null, pinned: false };
    const astray = neighbour !== null && (route.interface !== neighbour.interface || next !== neighbour.nextHop);
    if ((!astray || !pinned) && (via === null || next === via)) return route;
    if (tell) differs(route);
    return null;
  }

  #dropIfLeaving(text: string): void {
    const known = this.#flows.get(text);
    if (known?.leaving && !this.#paths.has(text) && !this.#closed) this.#drop(text, known);
  }

  /** Marks first, then rule and route: no packet is marked for a table that is gone. */
  #drop(text: string, entry: Steered): void {
    this.#flows.delete(text);
    const listeners = this.#goneListeners.get(text) ?? [];
    this.#goneListeners.delete(text);
    void this.#kernel.unsteer(text).then((result) => {
      if (!result.ok) this.#log(`${text} is still marked: ${result.error.detail}`);
      this.#unuse(entry);
      this.reconcileRoutes();
      for (const tell of listeners) tell();
    });
  }

  #unuse({ neighbour }: Steered): void {
    const name = nameOf(neighbour.interface, neighbour.nextHop);
    const left = (this.#uses.get(name) ?? 1) - 1;
    if (left > 0) this.#uses.set(name, left);
    else {
      this.#uses.delete(name);
      this.#book.free(name);
    }
  }
}

const nameOf = (networkInterface: string, nextHop: IpAddress): string => `${networkInterface} ${nextHop}`;

const refused = (detail: string): Result<never, Problem> => ({ ok: false, error: { detail } });
