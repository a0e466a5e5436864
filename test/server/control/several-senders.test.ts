import pg from 'pg';
import { describe, expect, test } from 'vitest';
import type { IpAddress } from '../../../src/core/base/ip.ts';
import { EpochMs } from '../../../src/core/base/units.ts';
import type { Topology } from '../../../src/core/network/topology.ts';
import { parseTopology } from '../../../src/core/network/validate.ts';
import type { ReservationRequest, ReservationStyle } from '../../../src/core/qos/request.ts';
import type { Reservation } from '../../../src/core/reservation/reservation.ts';
import { listReservations } from '../../../src/server/control/read.ts';
import { ControlError } from '../../../src/server/control/errors.ts';
import { StoreFault } from '../../../src/server/control/ports.ts';
import { must } from '../../support/network.ts';
import { followed, type Replica, request, storeTopology } from '../../support/replica.ts';
import { deaf, useReplicas } from '../../support/replicas.ts';

const M = 1_000_000;
const HOUR = 3_600_000;

const { replica, url } = useReplicas();

/** a and c at r, r – b: a is 10.1.0.2, c 10.3.0.2, b 10.2.0.2. All of 100 Mbit/s reservable, no overhead. */
function fork(): Topology {
  const cable = (from: string, to: string, out = 'eth0') => ({
    ...{ a: { node: from, interface: 'eth0' }, b: { node: to, interface: out } },
    ...{ capacityBitsPerSecond: 100 * M, reservableShare: 1 },
  });
  const host = (name: string, address: string) => ({ name, interfaces: [{ name: 'eth0', addresses: [address] }] });
  const addresses = ['10.1.0.1/24', '10.2.0.1/24', '10.3.0.1/24'];
  return must(
    parseTopology({
      nodes: [
        ...[host('a', '10.1.0.2/24'), host('b', '10.2.0.2/24'), host('c', '10.3.0.2/24')],
        { name: 'r', interfaces: addresses.map((each, i) => ({ name: `eth${i}`, addresses: [each] })) },
      ],
      cables: [cable('a', 'r', 'eth0'), cable('b', 'r', 'eth1'), cable('c', 'r', 'eth2')],
    }),
  );
}

async function sql<T extends pg.QueryResultRow>(text: string): Promise<T[]> {
  const client = new pg.Client({ connectionString: url() });
  await client.connect();
  try {
    return (await client.query<T>(text)).rows;
  } finally {
    await client.end();
  }
}

const end = (address: string, port = 5_004) => ({ address: address as IpAddress, port });
const both = (rate: number, style: ReservationStyle, more: Partial<ReservationRequest> = {}): ReservationRequest => ({
  ...request(rate, { port: 5_004 }),
  ...{ moreSources: [end('10.3.0.2')], sourcesListed: true, style },
  ...more,
});
const window = (from: number, to: number | null) => {
  const start = Date.now() + HOUR;
  return { start: EpochMs(start + from * HOUR), end: to === null ? null : EpochMs(start + to * HOUR) };
};
const book = async (at: Replica, asked: ReservationRequest): Promise<Reservation> =>
  (await at.committer.reserve(asked, null)).reservation;
const outcomeOf = <T>(promise: Promise<T>): Promise<T | ControlError> =>
  promise.catch((error: unknown) => {
    if (error instanceof ControlError) return error;
    throw error;
  });
const refusalOf = async (promise: Promise<unknown>): Promise<ControlError> => {
  const outcome = await outcomeOf(promise);
  if (!(outcome instanceof ControlError)) throw new Error(JSON.stringify(outcome));
  return outcome;
};
const booked = (at: Replica, link: string): number => at.committer.books.ledger.bookedAt(link, EpochMs(Date.now()));

describe('a reservation with several senders', () => {
  test.each([
    ['sharedExplicit', 30 * M],
    ['wildcardFilter', 30 * M],
    ['fixedFilter', 60 * M],
  ] as const)(
    'in style %s is stored as it was granted, for every replica and after a start',
    async (style, together) => {
      const one = await replica();
      await storeTopology(one, fork());
      const two = await replica();
      const asked = both(30 * M, style, { labels: { job: '1' } });
      const preview = await one.committer.preview(asked);
      const mine = await book(one, asked);
      expect({ ...mine, id: '', createdAt: 0, updatedAt: 0 }).toEqual({ ...preview, createdAt: 0, updatedAt: 0 });
      expect(mine.style).toBe(style);
      expect(mine.moreSenders.map(({ source, path }) => [source, path.nodes])).toEqual([
        [end('10.3.0.2'), ['c', 'r', 'b']],
      ]);
      await followed(two, one.committer.books.lastEvent);
      const later = await replica();
      for (const each of [one, two, later]) {
        expect(each.committer.books.get(mine.id)).toEqual(mine);
        expect([booked(each, 'a:eth0'), booked(each, 'c:eth0'), booked(each, 'r:eth1')]).toEqual([
          30 * M,
          30 * M,
          together,
        ]);
      }
      expect(await one.store.queries.find(mine.id)).toEqual(mine);
      await one.committer.transition(mine.id, { type: 'releaseRequested', inOrder: true });
      await followed(two, one.committer.books.lastEvent);
      for (const each of [one, two]) expect(booked(each, 'r:eth1')).toBe(0);
    },
  );

  test('is never overbooked: as many as fit together are granted, the rest is refused with the sum', async () => {
    const one = await replica();
    await storeTopology(one, fork());
    await book(one, both(30 * M, 'fixedFilter'));
    const asked = (style: ReservationStyle) =>
      both(25 * M, style, { flow: { ...request(1).flow, destination: end('10.2.0.2', 9) } });
    const refusal = await refusalOf(book(one, asked('fixedFilter')));
    expect(refusal.code).toBe('BANDWIDTH_UNAVAILABLE');
    expect(refusal.reasons).toMatchObject([
      { link: 'r:eth1', requestedBitsPerSecond: 50 * M, availableBitsPerSecond: 40 * M, senders: 2 },
    ]);
    expect(refusal.message).toContain('50000000 bit/s that are needed for 2 senders');
    await book(one, asked('sharedExplicit'));
    expect(booked(one, 'r:eth1')).toBe(85 * M);
  });

  test('gets news of each sender, and another qos in place', async () => {
    const one = await replica();
    await storeTopology(one, fork());
    const mine = await book(one, both(30 * M, 'fixedFilter'));
    const actualHops = [{ node: 'c', interface: 'eth0', link: 'c:eth0' }];
    await one.committer.transition(mine.id, { type: 'pathObserved', sender: 1, actualHops });
    await one.committer.transition(mine.id, { type: 'nonRsvpHop', sender: 1, present: true });
    const types = one.committer.log.after(0n)!.flatMap(({ items }) => items.map(({ type }) => type));
    expect(types.slice(-2)).toEqual(['reservation.pathObserved', 'reservation.nonRsvpHop']);
    const { reservation } = await one.committer.modify(
      mine.id,
      [{ qos: { tokenRateBitsPerSecond: 50 * M } }],
      '*',
      null,
    );
    expect(reservation.moreSenders).toMatchObject([
      {
        actualHops,
        nonRsvpHop: true,
        path: { hops: [{ bookedBitsPerSecond: 50 * M }, { bookedBitsPerSecond: 50 * M }] },
      },
    ]);
    expect(booked(one, 'r:eth1')).toBe(100 * M);
    const more = one.committer.modify(mine.id, [{ qos: { tokenRateBitsPerSecond: 50 * M + 8 } }], '*', null);
    expect((await refusalOf(more)).reasons).toMatchObject([{ requestedBitsPerSecond: 100 * M + 16, senders: 2 }]);
    const later = await replica();
    expect(later.committer.books.get(mine.id)).toEqual(one.committer.books.get(mine.id));
    expect(booked(later, 'r:eth1')).toBe(100 * M);
  });

  test('is found by any of its senders, their nodes and links, in the database and without it', async () => {
    const one = await replica();
    await storeTopology(one, fork());
    const { id } = await book(one, both(1 * M, 'sharedExplicit'));
    const plain = await book(one, { ...request(1 * M), flow: { ...request(1).flow, destination: end('10.2.0.2', 9) } });
    const down = { ...one.store.queries, list: () => Promise.reject(new StoreFault('away', 'gone')) };
    const filter = { states: [], source: null, destination: null, node: null, link: null };
    for (const [by, found] of [
      [{ source: '10.1.0.2' }, [id, plain.id]],
      [{ source: '10.3.0.2' }, [id]],
      [{ source: '10.3.0.2', link: 'a:eth0' }, [id]],
      [{ source: '10.3.0.9' }, []],
      [{ node: 'c' }, [id]],
      [{ node: 'r' }, [id, plain.id]],
      [{ link: 'c:eth0' }, [id]],
      [{ link: 'r:eth2' }, []],
    ] as const) {
      for (const queries of [one.store.queries, down as unknown as typeof one.store.queries]) {
        const query = { ...filter, ...by, pageSize: 10, pageToken: null };
        const { items } = await listReservations(one.committer.books, queries, query);
        expect(items.map((each) => each.id).sort(), JSON.stringify(by)).toEqual([...found].sort());
      }
    }
  });

  test('ends when a link of any of its senders goes with the topology', async () => {
    const one = await replica();
    await storeTopology(one, fork());
    const { id } = await book(one, both(1 * M, 'sharedExplicit'));
    const whole = fork();
    const without = { ...whole, links: whole.links.filter(({ from, to }) => from.node !== 'c' && to.node !== 'c') };
    const replace = (force: boolean) => one.committer.replaceTopology(without, { ifMatch: '*', force, preview: false });
    expect((await refusalOf(replace(false))).details).toMatchObject({ links: ['c:eth0'], reservations: [id] });
    await replace(true);
    expect(await one.store.queries.find(id)).toMatchObject({ state: 'ended', endReason: 'released' });
  });
});

describe('replicas that book, change and release at the same time', () => {
  test('never overbook a link, and the rows add up to what every replica counts', async () => {
    const all = [await replica(), await replica(), await replica()];
    await storeTopology(all[0]!, fork());
    for (const each of all) await followed(each, all[0]!.committer.books.lastEvent);
    const outcomes: (Reservation | ControlError)[] = [];
    await Promise.all(
      all.map(async (each, seed) => {
        for (let round = 0; round < 12; round++) {
          const several = (seed + round) % 3 !== 0;
          const style = (['fixedFilter', 'sharedExplicit', 'wildcardFilter'] as const)[round % 3]!;
          const destination = end('10.2.0.2', 1_000 + (several ? seed * 100 + round : 900));
          const flow = { ...request(1).flow, destination };
          const asked = several ? both(4 * M, style, { flow }) : { ...request(7 * M), flow };
          const granted = await outcomeOf(book(each, asked));
          outcomes.push(granted);
          if (granted instanceof ControlError || round % 4 === 3) continue;
          const change = [{ qos: { tokenRateBitsPerSecond: 6 * M } }];
          const changed = await outcomeOf(each.committer.modify(granted.id, change, '*', null));
          if (round % 4 === 1 && !(changed instanceof ControlError)) {
            await each.committer.transition(granted.id, { type: 'releaseRequested', inOrder: true });
          }
        }
      }),
    );
    const codes = new Set(outcomes.map((each) => (each instanceof ControlError ? each.code : 'granted')));
    expect(codes).toContain('granted');
    expect(codes).toContain('BANDWIDTH_UNAVAILABLE');
    const rows = await sql<{ link: string; style: string; bits: string[] }>(
      `SELECT link, style, array_agg(booked) AS bits
         FROM (SELECT id, style, unnest(links) AS link, unnest(booked_bits_per_second) AS booked
                 FROM reservation WHERE counts_in_books
               UNION ALL
               SELECT id, style, hop->>'link', (hop->>'bookedBitsPerSecond')::bigint
                 FROM reservation, jsonb_array_elements(more_senders) AS sender,
                      jsonb_array_elements(sender->'path'->'hops') AS hop
                WHERE counts_in_books) AS held
        GROUP BY id, style, link`,
    );
    const sums = new Map<string, number>();
    for (const { link, style, bits } of rows) {
      const parts = bits.map(Number);
      const held = style === 'fixedFilter' ? parts.reduce((a, b) => a + b, 0) : parts[0]!;
      sums.set(link, (sums.get(link) ?? 0) + held);
    }
    const later = await replica();
    const last = later.committer.books.lastEvent;
    for (const each of [...all, later]) {
      await followed(each, last);
      for (const link of ['a:eth0', 'c:eth0', 'r:eth1']) expect(booked(each, link)).toBe(sums.get(link) ?? 0);
    }
    for (const sum of sums.values()) expect(sum).toBeLessThanOrEqual(100 * M);
    expect(sums.get('r:eth1')).toBeGreaterThan(80 * M);
  });
});

describe('a session', () => {
  const single = (more: Partial<ReservationRequest> = {}): ReservationRequest => ({
    ...request(1 * M, { port: 5_004 }),
    ...more,
  });
  const elsewhere = { flow: { ...request(1).flow, destination: end('10.2.0.2', 9) } };
  const anyPort = (ends: 'source' | 'destination'): ReservationRequest => {
    const { flow } = single();
    const source = { ...flow.source, port: null };
    const destination = ends === 'source' ? flow.destination : { ...flow.destination, port: null };
    return single({ flow: { ...flow, source, destination } });
  };
  const conflicts: readonly (readonly [string, ReservationRequest, ReservationRequest, string | null])[] = [
    ['several against one of its flows', both(1 * M, 'sharedExplicit'), single(), 'FLOW_CONFLICT'],
    ['one against several', single(), both(1 * M, 'fixedFilter'), 'FLOW_CONFLICT'],
    [
      'one in a shared style against another sender',
      single({ style: 'wildcardFilter' }),
      request(1 * M, { port: 7 }),
      'FLOW_CONFLICT',
    ],
    ['several of two styles', both(1 * M, 'sharedExplicit'), both(1 * M, 'wildcardFilter'), 'FLOW_CONFLICT'],
    ['the same several', both(1 * M, 'sharedExplicit'), both(1 * M, 'sharedExplicit'), 'ALREADY_EXISTS'],
    [
      'the same several in another order',
      both(1 * M, 'sharedExplicit'),
      both(1 * M, 'sharedExplicit', {
        flow: { ...single().flow, source: end('10.3.0.2') },
        moreSources: [end('10.1.0.2')],
      }),
      'ALREADY_EXISTS',
    ],
    ['two of one sender each, fixed', single(), request(1 * M, { port: 7 }), null],
    ['any source port beside a certain one', single(), anyPort('source'), 'FLOW_CONFLICT'],
    ['any destination port beside a certain one', single(), anyPort('destination'), 'FLOW_CONFLICT'],
    ['a certain destination port beside any', anyPort('destination'), single(), 'FLOW_CONFLICT'],
    ['any source port of another session', single(elsewhere), anyPort('source'), null],
    ['another destination port', both(1 * M, 'sharedExplicit'), both(1 * M, 'fixedFilter', elsewhere), null],
    [
      'another protocol',
      both(1 * M, 'sharedExplicit'),
      both(1 * M, 'fixedFilter', { flow: { ...single().flow, protocol: 'tcp' } }),
      null,
    ],
    [
      'windows that only touch',
      both(1 * M, 'sharedExplicit', { window: window(0, 1) }),
      single({ window: window(1, null) }),
      null,
    ],
    [
      'windows that overlap by a moment',
      both(1 * M, 'sharedExplicit', { window: window(0, 1) }),
      single({ window: window(0.99, null) }),
      'FLOW_CONFLICT',
    ],
  ];

  /** What became of both; the one that is refused names the other. */
  function expectOutcome(
    first: Reservation | ControlError,
    second: Reservation | ControlError,
    code: string | null,
  ): void {
    const refusals = [first, second].filter((each) => each instanceof ControlError);
    expect(refusals.map((each) => each.code)).toEqual(code === null ? [] : [code]);
    const granted = [first, second].find((each) => !(each instanceof ControlError)) as Reservation;
    for (const each of refusals) {
      expect(each.details).toEqual({ existing: granted.id });
      expect(each.message).toContain(granted.id);
    }
  }

  test.each(conflicts)('one after the other: %s', async (_, first, second, code) => {
    const one = await replica();
    await storeTopology(one, fork());
    const granted = await book(one, first);
    expectOutcome(granted, await outcomeOf(book(one, second)), code);
    if (code === null) return;
    expect((await refusalOf(one.committer.preview(second))).code).toBe(code);
    await one.committer.transition(granted.id, { type: 'releaseRequested', inOrder: true });
    expect(await outcomeOf(book(one, second))).toMatchObject({ state: expect.any(String) as string });
  });

  test.each(conflicts)('in one group: %s', async (_, first, second, code) => {
    const one = await replica();
    await storeTopology(one, fork());
    const [a, b] = await Promise.all([outcomeOf(book(one, first)), outcomeOf(book(one, second))]);
    expectOutcome(a, b, code);
  });

  test.each(conflicts)('by two replicas that do not hear of each other: %s', async (_, first, second, code) => {
    const one = await replica(deaf);
    await storeTopology(one, fork());
    const two = await replica(deaf);
    const granted = await book(one, first);
    expectOutcome(granted, await outcomeOf(book(two, second)), code);
  });

  test('is told apart by the database itself, which two servers that decide at the same instant meet there', async () => {
    const [one, two] = [await replica(), await replica()];
    await storeTopology(one, fork());
    await followed(two, one.committer.books.lastEvent);
    for (let round = 0; round < 20; round++) {
      const flow = { ...single().flow, destination: end('10.2.0.2', 1_000 + round) };
      const [a, b] = await Promise.all([
        outcomeOf(book(one, both(1 * M, 'sharedExplicit', { flow }))),
        outcomeOf(book(two, single({ flow, moreSources: [] }))),
      ]);
      expectOutcome(a, b, 'FLOW_CONFLICT');
    }
  });
});
