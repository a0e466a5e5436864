import type pg from 'pg';
import type { EpochMs } from '../../core/base/units.ts';
import type { LinkId, NodeName } from '../../core/network/topology.ts';
import type { Reservation } from '../../core/reservation/reservation.ts';
import type {
  BooksSnapshot,
  BooksStore,
  BooksTransaction,
  CommittedVersions,
  EventGroup,
  LockRequest,
  StoredKey,
  StoredTopology,
} from '../control/ports.ts';
import type { Connections } from './connections.ts';
import type { DatabaseClock } from './database-clock.ts';
import { listenForEvents } from './event-listener.ts';
import { type EventRow, EVENTS_AFTER, toEventGroup } from './event-rows.ts';
import { GroupTransaction } from './group-transaction.ts';
import { lockStatements } from './lock-statements.ts';
import { type ReservationRow, SELECT_RESERVATION, toReservation } from './reservation-row.ts';
import { readTopology } from './topology-rows.ts';

/** The books in PostgreSQL. */
export class PostgresBooks implements BooksStore {
  readonly #connections: Connections;
  readonly #clock: DatabaseClock;

  constructor(connections: Connections, clock: DatabaseClock) {
    this.#connections = connections;
    this.#clock = clock;
  }

  load(): Promise<BooksSnapshot> {
    return this.#atOneInstant(async (client) => {
      const ask = asker(client);
      const topology = await readTopology(ask);
      const epoch = await ask<{ epoch: string }>('SELECT epoch FROM control_epoch');
      const head = await ask<{ last: string }>('SELECT last FROM event_head');
      const generations = await ask<GenerationRow>(GENERATIONS);
      const rows = await client.query<ReservationRow>(`${SELECT_RESERVATION} WHERE state <> 'ended'`);
      return {
        ...topology,
        epoch: epoch[0]!.epoch,
        reservations: rows.rows.map(toReservation),
        generations: toGenerations(generations),
        lastEvent: BigInt(head[0]!.last),
      };
    });
  }

  loadTopology(): Promise<StoredTopology> {
    return this.#atOneInstant((client) => readTopology(asker(client)));
  }

  begin(): BooksTransaction {
    return new GroupTransaction(this.#connections);
  }

  wasCommitted(token: string, locks: LockRequest, afterEvent: bigint): Promise<boolean> {
    return this.#connections.session(async (client) => {
      await client.query('BEGIN');
      await client.query(`SET LOCAL lock_timeout = '5s'`);
      // The session that was lost may still hold these; its keys are not inserted again, since that would be an effect.
      for (const each of lockStatements({ ...locks, keys: [] })) {
        await client.query({ values: [], ...each } as pg.QueryConfig);
      }
      await client.query('SELECT last FROM event_head FOR NO KEY UPDATE');
      const found = await client.query('SELECT 1 FROM event WHERE first_id > $1 AND token = $2', [afterEvent, token]);
      await client.query('ROLLBACK');
      return found.rows.length > 0;
    });
  }

  async findKeys(keys: readonly string[]): Promise<ReadonlyMap<string, StoredKey>> {
    const rows = await this.#connections.query<{ key: string; hash: string; reservation_id: string }>({
      text: `SELECT key, encode(body_hash, 'hex') AS hash, reservation_id FROM idempotency_key WHERE key = ANY($1::text[])`,
      values: [keys],
    });
    return new Map(rows.map((row) => [row.key, { bodyHash: row.hash, reservationId: row.reservation_id }]));
  }

  async forgetKeys(usedBefore: EpochMs, limit: number): Promise<number> {
    const rows = await this.#connections.query({
      text: `DELETE FROM idempotency_key WHERE key IN (
               SELECT key FROM idempotency_key WHERE created_at < $1 ORDER BY created_at LIMIT $2
                  FOR UPDATE SKIP LOCKED)
             RETURNING 1`,
      values: [new Date(usedBefore).toISOString(), limit],
    });
    return rows.length;
  }

  async versions(links: readonly LinkId[], reservations: readonly string[]): Promise<CommittedVersions> {
    const rows = await this.#connections.query<{ kind: string; id: string; version: string }>({
      name: 'versions',
      text: `SELECT 'link' AS kind, link_id AS id, version FROM link_ledger WHERE link_id = ANY($1::text[])
             UNION ALL SELECT 'reservation', id::text, revision FROM reservation WHERE id = ANY($2::uuid[])
             UNION ALL SELECT 'topology', '', version FROM topology_head`,
      values: [links, reservations],
    });
    const of = (kind: string): (readonly [string, bigint])[] =>
      rows.filter((row) => row.kind === kind).map((row) => [row.id, BigInt(row.version)]);
    return {
      links: new Map(of('link')),
      revisions: new Map(of('reservation').map(([id, revision]) => [id, Number(revision)])),
      topology: of('topology')[0]![1],
    };
  }

  async reservations(ids: readonly string[]): Promise<readonly Reservation[]> {
    const rows = await this.#connections.query<ReservationRow & pg.QueryResultRow>({
      text: `${SELECT_RESERVATION} WHERE id = ANY($1::uuid[])`,
      values: [ids],
    });
    return rows.map(toReservation);
  }

  async generations(): Promise<ReadonlyMap<NodeName, bigint>> {
    return toGenerations(await this.#connections.query<GenerationRow>({ text: GENERATIONS }));
  }

  async eventsAfter(id: bigint, limit: number): Promise<readonly EventGroup[]> {
    const rows = await this.#connections.query<EventRow>({
      name: 'events-after',
      text: EVENTS_AFTER,
      values: [id, limit],
    });
    return rows.map(toEventGroup);
  }

  async eventHead(): Promise<{ last: bigint; purgedThrough: bigint }> {
    const rows = await this.#connections.query<{ last: string; purged_through: string }>({
      text: 'SELECT last, purged_through FROM event_head',
    });
    return { last: BigInt(rows[0]!.last), purgedThrough: BigInt(rows[0]!.purged_through) };
  }

  listen(hint: (last: bigint | null) => void, signal: AbortSignal): void {
    listenForEvents(this.#connections.url, hint, signal);
  }

  now(): EpochMs {
    return this.#clock.now();
  }

  #atOneInstant<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    return this.#connections.session(async (client) => {
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      const result = await work(client);
      await client.query('COMMIT');
      return result;
    });
  }
}

interface GenerationRow extends Record<string, unknown> {
  node: NodeName;
  counter: string;
}
const GENERATIONS = 'SELECT node, counter FROM agent_generation';
const toGenerations = (rows: readonly GenerationRow[]): ReadonlyMap<NodeName, bigint> =>
  new Map(rows.map((row) => [row.node, BigInt(row.counter)]));

const asker =
  (client: pg.PoolClient) =>
  async <T extends Record<string, unknown>>(text: string, values: unknown[] = []): Promise<T[]> =>
    (await client.query<T>(text, values)).rows;
