import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ok } from '../../../src/core/base/result.ts';
import { NOW } from '../../../src/core/qos/parse-when.ts';
import { topologyDocument } from '../../../src/core/network/document.ts';
import type { Control, EventView, ReservationInput, ReservationQuery } from '../../../src/server/control/api.ts';
import { createControl } from '../../../src/server/control/control.ts';
import { startTestDatabase, type TestDatabase } from '../../support/database.ts';
import { followed, line, type Replica, startReplica, storeTopology } from '../../support/replica.ts';

let database: TestDatabase;
let url: string;
let one: Replica;
let control: Control;
beforeAll(async () => {
  database = await startTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  url = await database.fresh();
  one = await startReplica(url);
  control = controlOf(one);
});
afterEach(() => one.close());

function controlOf(replica: Replica): Control {
  return createControl({
    enrolment: null,
    committer: replica.committer,
    store: replica.store.books,
    queries: replica.store.queries,
    health: () => replica.store.health(),
    agents: {
      list: () => [],
      get: () => expect.fail(),
      rsvp: () => expect.fail(),
      watchRsvp: () => expect.fail(),
      stateOf: () => null,
    },
    parsers: { yaml: (text) => ok(JSON.parse(text) as unknown), xml: () => expect.fail() },
  });
}

const input = (port: number, rate = 1_000_000): ReservationInput => ({
  flow: {
    protocol: 'udp',
    source: { address: '10.1.0.2', port },
    destination: { address: '10.2.0.2', port: 5_004 },
  },
  qos: { serviceType: 'controlledLoad', tokenRateBitsPerSecond: rate },
});
const book = (port: number, idempotencyKey: string | null = null, rate?: number) =>
  control.reserve(input(port, rate), { idempotencyKey, validateOnly: false });
const readable = (token: string | null): string => Buffer.from(token ?? '', 'base64url').toString();
const all: Omit<ReservationQuery, 'pageSize' | 'pageToken'> = {
  ...{ states: [], source: null, destination: null, node: null, link: null },
};

/** The next `count` events after the token. */
async function events(of: Control, after: bigint | null, count: number): Promise<readonly EventView[]> {
  const stop = new AbortController();
  const seen: EventView[] = [];
  for await (const event of of.watchEvents(after, stop.signal)) {
    seen.push(event);
    if (seen.length === count) stop.abort();
  }
  return seen;
}

describe('reservations', () => {
  beforeEach(() => storeTopology(one, line()));

  test('a key replays its success, also after the reservation has ended, and belongs to one body', async () => {
    const first = await book(1, 'k');
    expect(first.replayed).toBe(false);
    expect(await book(1, 'k')).toEqual({ reservation: first.reservation, replayed: true });
    await expect(book(2, 'k')).rejects.toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' });
    await control.releaseReservation(first.reservation.id, { ifMatch: null });
    const late = await book(1, 'k');
    expect(late).toMatchObject({ replayed: true, reservation: { id: first.reservation.id, state: 'ended' } });
    const both = await Promise.all([book(3, 'l'), book(3, 'l')]);
    expect(both.map((each) => each.replayed)).toEqual([false, true]);
    await expect(book(4, 'ümlaut')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  test('bad requests name every field; refusals carry reasons', async () => {
    await expect(
      control.reserve(
        { ...input(0), qos: { serviceType: 'best', tokenRateBitsPerSecond: -1 } },
        { idempotencyKey: null, validateOnly: true },
      ),
    ).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      fields: expect.arrayContaining([
        expect.objectContaining({ field: 'flow.source.port', value: 0 }),
        expect.objectContaining({ field: 'qos.tokenRateBitsPerSecond', value: -1 }),
      ]),
    });
    await expect(book(1, null, 200_000_000)).rejects.toMatchObject({
      code: 'BANDWIDTH_UNAVAILABLE',
      reasons: expect.arrayContaining([expect.objectContaining({ link: 'a:eth0' })]),
    });
    const elsewhere = { ...input(1), flow: { ...input(1).flow, source: { address: '192.0.2.1', port: 1 } } };
    await expect(control.reserve(elsewhere, { idempotencyKey: null, validateOnly: false })).rejects.toMatchObject({
      code: 'UNKNOWN_ENDPOINT',
    });
  });

  test('release is idempotent; what is no reservation is not found', async () => {
    const { reservation } = await book(1);
    await control.releaseReservation(reservation.id, { ifMatch: null });
    await control.releaseReservation(reservation.id, { ifMatch: null });
    expect(await control.getReservation(reservation.id)).toMatchObject({ state: 'ended', endReason: 'released' });
    for (const id of ['0193', '01930000-0000-7000-8000-000000000000', "'; --"]) {
      await expect(control.getReservation(id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      await expect(control.releaseReservation(id, { ifMatch: null })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    }
  });

  test('a list is read in pages that neither repeat nor leave out, with filters that the token belongs to', async () => {
    const booked = [];
    for (let port = 1; port <= 7; port++) booked.push((await book(port)).reservation.id);
    await control.releaseReservation(booked[3]!, { ifMatch: null });
    const seen: string[] = [];
    let pageToken: string | null = null;
    do {
      const page = await control.listReservations({ ...all, states: ['active'], pageSize: 4, pageToken });
      seen.push(...page.items.map(({ id }) => id));
      pageToken = page.nextPageToken;
    } while (pageToken !== null);
    expect(seen).toEqual(booked.filter((_, i) => i !== 3));
    const first = await control.listReservations({ ...all, link: 'r:eth1', pageSize: 2, pageToken: null });
    expect(first.nextPageToken).not.toBeNull();
    for (const query of [
      { ...all, pageToken: 'x' },
      { ...all, pageToken: first.nextPageToken },
      { ...all, link: 'r:eth1', pageToken: `${first.nextPageToken}!` },
      { ...all, link: 'r:eth1', pageToken: Buffer.from(`${readable(first.nextPageToken)} more`).toString('base64url') },
    ]) {
      await expect(control.listReservations({ ...query, pageSize: 2 })).rejects.toMatchObject({
        fields: [expect.objectContaining({ field: 'pageToken' })],
      });
    }
    await expect(control.listReservations({ ...all, pageSize: 501, pageToken: null })).rejects.toMatchObject({
      code: 'OUT_OF_RANGE',
    });
    expect((await control.listReservations({ ...all, node: 'nowhere', pageSize: 5, pageToken: null })).items).toEqual(
      [],
    );
  });

  test('a link shows what is booked on it', async () => {
    const { reservation } = await book(1);
    expect(await control.getLink('r:eth1', NOW)).toMatchObject({
      reservableBitsPerSecond: 100_000_000,
      bookedBitsPerSecond: reservation.path.hops[1]!.bookedBitsPerSecond,
      overbookedBitsPerSecond: 0,
    });
    expect((await control.getLink('r:eth1', NOW)).calendar).toBeNull();
    await storeTopology(one, line(500_000));
    expect((await control.getLink('r:eth1', NOW)).overbookedBitsPerSecond).toBeGreaterThan(0);
    // As admission sees it: less what an agent's kernel sets aside, nothing at a node that is drained.
    await storeTopology(one, line(100_000_000, 'required'));
    expect((await control.getLink('r:eth1', NOW)).reservableBitsPerSecond).toBe(98_000_000);
    const drained = line().nodes.map((node) => ({ ...node, adminState: 'draining' as const }));
    await storeTopology(one, { ...line(), nodes: drained });
    expect((await control.getLink('r:eth1', NOW)).reservableBitsPerSecond).toBe(0);
  });

  test('a link tells what is booked when: at an instant, at most between two, and step by step', async () => {
    const at = (seconds: number): string => new Date(one.committer.books.now() + seconds * 1000).toISOString();
    const [begin, end] = [at(3600), at(7200)];
    const wanted = { ...input(1), window: { start: begin, end } };
    const { reservation } = await control.reserve(wanted, { idempotencyKey: null, validateOnly: false });
    const booked = reservation.path.hops[1]!.bookedBitsPerSecond;
    const bookedAt = async (when: Partial<typeof NOW>): Promise<number> =>
      (await control.listLinks({ ...NOW, ...when })).find(({ id }) => id === 'r:eth1')!.bookedBitsPerSecond;
    expect(await bookedAt({})).toBe(0);
    expect(await bookedAt({ at: begin })).toBe(booked);
    expect(await bookedAt({ at: end })).toBe(0);
    expect(await bookedAt({ from: at(60) })).toBe(booked);
    expect(await bookedAt({ from: end })).toBe(0);
    const [from, to] = [at(60), at(9000)];
    const { calendar } = await control.getLink('r:eth1', { at: null, from, to });
    expect(calendar!.map((step) => [new Date(step.start).toISOString(), step.bitsPerSecond])).toEqual([
      [from, 0],
      [begin, booked],
      [end, 0],
    ]);
    expect(new Date(calendar![2]!.end!).toISOString()).toBe(to);
    for (const [when, field] of [
      [{ at: 'soon' }, 'at'],
      [{ at: at(-3600) }, 'at'],
      [{ at: begin, to: end }, 'at'],
      [{ from: end, to: begin }, 'to'],
    ] as const) {
      await expect(control.getLink('r:eth1', { ...NOW, ...when })).rejects.toMatchObject({ fields: [{ field }] });
    }
    await expect(control.getLink('r:eth9', NOW)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('topology', () => {
  test('is put, read back as it was put, and imported; validateOnly stores nothing', async () => {
    const document = topologyDocument(line());
    const options = { ifMatch: null, force: false, validateOnly: true };
    const preview = await control.putTopology(document, options);
    expect(preview.changes.nodesAdded).toEqual(['a', 'r', 'b']);
    expect((await control.getTopology()).topology.nodes).toEqual([]);
    const put = await control.putTopology(document, { ...options, validateOnly: false });
    expect(put.etag).toBe(preview.etag);
    expect(await control.getTopology()).toEqual({ topology: line(), etag: put.etag });
    const again = await control.importTopology(JSON.stringify(document), 'headroom', {
      ...{
        ifMatch: put.etag,
        force: false,
        validateOnly: false,
        defaultCapacityBitsPerSecond: null,
        addressPool: null,
      },
    });
    expect(Object.values(again.changes).flat()).toEqual([]);
    await expect(control.putTopology({ nodes: 3 }, { ...options, ifMatch: again.etag })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      fields: expect.arrayContaining([expect.objectContaining({ field: 'nodes' })]),
    });
    await expect(control.getNode('zz')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('events', () => {
  beforeEach(() => storeTopology(one, line()));

  test('are resumed without loss at any id, at another replica too, and go on live', async () => {
    for (let port = 1; port <= 10; port++) {
      const { reservation } = await book(port);
      await control.releaseReservation(reservation.id, { ifMatch: null });
    }
    const everything = await events(control, 0n, 21);
    expect(everything.map((event) => event.id)).toEqual(Array.from({ length: 21 }, (_, i) => BigInt(i + 1)));
    // Its memory starts empty: all of this comes from the rows.
    const two = await startReplica(url);
    const other = controlOf(two);
    for (const after of [0n, 1n, 7n, 20n]) {
      expect(await events(other, after, 21 - Number(after))).toEqual(everything.slice(Number(after)));
    }
    const live = events(other, 21n, 2);
    const fromNow = events(other, null, 1);
    await followed(two, 21n);
    const { reservation } = await book(100);
    await control.releaseReservation(reservation.id, { ifMatch: null });
    expect((await live).map((event) => event.type)).toEqual(['reservation.created', 'reservation.ended']);
    expect((await fromNow)[0]).toMatchObject({ id: 22n, reservationId: reservation.id, data: { id: reservation.id } });
    await two.close();
  });

  test('that are gone or never were are an error, not a gap', async () => {
    for (let port = 1; port <= 3; port++) await book(port);
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query('DELETE FROM event WHERE first_id <= 2');
    await client.query('UPDATE event_head SET purged_through = 2');
    await client.end();
    await expect(events(control, 1n, 1)).rejects.toMatchObject({ code: 'EVENTS_PURGED' });
    expect((await events(control, 2n, 2)).map((event) => event.id)).toEqual([3n, 4n]);
    await expect(events(control, 99n, 1)).rejects.toMatchObject({ code: 'OUT_OF_RANGE' });
  });
});

test('readiness warns of a database that can lose what it acknowledged', async () => {
  expect(await control.readiness()).toEqual({ ready: true, database: 'ok', migrations: 'ok', warnings: [] });
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(
    `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$`,
  );
  await client.end();
  const two = await startReplica(url);
  expect((await controlOf(two).readiness()).warnings).toEqual([expect.stringContaining('synchronous_commit')]);
  await two.close();
});
