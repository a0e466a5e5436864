import type { EpochMs } from '../../core/base/units.ts';
import type { LinkId, NodeName, Topology } from '../../core/network/topology.ts';
import type { Reservation } from '../../core/reservation/reservation.ts';
import type { ReservationQuery } from './api.ts';

/** What control needs of the database. PostgreSQL is the only truth; memory is a copy that says which version it is. */
export interface BooksStore {
  /** Everything that is not ended, of one instant. */
  load(): Promise<BooksSnapshot>;
  loadTopology(): Promise<StoredTopology>;
  begin(): BooksTransaction;
  /**
   * After a connection was lost during COMMIT: waits for whatever still holds the same rows, then looks whether the
   * group is there.
   */
  wasCommitted(token: string, locks: LockRequest, afterEvent: bigint): Promise<boolean>;
  findKeys(keys: readonly string[]): Promise<ReadonlyMap<string, StoredKey>>;
  /** Versions as committed now; links that are not known are missing. */
  versions(links: readonly LinkId[], reservations: readonly string[]): Promise<CommittedVersions>;
  /** Ended ones too. */
  reservations(ids: readonly string[]): Promise<readonly Reservation[]>;
  generations(): Promise<ReadonlyMap<NodeName, bigint>>;
  eventsAfter(id: bigint, limit: number): Promise<readonly EventGroup[]>;
  eventHead(): Promise<{ readonly last: bigint; readonly purgedThrough: bigint }>;
  /** Calls back whenever there may be new events, with the last id where it is known. A hint to look, until the signal. */
  listen(hint: (last: bigint | null) => void, signal: AbortSignal): void;
  /** Forgets idempotency keys that were used before then, at most `limit` at a time. Resolves with how many. */
  forgetKeys(usedBefore: EpochMs, limit: number): Promise<number>;
  /** PostgreSQL's clock: offset measured, monotonic between. */
  now(): EpochMs;
}

/** Queries that the books in memory do not answer. */
export interface ReservationQueries {
  find(id: string): Promise<Reservation | null>;
  /** In the order of ids; at most `limit`, those after `after`. */
  list(
    query: Omit<ReservationQuery, 'pageSize' | 'pageToken'>,
    after: string | null,
    limit: number,
  ): Promise<readonly Reservation[]>;
}

export interface DatabaseHealth {
  readonly reachable: boolean;
  readonly migrated: boolean;
  readonly warnings: readonly string[];
}

export interface StoredTopology {
  readonly topology: Topology;
  /** 0 = none was ever stored. */
  readonly version: bigint;
  readonly linkVersions: ReadonlyMap<LinkId, bigint>;
}

export interface BooksSnapshot extends StoredTopology {
  readonly epoch: string;
  readonly reservations: readonly Reservation[];
  readonly generations: ReadonlyMap<NodeName, bigint>;
  readonly lastEvent: bigint;
}

export interface StoredKey {
  readonly bodyHash: string;
  readonly reservationId: string;
}

export interface NewKey extends StoredKey {
  readonly key: string;
}

export interface CommittedVersions {
  readonly links: ReadonlyMap<LinkId, bigint>;
  readonly revisions: ReadonlyMap<string, number>;
  readonly topology: bigint;
}

/** Locks are taken in one order by all writers: keys, topology, links, reservations, agents' rows, event head. */
export interface LockRequest {
  /** Inserted: their row is the lock. */
  readonly keys: readonly NewKey[];
  /** The topology is going to be replaced. */
  readonly topology: boolean;
  readonly links: readonly LinkId[];
  readonly reservations: readonly string[];
}

export interface Locked extends CommittedVersions {
  /** Keys that an earlier request has used. */
  readonly usedKeys: ReadonlySet<string>;
}

/** One transaction of one group; READ COMMITTED. Every method may throw a StoreFault, after which it is rolled back. */
export interface BooksTransaction {
  lock(request: LockRequest): Promise<Locked>;
  /** What was written on the links after the given versions, endings included: statements later than the locks. */
  changesSince(links: ReadonlyMap<LinkId, bigint>): Promise<readonly Reservation[]>;
  reservations(ids: readonly string[]): Promise<readonly Reservation[]>;
  /** Writes everything and commits; rolls back where rows of others stand in the way. */
  commit(writes: GroupWrites): Promise<CommitOutcome>;
  rollback(): Promise<void>;
}

export interface GroupWrites {
  /** UUID of this attempt. */
  readonly token: string;
  readonly time: EpochMs;
  readonly created: readonly Reservation[];
  readonly updated: readonly Reservation[];
  /** Which reservations changed on which link: its version grows by one. */
  readonly links: ReadonlyMap<LinkId, readonly string[]>;
  /** Inserted with the locks, but without effect after all. */
  readonly droppedKeys: readonly string[];
  /** Nodes whose desired state changed. */
  readonly nodes: readonly NodeName[];
  readonly topology: TopologyWrites | null;
  readonly events: readonly EventDraft[];
  /** As locked: the versions that `links` and `topology` had before. */
  readonly before: CommittedVersions;
}

export interface TopologyWrites {
  readonly next: Topology;
  /** Added or changed. */
  readonly links: readonly LinkId[];
  readonly removedLinks: readonly LinkId[];
}

export type CommitOutcome =
  | { readonly committed: true; readonly firstEvent: bigint; readonly generations: ReadonlyMap<NodeName, bigint> }
  /** By id of the reservation that could not be created: the one that stands in its way, null when that is gone again. */
  | { readonly committed: false; readonly inTheWay: ReadonlyMap<string, InTheWay | null> };

/** A reservation that has what another cannot have beside it: the flow, the name, or the session where one needs it alone. */
export interface InTheWay {
  readonly id: string;
  readonly taken: 'flow' | 'name' | 'session';
}

export interface EventDraft {
  readonly type: string;
  readonly reservationId: string | null;
  readonly data: unknown;
}

/** The events of one transaction: ids first, first + 1, … */
export interface EventGroup {
  readonly first: bigint;
  readonly time: EpochMs;
  readonly items: readonly EventDraft[];
  /** The versions that the group gave to the links it changed. */
  readonly links: ReadonlyMap<LinkId, bigint>;
  /** The version of the topology that the group stored; null = it stored none. */
  readonly topologyVersion: bigint | null;
}

export type FaultKind =
  /** No connection, or it was lost before COMMIT was sent. */
  | 'away'
  /** Serialization failure, deadlock, lock time-out: the whole transaction can be tried again. */
  | 'retry'
  /** The connection was lost after COMMIT was sent. */
  | 'inDoubt'
  /** PostgreSQL refused a statement for what is in it. */
  | 'refused';

/** A transaction or query that did not come through. */
export class StoreFault extends Error {
  override readonly name = 'StoreFault';
  readonly kind: FaultKind;
  /** A lock was held by others for longer than a transaction waits. */
  readonly lockTimeout: boolean;

  /** A value that must be there only once is there already. */
  readonly taken: boolean;

  constructor(
    kind: FaultKind,
    cause: unknown,
    more: { readonly lockTimeout?: boolean; readonly taken?: boolean } = {},
  ) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.kind = kind;
    this.lockTimeout = more.lockTimeout ?? false;
    this.taken = more.taken ?? false;
  }
}
