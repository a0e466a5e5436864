import { randomUUID } from 'node:crypto';
import type { Topology } from '../../core/network/topology.ts';
import type { ReservationRequest } from '../../core/qos/request.ts';
import { type LifeCycleEvent } from '../../core/reservation/life-cycle-events.ts';
import type { Reservation } from '../../core/reservation/reservation.ts';
import type { AgentDirectory, CommittedGroup, Committer } from './committer.ts';
import { ControlError } from './errors.ts';
import { EventLog } from './event-log.ts';
import { Follower } from './follower.ts';
import { type GroupItem, isCall, type ModifyItem, type Unbooked } from './group-items.ts';
import { needsLocks, nothingCommitted, resolveChanged, settledUnder, stands, type Outcome } from './group-outcome.ts';
import { type GroupPlan, type LockedRows, planGroup } from './group-plan.ts';
import { groupWrites, lockRequestOf } from './group-writes.ts';
import { applyCommitted, bringUpToDate, isStale } from './locked-books.ts';
import { MemoryBooks } from './memory-books.ts';
import { type BooksStore, type BooksTransaction, type Locked, type LockRequest, StoreFault } from './ports.ts';
import { taken } from './refusal.ts';
import type { TopologyPlan } from './topology-plan.ts';

export interface CommitterSettings {
  /** Requests in one transaction. */
  readonly groupSize: number;
  /** Requests that may wait. */
  readonly queueSize: number;
  /** How often a transaction is tried before its requests are told to come again. */
  readonly attempts: number;
}

export const COMMITTER_SETTINGS: CommitterSettings = { groupSize: 500, queueSize: 10_000, attempts: 8 };

/** What callers are told when the database does not answer. */
export const unavailable = (detail: string, cause?: unknown): ControlError =>
  new ControlError('UNAVAILABLE', detail, { retryAfterSeconds: 1, cause });

/**
 * The one writer of the books on this replica. Requests are decided in memory and committed in groups: while one
 * transaction is at the database the next group collects. Other replicas do the same; what each has decided stands only
 * if the versions of the links it decided on are still the committed ones when it holds their locks.
 */
export class GroupCommitter implements Committer {
  readonly books: MemoryBooks;
  readonly log = new EventLog();
  readonly #store: BooksStore;
  #agents: AgentDirectory;
  readonly #newId: () => string;
  readonly #settings: CommitterSettings;
  readonly #follower: Follower;
  readonly #onError: (error: unknown) => void;
  readonly #onGroup: (outcome: 'committed' | 'failed', items: number, seconds: number) => void;
  readonly #listeners: ((group: CommittedGroup) => void)[] = [];
  readonly #stopped = new AbortController();
  #queue: GroupItem[] = [];
  #wake: () => void = () => {};
  #followUpTo: bigint | null | undefined;
  #loop: Promise<void> | null = null;
  #outdated = false;

  constructor(options: {
    store: BooksStore;
    /** Until `setAgents`: nobody. */
    agents?: AgentDirectory;
    /** UUIDv7. */
    newId: () => string;
    settings?: CommitterSettings;
    /** Told of defects that nobody else would see. */
    onError?: (error: unknown) => void;
    /** Told of every transaction that had something to write. */
    onGroup?: (outcome: 'committed' | 'failed', items: number, seconds: number) => void;
  }) {
    this.#onError = options.onError ?? (() => {});
    this.#onGroup = options.onGroup ?? (() => {});
    this.#store = options.store;
    this.#agents = options.agents ?? NO_AGENTS;
    this.#newId = options.newId;
    this.#settings = options.settings ?? COMMITTER_SETTINGS;
    this.books = new MemoryBooks(() => this.#store.now());
    this.#follower = new Follower(this.#store, this.books, this.log, (group) => this.#tell(group));
  }

  /** The registry follows the committer, so it comes after it. */
  setAgents(agents: AgentDirectory): void {
    this.#agents = agents;
  }

  /** The database did not answer when the books were last brought up to date: they are of some time before. */
  get stale(): boolean {
    return this.#outdated;
  }

  get agents(): AgentDirectory {
    return this.#agents;
  }

  /** Reads the books and starts to follow and to commit. @throws StoreFault */
  async start(): Promise<void> {
    const snapshot = await this.#store.load();
    this.books.load(snapshot);
    this.log.reset(snapshot.lastEvent);
    this.#store.listen((last) => {
      this.#followUpTo = last;
      this.#wake();
    }, this.#stopped.signal);
    this.#loop = this.#run();
  }

  /** What has begun is finished, what waits is refused. */
  async close(): Promise<void> {
    this.#stopped.abort();
    this.#wake();
    await this.#loop;
  }

  onCommitted(listener: (group: CommittedGroup) => void): void {
    this.#listeners.push(listener);
  }

  reserve(
    request: ReservationRequest,
    key: { readonly key: string; readonly bodyHash: string } | null,
  ): Promise<{ reservation: Reservation; replayed: boolean }> {
    return this.#enqueue((waiting) => ({
      kind: 'reserve',
      id: this.#newId(),
      request,
      key,
      preview: false,
      ...waiting,
    }));
  }

  /** Decides as `reserve` would at this moment, and books nothing. */
  async preview(request: ReservationRequest): Promise<Reservation> {
    const outcome = await this.#enqueue<{ reservation: Reservation }>((waiting) => ({
      ...{ kind: 'reserve', id: this.#newId(), request, key: null, preview: true },
      ...waiting,
    }));
    return outcome.reservation;
  }

  /**
   * Changes `name`, `labels` or `qos` of a stored reservation by merge patches; see modify.ts.
   *
   * @param ifMatch entity tag in quotes, or `*`.
   */
  modify(
    id: string,
    patches: readonly unknown[],
    ifMatch: string,
    key: ModifyItem['key'],
  ): Promise<{ reservation: Reservation; replayed: boolean }> {
    return this.#enqueue((waiting) => ({ kind: 'modify', id, patches, ifMatch, key, ...waiting }));
  }

  transition(id: string, event: LifeCycleEvent): Promise<Reservation | null> {
    return this.#enqueue((waiting) => ({ kind: 'transition', id, event, ...waiting }));
  }

  replaceTopology(
    next: Topology,
    options: { readonly ifMatch: string | null; readonly force: boolean; readonly preview: boolean },
  ): Promise<TopologyPlan> {
    return this.#enqueue((waiting) => ({ kind: 'topology', next, ...options, ...waiting }));
  }

  #enqueue<T>(
    make: (waiting: { losses: number; resolve: (value: T) => void; reject: (error: unknown) => void }) => GroupItem,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#stopped.signal.aborted) return reject(unavailable('the server is stopping'));
      if (this.#queue.length >= this.#settings.queueSize) return reject(unavailable('too many requests are waiting'));
      this.#queue.push(make({ losses: 0, resolve, reject }));
      this.#wake();
    });
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      if (this.#mustFollow()) await this.#follow().catch(() => (this.#outdated = true));
      const group = this.#nextGroup();
      if (group.length > 0) await this.#process(group, 1);
      else if (!this.#mustFollow() && !signal.aborted) await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    for (const item of this.#queue.splice(0)) item.reject(unavailable('the server is stopping'));
  }

  #mustFollow(): boolean {
    const upTo = this.#followUpTo;
    return upTo === null || (upTo !== undefined && upTo > this.books.lastEvent);
  }

  async #follow(): Promise<void> {
    this.#followUpTo = undefined;
    await this.#follower.follow();
    this.#outdated = false;
  }

  /** A new topology has a group of its own: everything else is decided on one topology. */
  #nextGroup(): GroupItem[] {
    const first = this.#queue[0];
    if (first === undefined) return [];
    if (first.kind === 'topology') return this.#queue.splice(0, 1);
    const limit = Math.min(this.#queue.length, this.#settings.groupSize);
    let length = 1;
    while (length < limit && this.#queue[length]!.kind !== 'topology') length++;
    return this.#queue.splice(0, length);
  }

  async #process(group: readonly GroupItem[], attempt: number): Promise<void> {
    let outcome: Outcome | null;
    try {
      await this.#makeKnown(group);
      const plan = this.#plan(group, null);
      outcome = plan === null ? null : needsLocks(plan) ? await this.#timed(group, plan) : nothingCommitted(plan);
    } catch (error) {
      return this.#failed(group, attempt, error);
    }
    if (outcome === null) return;
    try {
      await this.#answer(outcome);
    } catch (error) {
      // What was to be committed is, and was answered.
      for (const { item } of outcome.plan.unbooked) item.reject(unavailable('the database is away', error));
      this.#followUpTo = null;
    }
  }

  async #timed(group: readonly GroupItem[], plan: GroupPlan): Promise<Outcome | null> {
    const started = performance.now();
    let committed = false;
    try {
      const outcome = await this.#commit(group, plan);
      committed = outcome !== null;
      return outcome;
    } finally {
      this.#onGroup(committed ? 'committed' : 'failed', group.length, (performance.now() - started) / 1000);
    }
  }

  /** A failed plan of a topology is the answer; anything else there is a defect, and known only to its own group. */
  #plan(group: readonly GroupItem[], locked: LockedRows | null): GroupPlan | null {
    try {
      return planGroup(group, this.books, this.#agents, locked);
    } catch (error) {
      if (!(error instanceof ControlError)) throw error;
      for (const item of group) item.reject(error);
      return null;
    }
  }

  /** Reservations that another replica has booked a moment ago. */
  async #makeKnown(group: readonly GroupItem[]): Promise<void> {
    const unknown = group.some(
      (item) => (item.kind === 'transition' || item.kind === 'modify') && this.books.get(item.id) === undefined,
    );
    if (unknown) await this.#follow();
  }

  async #commit(group: readonly GroupItem[], plan: GroupPlan): Promise<Outcome | null> {
    const transaction = this.#store.begin();
    try {
      return await this.#commitIn(transaction, group, plan);
    } catch (error) {
      // A defect of ours must not leave its locks and keys to whoever has the connection next. Nothing where it is over.
      await transaction.rollback();
      throw error;
    }
  }

  async #commitIn(
    transaction: BooksTransaction,
    group: readonly GroupItem[],
    first: GroupPlan,
  ): Promise<Outcome | null> {
    let plan = first;
    const locks = lockRequestOf(plan);
    const locked = await transaction.lock(locks);
    if (locked.topology !== this.books.topology().version) {
      await transaction.rollback();
      return this.#again(group);
    }
    const replays = group.filter((item) => isCall(item) && item.key && locked.usedKeys.has(item.key.key));
    if (replays.length > 0 || isStale(this.books, locked)) {
      await bringUpToDate(this.books, locked, transaction);
      // Listeners hear of it when the events are followed.
      this.#followUpTo ??= null;
      const rest = group.filter((item) => !replays.includes(item));
      const again = this.#plan(rest, {
        links: new Set([...locked.links.keys(), ...(plan.topology?.writes.links ?? [])]),
        keys: new Set(locks.keys.map(({ key }) => key)),
      });
      if (again === null) {
        await transaction.rollback();
        await this.#replay(replays);
        return null;
      }
      // Only what was locked may be changed, reservations too.
      if ([...again.changed.keys()].some((id) => !locked.revisions.has(id))) {
        await transaction.rollback();
        await this.#replay(replays);
        return this.#again(rest);
      }
      plan = again;
    }
    const settled = settledUnder(plan, locked);
    if (!plan.writes) {
      await transaction.rollback();
      await this.#replay(replays);
      return { ...nothingCommitted(plan), settled };
    }
    const token = randomUUID();
    const time = this.books.now();
    const writes = groupWrites(plan, locks, locked, token, time);
    let outcome;
    try {
      outcome = await transaction.commit(writes);
    } catch (error) {
      if (!(error instanceof StoreFault) || error.kind !== 'inDoubt') throw error;
      if (!(await this.#cameThrough(token, locks))) throw new StoreFault('retry', error);
      await this.#follow().catch(() => this.#apply(plan, locked, new Map()));
      resolveChanged(plan);
      await this.#replay(replays);
      return { plan, settled, bumped: new Set(plan.links.keys()), resolved: true };
    }
    if (!outcome.committed) {
      const rest: GroupItem[] = [];
      for (const item of group) {
        const reservation = item.kind === 'reserve' ? plan.created.get(item) : undefined;
        const other = reservation && outcome.inTheWay.get(reservation.id);
        if (other) item.reject(taken(other));
        else if (!replays.includes(item)) rest.push(item);
      }
      await this.#replay(replays);
      await this.#follow();
      return this.#again(rest);
    }
    const last = outcome.firstEvent + BigInt(writes.events.length) - 1n;
    if (outcome.firstEvent === this.books.lastEvent + 1n) {
      this.#apply(plan, locked, outcome.generations);
      this.books.lastEvent = last;
      const versions = new Map([...plan.links.keys()].map((link) => [link, this.books.versions.get(link)!] as const));
      const topologyVersion = plan.topology ? this.books.topology().version : null;
      this.log.append({ first: outcome.firstEvent, time, items: writes.events, links: versions, topologyVersion });
    } else {
      // Others were in between: read them and this one in their order. What is committed is answered even if that fails.
      await this.#follow().catch(() => this.#apply(plan, locked, outcome.generations));
    }
    resolveChanged(plan);
    await this.#replay(replays);
    return { plan, settled, bumped: new Set(plan.links.keys()), resolved: true };
  }

  #apply(plan: GroupPlan, locked: Locked, counters: ReadonlyMap<string, bigint>): void {
    this.#tell(applyCommitted(this.books, plan, locked, counters));
  }

  /** Answers what changed nothing, once it is certain that it depends on nothing that others have changed. */
  async #answer({ plan, bumped, settled, resolved }: Outcome): Promise<void> {
    if (!resolved) resolveChanged(plan);
    this.#postpone(plan.postponed);
    const { unbooked } = plan;
    if (unbooked.length === 0) return;
    const keyed = unbooked.flatMap(({ item }) => (item.key ? [item.key.key] : []));
    const links = new Set(unbooked.flatMap(({ basis }) => [...basis.links.keys()]));
    const existing = new Set(unbooked.flatMap(({ basis }) => basis.existing?.id ?? []));
    const [known, committed] = await Promise.all([
      keyed.length > 0 ? this.#store.findKeys(keyed) : new Map<string, never>(),
      this.#store.versions([...links], [...existing]),
    ]);
    await this.#replay(unbooked.map(({ item }) => item).filter((item) => item.key && known.has(item.key.key)));
    const lost: Unbooked[] = [];
    for (const each of unbooked) {
      const { item, answer, basis } = each;
      if (item.key && known.has(item.key.key)) continue;
      if (!settled.has(each) && !stands(basis, committed, bumped)) lost.push(each);
      else if (answer instanceof ControlError) item.reject(answer);
      else item.resolve({ reservation: answer, replayed: false });
    }
    if (lost.length === 0) return;
    await this.#follow();
    this.#postpone(lost.map(({ item }) => item));
  }

  /** Requests whose key an earlier one has used get its answer. */
  async #replay(items: readonly GroupItem[]): Promise<void> {
    const keyed = items.flatMap((item) => (isCall(item) && item.key ? [{ item, key: item.key }] : []));
    if (keyed.length === 0) return;
    try {
      const stored = await this.#store.findKeys(keyed.map(({ key }) => key.key));
      const found = await this.#store.reservations([...stored.values()].map((each) => each.reservationId));
      for (const { item, key } of keyed) {
        const first = stored.get(key.key);
        const reservation = found.find((each) => each.id === first?.reservationId);
        if (first === undefined || reservation === undefined) this.#postpone([item]);
        else if (first.bodyHash !== key.bodyHash) {
          item.reject(new ControlError('IDEMPOTENCY_KEY_REUSED', 'the key was used with another request body'));
        } else item.resolve({ reservation, replayed: true });
      }
    } catch (error) {
      for (const { item } of keyed) item.reject(unavailable('the database is away', error));
    }
  }

  async #again(items: readonly GroupItem[]): Promise<null> {
    await this.#follow();
    this.#postpone(items);
    return null;
  }

  /** To the next group, before those that came later. */
  #postpone(items: readonly GroupItem[]): void {
    for (const item of items) item.losses++;
    this.#queue.unshift(...items);
  }

  async #cameThrough(token: string, locks: LockRequest): Promise<boolean> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#store.wasCommitted(token, locks, this.books.lastEvent);
      } catch (error) {
        if (attempt >= this.#settings.attempts) {
          throw unavailable('the connection was lost while committing: the outcome is not known yet', error);
        }
        await backOff(attempt);
      }
    }
  }

  /** One bad request never fails its neighbours: the group is halved until it stands alone. */
  async #failed(group: readonly GroupItem[], attempt: number, error: unknown): Promise<void> {
    const fault = error instanceof StoreFault ? error.kind : 'refused';
    if (fault === 'refused' && !(error instanceof ControlError)) this.#onError(error);
    if (error instanceof ControlError || fault === 'away' || fault === 'inDoubt') {
      const answer = error instanceof ControlError ? error : unavailable('the database is away', error);
      for (const item of group) item.reject(answer);
      // What others commit meanwhile is not heard.
      this.#followUpTo = null;
      return;
    }
    // Who has waited for a lock to the end of his patience does not start again.
    const again = fault === 'retry' && !(error as StoreFault).lockTimeout;
    if (again && attempt < this.#settings.attempts) {
      await backOff(attempt);
      return this.#process(group, attempt + 1);
    }
    if (group.length > 1) {
      const middle = group.length >> 1;
      await this.#process(group.slice(0, middle), 1);
      await this.#process(group.slice(middle), 1);
      return;
    }
    const [item] = group;
    // A name that another replica has given a moment ago: who has it is found when its events are followed.
    if (
      item?.kind === 'modify' &&
      error instanceof StoreFault &&
      error.taken &&
      item.losses < this.#settings.attempts
    ) {
      return void (await this.#again(group).catch((cause: unknown) =>
        item.reject(unavailable('the database is away', cause)),
      ));
    }
    if (fault !== 'retry') item?.reject(error);
    else if (item && isCall(item) && item.key) {
      item.reject(new ControlError('REQUEST_IN_PROGRESS', 'the first request with this key still runs'));
    } else item?.reject(unavailable('others hold what this request needs', error));
  }

  #tell(group: CommittedGroup): void {
    for (const listener of this.#listeners) {
      try {
        listener(group);
      } catch (error) {
        // What is committed stays committed, whatever a listener makes of it.
        this.#onError(error);
      }
    }
  }
}

const NO_AGENTS: AgentDirectory = {
  unreachable: () => new Map(),
  steering: () => new Map(),
  routes: () => new Map(),
  connected: () => false,
  enforces: () => false,
};

/** A few milliseconds, longer each time, different for each replica. */
const backOff = (attempt: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(500, 5 * 2 ** attempt)));
