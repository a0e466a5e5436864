import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { EpochMs } from '../../../src/core/base/units.ts';
import { bookedHops } from '../../../src/core/reservation/change.ts';
import type { Reservation } from '../../../src/core/reservation/reservation.ts';
import { ControlError } from '../../../src/server/control/errors.ts';
import { type BooksStore, type GroupWrites, StoreFault } from '../../../src/server/control/ports.ts';
import { followed, line, type Replica, request, storeTopology } from '../../support/replica.ts';
import { deaf, useReplicas } from '../../support/replicas.ts';

const M = 1_000_000;
const REASON = { reason: 'REFUSED', errorCode: 1, errorValue: 2, errorNode: 'r', detail: 'no class left' } as const;

const { close, replica, url } = useReplicas();

async function sql<T extends pg.QueryResultRow>(text: string): Promise<T[]> {
  const client = new pg.Client({ connectionString: url() });
  await client.connect();
  try {
    return (await client.query<T>(text)).rows;
  } finally {
    await client.end();
  }
}

/** What the stored rows hold on each link: the larger of old and new while a change is under way. */
async function storedBookings(): Promise<Map<string, number>> {
  const rows = await sql<{ link: string; booked: string }>(
    `SELECT link, sum(CASE WHEN change->>'state' IN ('applying', 'reverting') THEN greatest(
              booked, (change->'terms'->'bookedBitsPerSecond'->(at::int - 1))::bigint) ELSE booked END) AS booked
       FROM reservation, unnest(links, booked_bits_per_second) WITH ORDINALITY AS hop(link, booked, at)
      WHERE counts_in_books GROUP BY link`,
  );
  return new Map(rows.map((row) => [row.link, Number(row.booked)]));
}

const rate = (bits: number) => [{ qos: { tokenRateBitsPerSecond: bits } }];
const etag = (r: Pick<Reservation, 'revision'>): string => `"${r.revision}"`;
const book = async (at: Replica, bits: number, more: Parameters<typeof request>[1] = {}): Promise<Reservation> =>
  (await at.committer.reserve(request(bits, more), null)).reservation;
const modify = async (
  at: Replica,
  r: Pick<Reservation, 'id'>,
  patches: unknown[],
  ifMatch = '*',
): Promise<Reservation> => (await at.committer.modify(r.id, patches, ifMatch, null)).reservation;
const outcomeOf = <T>(promise: Promise<T>): Promise<T | ControlError> =>
  promise.catch((error: unknown) => {
    if (error instanceof ControlError) return error;
    throw error;
  });
/** Memory and database agree on a reservation, and on all that is booked. */
async function agree(at: Replica, r: Reservation): Promise<void> {
  expect(at.committer.books.get(r.id)).toEqual(r);
  expect(await at.store.queries.find(r.id)).toEqual(r);
  const again = await replica();
  expect(again.committer.books.get(r.id)).toEqual(r);
  expect(again.committer.books.versions).toEqual(at.committer.books.versions);
  for (const [link, bits] of await storedBookings()) {
    expect(at.committer.books.ledger.bookedAt(link, at.committer.books.now())).toBe(bits);
    expect(again.committer.books.ledger.bookedAt(link, at.committer.books.now())).toBe(bits);
  }
}
const eventsAbout = (at: Replica, id: string): string[] =>
  at.committer.log.after(1n)!.flatMap(({ items }) => items.flatMap((e) => (e.reservationId === id ? [e.type] : [])));

describe('on a path without agents', () => {
  test('a change is in force at once, up and down, and the freed room can be booked', async () => {
    const one = await replica();
    await storeTopology(one, line(20 * M));
    const first = await book(one, 8 * M);
    const up = await modify(one, first, rate(16 * M), etag(first));
    expect(up).toMatchObject({ change: null, revision: 2, qos: { tokenRateBitsPerSecond: 16 * M } });
    expect(up.path.hops.map((hop) => hop.bookedBitsPerSecond)).toEqual([16 * M, 16 * M]);
    await agree(one, up);
    expect(await outcomeOf(book(one, 8 * M))).toMatchObject({ code: 'BANDWIDTH_UNAVAILABLE' });
    const down = await modify(one, up, rate(4 * M), etag(up));
    await agree(one, down);
    expect(await book(one, 16 * M)).toMatchObject({ state: 'active' });
    expect(eventsAbout(one, first.id)).toEqual(['reservation.created', 'reservation.changed', 'reservation.changed']);
  });

  test('a refused one says why, and leaves flow and books as they were', async () => {
    const one = await replica();
    await storeTopology(one, line(20 * M));
    const first = await book(one, 8 * M);
    const other = await book(one, 8 * M);
    const refused = await outcomeOf(modify(one, first, rate(13 * M)));
    expect(refused).toMatchObject({
      code: 'BANDWIDTH_UNAVAILABLE',
      reasons: [
        { link: 'a:eth0', requestedBitsPerSecond: 13 * M, availableBitsPerSecond: 12 * M, conflicting: [other.id] },
        { link: 'r:eth1' },
      ],
      alternatives: [{ kind: 'rate', tokenRateBitsPerSecond: 12 * M }],
    });
    await agree(one, first);
    expect((await modify(one, first, rate(12 * M))).qos.tokenRateBitsPerSecond).toBe(12 * M);
  });

  test('name and labels change beside it; nothing different is no change', async () => {
    const one = await replica();
    await storeTopology(one, line(20 * M));
    const first = await book(one, 8 * M, { name: 'x', labels: { a: '1', b: '2' } });
    const taken = await book(one, M, { name: 'y' });
    expect(await outcomeOf(modify(one, first, [{ name: 'y' }]))).toMatchObject({
      code: 'ALREADY_EXISTS',
      details: { existing: taken.id },
    });
    expect(await modify(one, first, [{ name: 'x', labels: { a: '1' } }])).toEqual(first);
    const renamed = await modify(one, first, [{ name: 'z', labels: { a: null, c: '3' } }]);
    expect(renamed).toMatchObject({ name: 'z', labels: { b: '2', c: '3' }, qos: first.qos, revision: 2 });
    await agree(one, renamed);
    expect(await book(one, M, { name: 'x' })).toMatchObject({ name: 'x' });
    expect(eventsAbout(one, first.id)).toEqual(['reservation.created', 'reservation.updated']);
  });

  test('names swapped in one moment never collide in the database', async () => {
    const one = await replica();
    await storeTopology(one, line(20 * M));
    const [a, b] = [await book(one, M, { name: 'a' }), await book(one, M, { name: 'b' })];
    const outcomes = await Promise.all([
      outcomeOf(modify(one, a, [{ name: 'c' }])),
      outcomeOf(modify(one, b, [{ name: 'a' }])),
    ]);
    expect(outcomes.filter((each) => each instanceof ControlError)).toEqual([]);
    expect(await sql('SELECT name FROM reservation ORDER BY name')).toEqual([{ name: 'a' }, { name: 'c' }]);
  });

  test('a tag that is not the reservation’s, a state that allows none, and values that contradict are refused', async () => {
    const one = await replica();
    await storeTopology(one, line(20 * M));
    const first = await book(one, 8 * M);
    expect(await outcomeOf(modify(one, first, rate(M), '"7"'))).toMatchObject({ code: 'CONCURRENT_UPDATE' });
    const peak = await outcomeOf(modify(one, first, [{ qos: { peakRateBitsPerSecond: 1 * M } }]));
    expect(peak).toMatchObject({ code: 'OUT_OF_RANGE', fields: [{ field: 'qos.peakRateBitsPerSecond' }] });
    // Of two with the same tag in one moment one is late.
    const both = await Promise.all([9, 10].map((bits) => outcomeOf(modify(one, first, rate(bits * M), '"1"'))));
    expect(both).toMatchObject([{ revision: 2 }, { code: 'CONCURRENT_UPDATE' }]);
    await one.committer.transition(first.id, { type: 'releaseRequested', inOrder: true });
    expect(await outcomeOf(modify(one, first, rate(M)))).toMatchObject({ code: 'INCOMPATIBLE_STATE' });
  });

  test('a retry with the same key gets the first answer although the tag has moved', async () => {
    const one = await replica();
    await storeTopology(one, line(20 * M));
    const first = await book(one, 8 * M);
    const key = { key: 'PATCH x', bodyHash: '01' };
    const attempts = await Promise.all(
      [1, 2, 3].map(() => one.committer.modify(first.id, rate(9 * M), etag(first), key)),
    );
    expect(attempts.map(({ replayed }) => replayed)).toEqual([false, true, true]);
    expect(new Set(attempts.map(({ reservation }) => reservation.revision))).toEqual(new Set([2]));
    const other = { ...key, bodyHash: '02' };
    expect(await outcomeOf(one.committer.modify(first.id, rate(M), '*', other))).toMatchObject({
      code: 'IDEMPOTENCY_KEY_REUSED',
    });
  });
});

describe('on a path with agents', () => {
  /** Of 20 Mbit/s an enforcing sender keeps 2 % for RSVP and best effort. */
  async function managed(): Promise<Replica> {
    const one = await replica();
    await storeTopology(one, line(20 * M, 'required'));
    return one;
  }
  const active = async (one: Replica, bits: number): Promise<Reservation> =>
    (await one.committer.transition((await book(one, bits)).id, { type: 'hopsInstalled' }))!;

  test('the larger counts until every hop has the new one; agents are told once', async () => {
    const one = await managed();
    const first = await active(one, 8 * M);
    const generation = one.committer.books.generation('r').counter;
    const changing = await modify(one, first, rate(4 * M));
    expect(changing).toMatchObject({ qos: first.qos, path: first.path, change: { state: 'applying' } });
    expect(one.committer.books.generation('r').counter).toBe(generation + 1n);
    await agree(one, changing);
    expect(await outcomeOf(book(one, 13 * M))).toMatchObject({ code: 'BANDWIDTH_UNAVAILABLE' });
    expect(await outcomeOf(modify(one, first, rate(5 * M)))).toMatchObject({ code: 'INCOMPATIBLE_STATE' });
    expect(await modify(one, first, [{ name: 'meanwhile' }])).toMatchObject({ change: changing.change });
    const { since } = changing.change!;
    const settled = await one.committer.transition(first.id, { type: 'changeApplied', since });
    expect(settled).toMatchObject({ change: null, qos: { tokenRateBitsPerSecond: 4 * M } });
    expect(one.committer.books.generation('r').counter).toBe(generation + 1n);
    await agree(one, settled!);
    expect(await book(one, 15 * M)).toMatchObject({ state: 'establishing' });
    expect(eventsAbout(one, first.id).slice(2)).toEqual([
      'reservation.changing',
      'reservation.updated',
      'reservation.changed',
    ]);
  });

  test('a refused one gives its room back when every hop has the old one again', async () => {
    const one = await managed();
    const first = await active(one, 8 * M);
    const { change } = await modify(one, first, rate(16 * M));
    const reverting = (await one.committer.transition(first.id, {
      ...{ type: 'changeRefused', since: change!.since },
      reason: REASON,
    }))!;
    await agree(one, reverting);
    expect(await outcomeOf(book(one, 8 * M))).toMatchObject({ code: 'BANDWIDTH_UNAVAILABLE' });
    const failed = await one.committer.transition(first.id, { type: 'changeReverted', since: change!.since });
    expect(failed).toMatchObject({ qos: first.qos, path: first.path, change: { state: 'failed', reasons: [REASON] } });
    await agree(one, failed!);
    expect(await book(one, 8 * M)).toMatchObject({ state: 'establishing' });
    expect(await modify(one, first, rate(11 * M))).toMatchObject({ change: { state: 'applying', reasons: [] } });
    expect(eventsAbout(one, first.id).slice(3)).toEqual([
      'reservation.changeRefused',
      'reservation.changeFailed',
      'reservation.changing',
    ]);
  });

  test('before its window, agents that are there hear of it before any later booking: it is in force at once', async () => {
    const connected = new Set<string>();
    const agents = {
      unreachable: () => new Map(),
      steering: () => new Map(),
      routes: () => new Map(),
      connected: (node: string) => connected.has(node),
      enforces: () => true,
    };
    const one = await replica({ agents });
    await storeTopology(one, line(20 * M, 'required'));
    const window = { start: EpochMs(Date.now() + 3_600_000), end: null };
    const later = await book(one, 8 * M, { window });
    expect(later.state).toBe('scheduled');
    expect(await modify(one, later, rate(4 * M))).toMatchObject({ change: { state: 'applying' } });
    const another = await book(one, 8 * M, { window });
    for (const node of ['a', 'r', 'b']) connected.add(node);
    expect(await modify(one, another, rate(4 * M))).toMatchObject({
      change: null,
      qos: { tokenRateBitsPerSecond: 4 * M },
    });
  });

  test('released in the middle, the larger counts until it has gone', async () => {
    const one = await managed();
    const first = await active(one, 8 * M);
    await modify(one, first, rate(16 * M));
    const releasing = await one.committer.transition(first.id, { type: 'releaseRequested', inOrder: false });
    await agree(one, releasing!);
    expect(await outcomeOf(book(one, 8 * M))).toMatchObject({ code: 'BANDWIDTH_UNAVAILABLE' });
    await one.committer.transition(first.id, { type: 'removed' });
    expect(await storedBookings()).toEqual(new Map());
    expect(await book(one, 19 * M)).toMatchObject({ state: 'establishing' });
  });
});

describe('two servers on one database', () => {
  test('changes, their outcomes and bookings race: never overbooked, every refusal true', async () => {
    const [one, two] = [await replica({ settings: { groupSize: 7 } }), await replica({ settings: { groupSize: 5 } })];
    await storeTopology(one, line(60 * M, 'required'));
    const held = await Promise.all(Array.from({ length: 12 }, () => book(one, 3 * M)));
    await followed(two, one.committer.log.last);
    const outcomes = await Promise.all(
      Array.from({ length: 240 }, async (_, i) => {
        const at = [one, two][i % 2]!;
        const mine = held[i % held.length]!;
        if (i % 5 === 0) return outcomeOf(book(at, 2 * M));
        if (i % 5 !== 4) return outcomeOf(modify(at, mine, rate(((i * 7) % 9) * M + M)));
        const { change } = (await at.store.queries.find(mine.id))!;
        if (change === null) return null;
        const { since } = change;
        return at.committer.transition(
          mine.id,
          change.state === 'reverting'
            ? { type: 'changeReverted', since }
            : i % 2 === 0
              ? { type: 'changeApplied', since }
              : { type: 'changeRefused', since, reason: REASON },
        );
      }),
    );
    const codes = outcomes.flatMap((each) => (each instanceof ControlError ? [each.code] : []));
    expect(new Set(codes)).toEqual(new Set(['INCOMPATIBLE_STATE', 'BANDWIDTH_UNAVAILABLE']));
    const stored = await storedBookings();
    for (const [, bits] of stored) expect(bits).toBeLessThanOrEqual(60 * M);
    const last = BigInt((await sql<{ last: string }>('SELECT last FROM event_head'))[0]!.last);
    for (const each of [one, two]) {
      await followed(each, last);
      for (const [link, bits] of stored) {
        expect(each.committer.books.ledger.bookedAt(link, each.committer.books.now())).toBe(bits);
      }
    }
    expect(two.committer.books.versions).toEqual(one.committer.books.versions);
    // At every commit, not only now: the log has each state in order.
    const links = new Map<string, { readonly [link: string]: number }>();
    for (const { items } of one.committer.log.after(1n)!) {
      for (const { reservationId, data } of items) {
        const hops = bookedHops(data as Reservation).map((hop) => [hop.link, hop.bookedBitsPerSecond] as const);
        links.set(reservationId!, (data as Reservation).countsInBooks ? Object.fromEntries(hops) : {});
      }
      for (const link of stored.keys()) {
        const sum = [...links.values()].reduce((total, each) => total + (each[link] ?? 0), 0);
        expect(sum).toBeLessThanOrEqual(60 * M);
      }
    }
  });

  test('one that hears of nothing decides on what is committed: tags, room and names', async () => {
    const one = await replica();
    await storeTopology(one, line(20 * M));
    const two = await replica(deaf);
    const [mine, other] = [await book(one, 8 * M), await book(one, 12 * M)];
    expect(await outcomeOf(modify(two, mine, rate(9 * M)))).toMatchObject({ code: 'BANDWIDTH_UNAVAILABLE' });
    await one.committer.transition(other.id, { type: 'releaseRequested', inOrder: true });
    const up = await modify(two, mine, rate(16 * M), '"1"');
    expect(up.revision).toBe(2);
    const down = await modify(one, mine, rate(2 * M), '"2"');
    expect(await outcomeOf(modify(two, mine, rate(3 * M), '"2"'))).toMatchObject({ code: 'CONCURRENT_UPDATE' });
    expect(await modify(two, mine, rate(18 * M), etag(down))).toMatchObject({ revision: 4 });
    expect(await outcomeOf(book(one, 3 * M))).toMatchObject({ code: 'BANDWIDTH_UNAVAILABLE' });
    await one.committer.transition(mine.id, { type: 'releaseRequested', inOrder: true });
    expect(await outcomeOf(modify(two, mine, rate(M)))).toMatchObject({ code: 'INCOMPATIBLE_STATE' });
  });

  test('the same name at both in one moment: one gets it, the other is told who', async () => {
    const [one, two] = [await replica(), await replica()];
    await storeTopology(one, line(20 * M));
    const pairs = await Promise.all(
      Array.from({ length: 10 }, async () => [await book(one, 1000), await book(one, 1000)]),
    );
    await followed(two, one.committer.log.last);
    const outcomes = await Promise.all(
      pairs.flatMap(([a, b], i) => [
        outcomeOf(modify(one, a!, [{ name: `n${i}` }])),
        outcomeOf(modify(two, b!, [{ name: `n${i}` }])),
      ]),
    );
    const refused = outcomes.filter((each) => each instanceof ControlError);
    expect(refused).toHaveLength(10);
    for (const each of refused) expect(each.code).toBe('ALREADY_EXISTS');
  });

  test('many changes of one reservation from both with their tags: each revision once', async () => {
    const [one, two] = [await replica(), await replica()];
    await storeTopology(one, line(20 * M));
    const mine = await book(one, M);
    await followed(two, one.committer.log.last);
    let done = 0;
    await Promise.all(
      [one, two].map(async (at) => {
        while (done < 20) {
          const now = (await at.store.queries.find(mine.id))!;
          const outcome = await outcomeOf(modify(at, mine, rate(M + now.revision), etag(now)));
          if (!(outcome instanceof ControlError)) {
            expect(outcome.revision).toBe(now.revision + 1);
            done++;
          } else expect(outcome.code).toBe('CONCURRENT_UPDATE');
        }
      }),
    );
    expect((await one.store.queries.find(mine.id))!.revision).toBe(done + 1);
  });
});

describe('a server that is cut off in the middle of a change', () => {
  const lostAnswer = (committed: boolean) => {
    let armed = false;
    const wrap = (books: BooksStore): BooksStore => {
      const begin = books.begin.bind(books);
      return Object.assign(books, {
        begin: () => {
          const transaction = begin();
          const commit = transaction.commit.bind(transaction);
          return Object.assign(transaction, {
            commit: async (writes: GroupWrites) => {
              if (!armed) return commit(writes);
              armed = false;
              if (committed) await commit(writes);
              else await transaction.rollback();
              throw new StoreFault('inDoubt', new Error('Connection terminated unexpectedly'));
            },
          });
        },
      });
    };
    return { wrap, arm: () => (armed = true) };
  };

  test.each([true, false])('answer of COMMIT lost, committed: %s: the change is there once', async (committed) => {
    const { wrap, arm } = lostAnswer(committed);
    const one = await replica({ wrap });
    await storeTopology(one, line(20 * M));
    const first = await book(one, 8 * M);
    arm();
    const changed = await modify(one, first, rate(16 * M), etag(first));
    expect(changed).toMatchObject({ revision: 2, qos: { tokenRateBitsPerSecond: 16 * M } });
    await agree(one, changed);
    expect(await outcomeOf(book(one, 5 * M))).toMatchObject({ code: 'BANDWIDTH_UNAVAILABLE' });
  });

  test('another finds the change under way and brings it to its end', async () => {
    const one = await replica();
    await storeTopology(one, line(20 * M, 'required'));
    const first = await book(one, 8 * M);
    const { change } = await modify(one, first, rate(16 * M));
    await close(one);
    const two = await replica();
    expect(two.committer.books.get(first.id)?.change).toEqual(change);
    expect(await outcomeOf(book(two, 5 * M))).toMatchObject({ code: 'BANDWIDTH_UNAVAILABLE' });
    const settled = await two.committer.transition(first.id, { type: 'changeApplied', since: change!.since });
    await agree(two, settled!);
  });
});
