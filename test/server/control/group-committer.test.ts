import pg from 'pg';
import { beforeEach, describe, expect, test } from 'vitest';
import { reservableBitsPerSecond } from '../../../src/core/network/topology.ts';
import type { Reservation } from '../../../src/core/reservation/reservation.ts';
import { ControlError } from '../../../src/server/control/errors.ts';
import type { CommittedGroup } from '../../../src/server/control/committer.ts';
import { type GroupWrites, StoreFault } from '../../../src/server/control/ports.ts';
import { diamond, followed, line, type Replica, request, storeTopology } from '../../support/replica.ts';
import { useReplicas } from '../../support/replicas.ts';

const M = 1_000_000;

const { replica, url } = useReplicas();

async function sql<T extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<T[]> {
  const client = new pg.Client({ connectionString: url() });
  await client.connect();
  try {
    return (await client.query<T>(text, values)).rows;
  } finally {
    await client.end();
  }
}

/** What the stored reservations hold on each link now; all windows in these tests are open. */
async function storedBookings(): Promise<Map<string, number>> {
  const rows = await sql<{ link: string; booked: string }>(
    `SELECT link, sum(booked) AS booked FROM reservation, unnest(links, booked_bits_per_second) AS hop(link, booked)
      WHERE counts_in_books GROUP BY link`,
  );
  return new Map(rows.map((row) => [row.link, Number(row.booked)]));
}

const outcomeOf = (promise: Promise<{ reservation: Reservation }>): Promise<Reservation | ControlError> =>
  promise.then(
    ({ reservation }) => reservation,
    (error: unknown) => {
      if (error instanceof ControlError) return error;
      throw error;
    },
  );

describe('one server', () => {
  test('a granted request is stored, counted, told and followed by nothing else', async () => {
    const one = await replica();
    await storeTopology(one, line());
    const groups: CommittedGroup[] = [];
    one.committer.onCommitted((group) => groups.push(group));
    const { reservation, replayed } = await one.committer.reserve(
      request(10 * M, { name: 'n', labels: { job: '1' } }),
      null,
    );
    expect(replayed).toBe(false);
    expect(reservation).toMatchObject({ state: 'active', enforcement: 'none', countsInBooks: true, revision: 1 });
    expect(reservation.path.hops.map((hop) => hop.link)).toEqual(['a:eth0', 'r:eth1']);
    expect(await one.store.queries.find(reservation.id)).toEqual(reservation);
    expect(one.committer.books.get(reservation.id)).toEqual(reservation);
    expect(groups).toEqual([{ reservations: [reservation], generations: new Map(), topologyChanged: false }]);
    expect(await storedBookings()).toEqual(
      new Map(reservation.path.hops.map((hop) => [hop.link, hop.bookedBitsPerSecond as number])),
    );
  });

  test('desired states get new generations when, and only when, they change', async () => {
    const one = await replica();
    await storeTopology(one, line(100 * M, 'required'));
    const before = one.committer.books.generation('r');
    const { reservation } = await one.committer.reserve(request(M), null);
    const booked = one.committer.books.generation('r');
    expect(booked).toEqual({ epoch: before.epoch, counter: before.counter + 1n });
    await one.committer.transition(reservation.id, { type: 'hopsInstalled' });
    expect(one.committer.books.generation('r')).toEqual(booked);
    await one.committer.transition(reservation.id, { type: 'releaseRequested', inOrder: true });
    expect(one.committer.books.generation('r').counter).toBe(booked.counter + 1n);
    await one.committer.transition(reservation.id, { type: 'removed' });
    expect(one.committer.books.generation('r').counter).toBe(booked.counter + 1n);
    expect(one.committer.books.get(reservation.id)).toBeUndefined();
    const again = await replica();
    expect(again.committer.books.generation('r')).toEqual(one.committer.books.generation('r'));
  });

  test('a release and a booking that needs its room and its flow, in the same moment', async () => {
    const one = await replica();
    await storeTopology(one, line(10 * M, 'required'));
    const first = await one.committer.reserve(request(8 * M, { port: 1000, name: 'same' }), null);
    const released = one.committer.transition(first.reservation.id, { type: 'releaseRequested', inOrder: true });
    const second = one.committer.reserve(request(8 * M, { port: 1000, name: 'same' }), null);
    expect((await released)?.state).toBe('releasing');
    expect((await second).reservation.state).toBe('establishing');
    expect((await storedBookings()).get('a:eth0')).toBeLessThanOrEqual(10 * M);
  });

  test('room that a release out of order still holds is not given away', async () => {
    const one = await replica();
    await storeTopology(one, line(10 * M, 'required'));
    const { reservation } = await one.committer.reserve(request(8 * M), null);
    await one.committer.transition(reservation.id, { type: 'releaseRequested', inOrder: false });
    expect(await outcomeOf(one.committer.reserve(request(8 * M), null))).toMatchObject({
      code: 'BANDWIDTH_UNAVAILABLE',
    });
    await one.committer.transition(reservation.id, { type: 'removed' });
    expect(await outcomeOf(one.committer.reserve(request(8 * M), null))).toMatchObject({ state: 'establishing' });
  });

  test('the same flow in an overlapping window, and a name in use, are refused with the id in the way', async () => {
    const one = await replica();
    await storeTopology(one, line());
    const { reservation } = await one.committer.reserve(request(M, { port: 1001, name: 'x' }), null);
    const details = { existing: reservation.id };
    expect(await outcomeOf(one.committer.reserve(request(M, { port: 1001 }), null))).toMatchObject({
      code: 'ALREADY_EXISTS',
      details,
    });
    expect(await outcomeOf(one.committer.reserve(request(M, { name: 'x' }), null))).toMatchObject({
      code: 'ALREADY_EXISTS',
      details,
    });
  });

  test('the same key twice at once books once, and another body under it is refused', async () => {
    const one = await replica();
    await storeTopology(one, line(10 * M));
    const key = { key: 'k', bodyHash: 'aa' };
    const asked = request(8 * M);
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => one.committer.reserve(asked, key)));
    expect(new Set(outcomes.map((each) => each.reservation.id)).size).toBe(1);
    expect(outcomes.filter((each) => !each.replayed)).toHaveLength(1);
    expect(await outcomeOf(one.committer.reserve(asked, { key: 'k', bodyHash: 'bb' }))).toMatchObject({
      code: 'IDEMPOTENCY_KEY_REUSED',
    });
    expect(await sql('SELECT key FROM idempotency_key')).toEqual([{ key: 'k' }]);
  });

  test('a refusal leaves its key unused', async () => {
    const one = await replica();
    await storeTopology(one, line(10 * M));
    const key = { key: 'k', bodyHash: 'aa' };
    expect(await outcomeOf(one.committer.reserve(request(11 * M), key))).toMatchObject({
      code: 'BANDWIDTH_UNAVAILABLE',
    });
    expect((await one.committer.reserve(request(9 * M), key)).replayed).toBe(false);
  });

  test('a preview says what booking would, and books nothing', async () => {
    const one = await replica();
    await storeTopology(one, line(10 * M));
    expect(await one.committer.preview(request(9 * M))).toMatchObject({ id: '', state: 'active' });
    await expect(one.committer.preview(request(11 * M))).rejects.toMatchObject({ code: 'BANDWIDTH_UNAVAILABLE' });
    expect(await sql('SELECT id FROM reservation')).toEqual([]);
  });

  test('an item that the database refuses fails alone', async () => {
    const one = await replica();
    await storeTopology(one, line());
    const outcomes = await Promise.allSettled(
      Array.from({ length: 50 }, (_, i) =>
        // A character that PostgreSQL does not store, as if a check in front of it had been forgotten.
        one.committer.reserve(request(10_000, i === 31 ? { labels: { bad: '\u0000' } } : {}), null),
      ),
    );
    expect(outcomes.flatMap((each, i) => (each.status === 'rejected' ? [i] : []))).toEqual([31]);
    expect(await sql('SELECT id FROM reservation')).toHaveLength(49);
    expect(one.committer.books.ledger.size).toBe(49);
  });

  test('a restarted server has the same books', async () => {
    const one = await replica();
    await storeTopology(one, line(100 * M, 'required'));
    const kept = await Promise.all(Array.from({ length: 30 }, () => one.committer.reserve(request(M), null)));
    await one.committer.transition(kept[0]!.reservation.id, { type: 'hopsInstalled' });
    await one.committer.transition(kept[1]!.reservation.id, { type: 'releaseRequested', inOrder: true });
    await one.committer.transition(kept[2]!.reservation.id, {
      type: 'pathObserved',
      sender: 0,
      actualHops: [{ node: 'a', interface: 'eth0', link: 'a:eth0' }],
    });
    const again = await replica();
    const ids = (each: Replica): Reservation[] =>
      [...each.committer.books.live()].sort((x, y) => (x.id < y.id ? -1 : 1));
    expect(ids(again)).toEqual(ids(one));
    expect(again.committer.books.topology().topology).toEqual(one.committer.books.topology().topology);
    expect(again.committer.books.versions).toEqual(one.committer.books.versions);
    expect(again.committer.books.ledger.size).toBe(29);
  });
});

describe('a path that agents have to keep the flow on', () => {
  const canSteer = { missing: null, strictInterfaces: new Set<string>() };
  const agents = {
    unreachable: () => new Map(),
    steering: () => new Map(['a', 'r', 's', 'b'].map((node) => [node, canSteer])),
    routes: () => new Map(),
    connected: () => true,
    enforces: () => true,
  };

  test('is stored with its explicit route, the same for every replica, and its nodes are told', async () => {
    const one = await replica({ agents });
    await storeTopology(one, diamond(100 * M));
    const routed = await one.committer.reserve(request(60 * M), null);
    const { reservation } = await one.committer.reserve(request(60 * M), null);
    expect(routed.reservation.path).toMatchObject({ pinning: 'routed', explicitRoute: [] });
    expect(reservation.path).toMatchObject({
      pinning: 'pinned',
      nodes: ['a', 's', 'b'],
      explicitRoute: ['10.3.0.1', '10.4.0.2'],
    });
    expect(one.committer.books.generation('s').counter).toBeGreaterThan(0n);
    const two = await replica({ agents });
    expect(two.committer.books.get(reservation.id)).toEqual(reservation);
    expect(await two.store.queries.find(reservation.id)).toEqual(reservation);
    await expect(two.committer.reserve(request(60 * M), null)).rejects.toMatchObject({ code: 'BANDWIDTH_UNAVAILABLE' });
  });

  test('is not taken by two replicas at once beyond what it holds', async () => {
    const [one, two] = [await replica({ agents }), await replica({ agents })];
    await storeTopology(one, diamond(100 * M));
    await followed(two, one.committer.log.last);
    const outcomes = await Promise.all(
      Array.from({ length: 24 }, (_, i) => outcomeOf((i % 2 ? one : two).committer.reserve(request(15 * M), null))),
    );
    const granted = outcomes.filter((each) => !(each instanceof ControlError));
    // Six of 15 Mbit/s fit on either way.
    expect(granted.map((each) => (each as Reservation).path.pinning).sort()).toEqual([
      ...Array<string>(6).fill('pinned'),
      ...Array<string>(6).fill('routed'),
    ]);
    for (const booked of (await storedBookings()).values()) expect(booked).toBeLessThanOrEqual(200 * M);
    for (const link of ['r:eth1', 's:eth1']) expect((await storedBookings()).get(link)).toBeLessThanOrEqual(100 * M);
  });
});

describe('who enforces', () => {
  const enforcing = new Set<string>();
  const agents = {
    unreachable: () => new Map(),
    steering: () => new Map(),
    routes: () => new Map(),
    connected: () => false,
    enforces: (node: string) => enforcing.has(node),
  };
  beforeEach(() => enforcing.clear());

  test('is said anew when it becomes active: agents may have been away when it was booked', async () => {
    const one = await replica({ agents });
    await storeTopology(one, line(100 * M, 'required'));
    const { reservation } = await one.committer.reserve(request(M), null);
    expect(reservation.enforcement).toBe('none');
    enforcing.add('a').add('r').add('b');
    const active = await one.committer.transition(reservation.id, { type: 'hopsInstalled' });
    expect(active).toMatchObject({ state: 'active', enforcement: 'kernel' });
    expect(await one.store.queries.find(reservation.id)).toEqual(active);
  });

  test('is nobody where the topology says that there is no agent, whoever has connected', async () => {
    const one = await replica({ agents });
    await storeTopology(one, line());
    enforcing.add('a').add('r').add('b');
    expect((await one.committer.reserve(request(M), null)).reservation.enforcement).toBe('none');
  });
});

describe('topology', () => {
  test('is replaced only by who has seen it, and keeps links that are booked unless forced', async () => {
    const one = await replica();
    await storeTopology(one, line());
    const replace = (ifMatch: string | null, force = false) =>
      one.committer.replaceTopology({ nodes: [], links: [] }, { ifMatch, force, preview: false });
    const { reservation } = await one.committer.reserve(request(M), null);
    await expect(replace(null)).rejects.toMatchObject({ code: 'ETAG_REQUIRED' });
    await expect(replace('"t7"')).rejects.toMatchObject({ code: 'CONCURRENT_UPDATE' });
    await expect(replace('"t1"')).rejects.toMatchObject({ code: 'INCOMPATIBLE_STATE' });
    const plan = await replace('"t1"', true);
    expect(plan.changes.linksRemoved).toHaveLength(4);
    expect((await one.store.queries.find(reservation.id))?.state).toBe('ended');
    expect(one.committer.books.ledger.size).toBe(0);
    await storeTopology(one, line());
    expect((await one.committer.reserve(request(M), null)).reservation.state).toBe('active');
    const again = await replica();
    expect(again.committer.books.versions).toEqual(one.committer.books.versions);
  });

  test('a node that changes moves the version of every link at it, and of no other', async () => {
    const one = await replica();
    await storeTopology(one, line());
    const before = new Map(one.committer.books.versions);
    const { nodes, links } = line();
    const drained = nodes.map((node) => (node.name === 'b' ? { ...node, adminState: 'draining' as const } : node));
    await storeTopology(one, { nodes: drained, links });
    const moved = [...one.committer.books.versions].filter(([link, version]) => version !== before.get(link));
    expect(moved.map(([link]) => link).sort()).toEqual(['b:eth0', 'r:eth1']);
    expect(await outcomeOf(one.committer.reserve(request(M), null))).toMatchObject({ code: 'BANDWIDTH_UNAVAILABLE' });
    const again = await replica();
    expect(again.committer.books.versions).toEqual(one.committer.books.versions);
  });

  test('a link that another replica has shrunk is not booked beyond its new capacity', async () => {
    const one = await replica();
    const two = await replica();
    await storeTopology(one, line(100 * M));
    await followed(two, one.committer.log.last);
    await storeTopology(one, line(10 * M));
    expect(await outcomeOf(two.committer.reserve(request(20 * M), null))).toMatchObject({
      code: 'BANDWIDTH_UNAVAILABLE',
    });
    expect(await outcomeOf(two.committer.reserve(request(9 * M), null))).toMatchObject({ state: 'active' });
  });
});

describe('two servers on one database', () => {
  test('fight for the last megabits and never overbook; every refusal is true', async () => {
    const [one, two] = [await replica({ settings: { groupSize: 7 } }), await replica({ settings: { groupSize: 5 } })];
    await storeTopology(one, line(50 * M));
    await followed(two, one.committer.log.last);
    const outcomes = await Promise.all(
      Array.from({ length: 200 }, (_, i) => outcomeOf([one, two][i % 2]!.committer.reserve(request(M), null))),
    );
    const granted = outcomes.filter((each): each is Reservation => !(each instanceof ControlError));
    const booked = await storedBookings();
    const { links } = line(50 * M);
    for (const [link, bits] of booked) {
      expect(bits).toBeLessThanOrEqual(reservableBitsPerSecond(links.find((each) => each.id === link)!));
    }
    const each = granted[0]!.path.hops[0]!.bookedBitsPerSecond;
    expect(granted).toHaveLength(Math.floor((50 * M) / each));
    expect(outcomes.filter((o) => o instanceof ControlError).every((o) => o.code === 'BANDWIDTH_UNAVAILABLE')).toBe(
      true,
    );
    const last = BigInt((await sql<{ last: string }>('SELECT last FROM event_head'))[0]!.last);
    await Promise.all([followed(one, last), followed(two, last)]);
    const ids = (r: Replica): string[] => [...r.committer.books.live()].map(({ id }) => id).sort();
    expect(ids(one)).toEqual(granted.map(({ id }) => id).sort());
    expect(ids(two)).toEqual(ids(one));
    expect(two.committer.books.versions).toEqual(one.committer.books.versions);
  });

  test('the same key, flow and name at both at once: one effect', async () => {
    const [one, two] = [await replica(), await replica()];
    await storeTopology(one, line());
    await followed(two, one.committer.log.last);
    for (let round = 0; round < 20; round++) {
      const asked = request(10_000, { name: `name-${round}` });
      const key = { key: `key-${round}`, bodyHash: '01' };
      const both = await Promise.all([one.committer.reserve(asked, key), two.committer.reserve(asked, key)]);
      expect(both[0].reservation.id).toBe(both[1].reservation.id);
      const flow = request(10_000);
      const outcomes = await Promise.all([one, two].map((each) => outcomeOf(each.committer.reserve(flow, null))));
      expect(outcomes.filter((each) => each instanceof ControlError).map((each) => each.code)).toEqual([
        'ALREADY_EXISTS',
      ]);
    }
    expect(await sql('SELECT id FROM reservation')).toHaveLength(40);
  });

  test('a refusal on outdated books is not answered: the room that the other has freed is found', async () => {
    const one = await replica();
    await storeTopology(one, line(10 * M));
    // Deaf: no notification, no poll reaches it.
    const two = await replica({ wrap: (books) => Object.assign(books, { listen: () => {} }) });
    for (let round = 0; round < 5; round++) {
      const { reservation } = await one.committer.reserve(request(8 * M), null);
      expect(await outcomeOf(two.committer.reserve(request(8 * M), null))).toMatchObject({
        code: 'BANDWIDTH_UNAVAILABLE',
      });
      await one.committer.transition(reservation.id, { type: 'releaseRequested', inOrder: true });
      const got = await two.committer.reserve(request(8 * M), null);
      expect(
        await two.committer.transition(got.reservation.id, { type: 'releaseRequested', inOrder: true }),
      ).toMatchObject({ state: 'ended' });
    }
  });

  test('a defect while deciding again under locks leaves neither locks nor keys behind', async () => {
    const one = await replica();
    await storeTopology(one, line());
    let calls = 0;
    const unreachable = (): ReadonlyMap<string, null> => {
      if (++calls === 2) throw new Error('a defect');
      return new Map<string, null>();
    };
    const agents = {
      unreachable,
      steering: () => new Map(),
      routes: () => new Map(),
      connected: () => false,
      enforces: () => false,
    };
    const two = await replica({ agents, wrap: (books) => Object.assign(books, { listen: () => {} }) });
    await one.committer.reserve(request(M), null);
    const key = { key: 'k', bodyHash: '01' };
    await expect(two.committer.reserve(request(M), key)).rejects.toThrow('a defect');
    expect((await one.committer.reserve(request(M), null)).replayed).toBe(false);
    expect((await two.committer.reserve(request(M), null)).replayed).toBe(false);
    expect((await two.committer.reserve(request(M), key)).replayed).toBe(false);
  });

  test('transitions of one reservation from both sides are each applied to the latest state', async () => {
    const [one, two] = [await replica(), await replica()];
    await storeTopology(one, line(100 * M, 'required'));
    await followed(two, one.committer.log.last);
    const { reservation } = await one.committer.reserve(request(M), null);
    const results = await Promise.all([
      one.committer.transition(reservation.id, { type: 'hopsInstalled' }),
      two.committer.transition(reservation.id, { type: 'confirmed', at: reservation.createdAt }),
      two.committer.transition(reservation.id, {
        type: 'pathObserved',
        sender: 0,
        actualHops: [{ node: 'a', interface: 'eth0', link: 'a:eth0' }],
      }),
    ]);
    expect(new Set(results.map((each) => each?.revision))).toEqual(new Set([2, 3, 4]));
    expect(await one.store.queries.find(reservation.id)).toMatchObject({
      ...{ state: 'active', revision: 4, confirmedAt: reservation.createdAt },
      actualHops: [{ node: 'a' }],
    });
  });

  test('events have no gaps, come in the order of the commits, and are the same at both', async () => {
    const [one, two] = [await replica({ settings: { groupSize: 3 } }), await replica({ settings: { groupSize: 4 } })];
    await storeTopology(one, line());
    await followed(two, one.committer.log.last);
    await Promise.all(
      Array.from({ length: 60 }, async (_, i) => {
        const { committer } = [one, two][i % 2]!;
        const { reservation } = await committer.reserve(request(10_000), null);
        await committer.transition(reservation.id, { type: 'releaseRequested', inOrder: true });
      }),
    );
    await Promise.all([followed(one, 121n), followed(two, 121n)]);
    const rows = await sql<{ first_id: string; count: number }>('SELECT first_id, count FROM event ORDER BY first_id');
    let next = 1;
    for (const row of rows) {
      expect(Number(row.first_id)).toBe(next);
      next += row.count;
    }
    expect(next).toBe(122);
    const items = (each: Replica) =>
      each.committer.log.after(1n)?.flatMap((group) => group.items.map((item) => [item.type, item.reservationId]));
    expect(items(one)).toEqual(items(two));
  });
});

describe('a connection lost while committing', () => {
  /**
   * A replica whose first commit loses its connection: in `lock` while it waits for a link, in `commit` after COMMIT was
   * sent, while it waits for the event head.
   */
  async function interrupted(at: 'commit' | 'lock'): Promise<Replica> {
    let armed = true;
    const held = at === 'lock' ? 'link_ledger' : 'event_head';
    return replica({
      wrap: (books) => {
        const begin = books.begin.bind(books);
        return Object.assign(books, {
          begin: () => {
            const transaction = begin();
            const original = transaction[at].bind(transaction) as (argument: never) => Promise<unknown>;
            return Object.assign(transaction, {
              [at]: async (argument: never) => {
                if (!armed) return original(argument);
                armed = false;
                const holder = new pg.Client({ connectionString: url() });
                await holder.connect();
                await holder.query(`BEGIN; SELECT 1 FROM ${held} FOR UPDATE`);
                const result = original(argument);
                result.catch(() => {});
                let waiting = false;
                while (!waiting) {
                  // Inside a transaction the view stands still otherwise.
                  await holder.query('SELECT pg_stat_clear_snapshot()');
                  const rows =
                    await holder.query(`SELECT pid FROM pg_stat_activity WHERE application_name = 'headroom commit'
                     AND datname = current_database() AND wait_event_type = 'Lock'`);
                  waiting = rows.rows.length > 0;
                }
                await holder.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                   WHERE application_name = 'headroom commit' AND datname = current_database() AND wait_event_type = 'Lock'`);
                await holder.query('ROLLBACK');
                await holder.end();
                return result;
              },
            });
          },
        });
      },
    });
  }

  for (const at of ['commit', 'lock'] as const) {
    test(`in ${at}: booked once or told to come again, and the books agree with the database`, async () => {
      const setup = await replica();
      await storeTopology(setup, line());
      const one = await interrupted(at);
      const key = { key: at, bodyHash: '01' };
      const asked = request(M);
      const outcome = await outcomeOf(one.committer.reserve(asked, key));
      const stored = await sql<{ id: string }>('SELECT id FROM reservation');
      if (at === 'lock') {
        expect(outcome).toMatchObject({ code: 'UNAVAILABLE', retryAfterSeconds: 1 });
        expect(stored).toEqual([]);
      } else {
        // It was found not to be there, and tried again.
        expect(stored).toEqual([{ id: (outcome as Reservation).id }]);
      }
      expect((await one.committer.reserve(asked, key)).replayed).toBe(at === 'commit');
      await one.committer.reserve(request(M), null);
      const now = await sql<{ id: string }>('SELECT id FROM reservation ORDER BY id');
      expect(now).toHaveLength(2);
      expect([...one.committer.books.live()].map(({ id }) => id).sort()).toEqual(now.map(({ id }) => id));
    });
  }

  test('a COMMIT whose answer is lost was a success', async () => {
    const one = await replica({
      wrap: (books) => {
        const begin = books.begin.bind(books);
        return Object.assign(books, {
          begin: () => {
            const transaction = begin();
            const commit = transaction.commit.bind(transaction);
            return Object.assign(transaction, {
              commit: async (writes: GroupWrites) => {
                const outcome = await commit(writes);
                if (writes.created.length === 0) return outcome;
                throw new StoreFault('inDoubt', new Error('Connection terminated unexpectedly'));
              },
            });
          },
        });
      },
    });
    await storeTopology(one, line());
    const { reservation } = await one.committer.reserve(request(M), null);
    expect(await sql('SELECT id FROM reservation')).toEqual([{ id: reservation.id }]);
    expect(one.committer.books.get(reservation.id)).toEqual(reservation);
  });

  test('while the database is away changes are refused with Retry-After and reads go on; it comes back by itself', async () => {
    const one = await replica();
    await storeTopology(one, line());
    const { reservation } = await one.committer.reserve(request(M), null);
    const { pathname } = new URL(url());
    const name = pathname.slice(1);
    const admin = new pg.Client({ connectionString: url().replace(`/${name}`, '/postgres') });
    await admin.connect();
    await admin.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
    await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [name]);
    const backends = 'SELECT pid FROM pg_stat_activity WHERE datname = $1';
    while ((await admin.query(backends, [name])).rows.length > 0);
    const refused = await outcomeOf(one.committer.reserve(request(M), null));
    expect(refused).toMatchObject({ code: 'UNAVAILABLE', retryAfterSeconds: 1 });
    expect(one.committer.books.get(reservation.id)).toEqual(reservation);
    expect((await one.store.health()).reachable).toBe(false);
    await admin.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
    await admin.end();
    expect((await one.committer.reserve(request(M), null)).reservation.state).toBe('active');
    expect(await one.store.health()).toEqual({ reachable: true, migrated: true, warnings: [] });
  });
});
