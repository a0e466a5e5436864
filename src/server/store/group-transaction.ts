import type pg from 'pg';
import type { LinkId, NodeName } from '../../core/network/topology.ts';
import type { Reservation } from '../../core/reservation/reservation.ts';
import type { BooksTransaction, CommitOutcome, InTheWay, GroupWrites, Locked, LockRequest } from '../control/ports.ts';
import type { Connections } from './connections.ts';
import { asFault } from './fault.ts';
import { EVENT_CHANNEL } from './event-rows.ts';
import { IN_THE_WAY } from './in-the-way.ts';
import { lockStatements, type Statement } from './lock-statements.ts';
import {
  INSERT_RESERVATIONS,
  reservationJson,
  type ReservationRow,
  SELECT_RESERVATION,
  toReservation,
  UPDATE_RESERVATIONS,
} from './reservation-row.ts';
import { topologyStatements } from './topology-rows.ts';

/**
 * One transaction on the commit connection, in three round trips when nobody was faster: locks, rows, events with COMMIT;
 * where nothing is created rows and events go together.
 * The statements of a round trip are pipelined; when one fails the rest of the transaction fails with it.
 */
export class GroupTransaction implements BooksTransaction {
  readonly #connections: Connections;
  #client: pg.Client | null = null;

  constructor(connections: Connections) {
    this.#connections = connections;
  }

  async lock(request: LockRequest): Promise<Locked> {
    this.#client = await this.#connections.commitClient();
    const statements = lockStatements(request);
    const [, keys, , links, reservations, topology] = await this.#all([{ text: 'BEGIN' }, ...statements]);
    const inserted = new Set(keys!.map((row) => row['key'] as string));
    return {
      usedKeys: new Set(request.keys.map(({ key }) => key).filter((key) => !inserted.has(key))),
      links: new Map(links!.map((row) => [row['link_id'] as LinkId, BigInt(row['version'] as string)])),
      revisions: new Map(reservations!.map((row) => [row['id'] as string, row['revision'] as number])),
      topology: BigInt(topology![0]!['version'] as string),
    };
  }

  async changesSince(links: ReadonlyMap<LinkId, bigint>): Promise<readonly Reservation[]> {
    const [rows] = await this.#all([changesSinceStatement(links)]);
    return rows!.map((row) => toReservation(row as unknown as ReservationRow));
  }

  async reservations(ids: readonly string[]): Promise<readonly Reservation[]> {
    const [rows] = await this.#all([{ text: `${SELECT_RESERVATION} WHERE id = ANY($1::uuid[])`, values: [ids] }]);
    return rows!.map((row) => toReservation(row as unknown as ReservationRow));
  }

  async commit(writes: GroupWrites): Promise<CommitOutcome> {
    // Ends first: what they free (a flow, a name) may be taken by what is created.
    const rows: Statement[] = [
      { name: 'update', text: UPDATE_RESERVATIONS, values: [JSON.stringify(writes.updated.map(reservationJson))] },
      { name: 'insert', text: INSERT_RESERVATIONS, values: [JSON.stringify(writes.created.map(reservationJson))] },
      { name: 'links', text: BUMP_LINKS, values: [JSON.stringify(linkChanges(writes))] },
      ...(writes.droppedKeys.length > 0
        ? [{ text: 'DELETE FROM idempotency_key WHERE key = ANY($1::text[])', values: [writes.droppedKeys] }]
        : []),
      ...(writes.topology ? topologyStatements(writes.topology) : []),
    ];
    const end: Statement[] = [
      { name: 'generations', text: BUMP_GENERATIONS, values: [writes.nodes] },
      eventStatement(writes),
      { text: 'COMMIT' },
    ];
    // Only what is inserted can be refused without an error: where nothing is, nobody has to look before COMMIT.
    if (writes.created.length === 0) return this.#committed(writes, await this.#all([...rows, ...end], true));
    const [, inserted] = await this.#all(rows);
    if (inserted!.length < writes.created.length) {
      const there = new Set(inserted!.map((row) => row['id']));
      const inTheWay = await this.#inTheWay(writes.created.filter((each) => !there.has(each.id)));
      await this.rollback();
      return { committed: false, inTheWay };
    }
    return this.#committed(writes, await this.#all(end, true));
  }

  /** @param results of the statements up to COMMIT, generations and event before it. */
  #committed(writes: GroupWrites, results: readonly Record<string, unknown>[][]): CommitOutcome {
    this.#client = null;
    const [generations, head] = results.slice(-3);
    return {
      committed: true,
      firstEvent: BigInt(head![0]!['last'] as string) - BigInt(writes.events.length) + 1n,
      generations: new Map(
        generations!.map((row) => [row['node'] as NodeName, BigInt(row['counter'] as string)] as const),
      ),
    };
  }

  async rollback(): Promise<void> {
    const client = this.#client;
    this.#client = null;
    if (client === null) return;
    await client.query('ROLLBACK').catch(() => this.#connections.dropCommitClient(client));
  }

  async #inTheWay(refused: readonly Reservation[]): Promise<ReadonlyMap<string, InTheWay | null>> {
    const [rows] = await this.#all([{ text: IN_THE_WAY, values: [JSON.stringify(refused.map(reservationJson))] }]);
    return new Map(
      rows!.map((row) => [
        row['id'] as string,
        row['other'] === null ? null : { id: row['other'] as string, taken: row['taken'] as InTheWay['taken'] },
      ]),
    );
  }

  /**
   * Sends all statements at once and waits for all answers.
   *
   * @param commits the last one is COMMIT: a connection that is lost from now on leaves the outcome in doubt.
   */
  async #all(statements: readonly Statement[], commits = false): Promise<Record<string, unknown>[][]> {
    const client = this.#client!;
    const settled = await Promise.allSettled(
      statements.map((each) => client.query<Record<string, unknown>>({ values: [], ...each } as pg.QueryConfig)),
    );
    // The first failure is the cause; the others only say that the transaction is over.
    const failed = settled.find((result) => result.status === 'rejected');
    if (failed) {
      const fault = asFault(failed.reason, commits);
      this.#client = null;
      if (fault.kind === 'retry' || fault.kind === 'refused') await client.query('ROLLBACK').catch(() => {});
      // A statement that was to be planned in a failed transaction is not there, though the driver believes it is.
      this.#connections.dropCommitClient(client);
      throw fault;
    }
    return settled.map((result) => (result as PromiseFulfilledResult<pg.QueryResult>).value.rows as never);
  }
}

export const changesSinceStatement = (links: ReadonlyMap<LinkId, bigint>): Statement => ({
  name: 'changes-since',
  text: `${SELECT_RESERVATION} WHERE id IN (
           SELECT unnest(d.reservations)
             FROM unnest($1::text[], $2::bigint[]) AS mine(link_id, version)
             JOIN link_delta d ON d.link_id = mine.link_id AND d.version > mine.version)`,
  values: [[...links.keys()], [...links.values()].map(String)],
});

const linkChanges = (writes: GroupWrites): { link: LinkId; reservations: readonly string[] }[] =>
  [...writes.links].map(([link, reservations]) => ({ link, reservations }));

/** Links are locked already, except those that a new topology adds. */
const BUMP_LINKS = `WITH change AS (
    SELECT link, reservations FROM json_to_recordset($1::json) AS c(link text, reservations uuid[])
  ), bumped AS (
    INSERT INTO link_ledger (link_id, version) SELECT link, 1 FROM change ORDER BY link COLLATE "C"
    ON CONFLICT (link_id) DO UPDATE SET version = link_ledger.version + 1
    RETURNING link_id, version
  )
  INSERT INTO link_delta (link_id, version, reservations)
    SELECT link_id, version, reservations FROM bumped JOIN change ON link = link_id`;

const BUMP_GENERATIONS = `WITH mine AS MATERIALIZED (
    SELECT node FROM agent_generation WHERE node = ANY($1::text[]) ORDER BY node FOR NO KEY UPDATE
  )
  UPDATE agent_generation AS g SET counter = g.counter + 1 FROM mine WHERE g.node = mine.node RETURNING g.node, g.counter`;

/** Last before COMMIT, so that ids have no gaps and come in the order of the commits. */
const EVENTS = `WITH head AS (
    UPDATE event_head SET last = last + $1 WHERE id = 1 RETURNING last
  ), written AS (
    INSERT INTO event (first_id, count, time, token, items, links, topology_version)
      SELECT last - $1 + 1, $1, $2, $3, $4, $5, $6 FROM head
  )
  SELECT last, pg_notify('${EVENT_CHANNEL}', last::text) FROM head`;

const eventStatement = (writes: GroupWrites): Statement => ({
  name: 'events',
  text: EVENTS,
  values: [
    writes.events.length,
    new Date(writes.time).toISOString(),
    writes.token,
    JSON.stringify(writes.events),
    JSON.stringify(
      Object.fromEntries(
        [...writes.links.keys()].map((link) => [link, String((writes.before.links.get(link) ?? 0n) + 1n)]),
      ),
    ),
    writes.topology ? String(writes.before.topology + 1n) : null,
  ],
});
