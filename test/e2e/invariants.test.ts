import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestDatabase, type TestDatabase } from '../support/database.ts';
import type { Answer } from './headroom.ts';
import { ServerProcess, until } from './server-process.ts';
import {
  booking,
  Clients,
  line,
  LINKS_OF_PATH,
  overGrpc,
  overSse,
  postmasterOf,
  Rows,
  SHARE,
  Watcher,
} from './storm.ts';

/** The long form; see docs/testing.md. */
const FULL = process.env['FULL'] === '1';
const CLIENTS = 32;
const ROUNDS = FULL ? 12 : 1;
const ANSWERS_A_STEP = FULL ? 600 : 80;
const WIDE = 100_000_000;
const NARROW = 50_000_000;

/** One storm over two servers on one database; what it left behind is then held against each promise. */
describe('two servers that are killed again and again while clients fight for the last megabits', () => {
  let database: TestDatabase;
  let servers: readonly [ServerProcess, ServerProcess];
  let rows: Rows;
  let clients: Clients;
  let watchers: Watcher[];
  /** Bits per second that each stored topology lets be booked, by its tag. */
  const reservable = new Map<string, number>();
  const samples: { readonly booked: number; readonly shown: readonly ShownLink[] }[] = [];

  const store = async (server: ServerProcess, capacity: number): Promise<void> => {
    const { status, headers, body } = await server.call('PUT', '/v1/topology', line(capacity), { 'if-match': '*' });
    if (status !== 200) throw new Error(`PUT topology: ${status} ${JSON.stringify(body)}`);
    reservable.set(headers.get('etag')!, capacity * SHARE);
  };
  const sample = async (server: ServerProcess): Promise<void> => {
    const { body } = await server.call('GET', '/v1/links');
    samples.push({ booked: Math.max(0, ...(await rows.booked()).values()), shown: body.items as ShownLink[] });
  };

  beforeAll(async () => {
    database = await startTestDatabase();
    const url = await database.fresh();
    rows = await Rows.open(url);
    servers = await Promise.all([ServerProcess.start(url), ServerProcess.start(url)]);
    await store(servers[0], WIDE);
    watchers = [overSse, overSse, overGrpc].map((open) => new Watcher(servers, open));
    clients = new Clients(servers, CLIENTS);
    for (let round = 0; round < ROUNDS; round++) {
      for (const [victim, other] of [servers, [...servers].reverse()] as [ServerProcess, ServerProcess][]) {
        await clients.more(ANSWERS_A_STEP);
        await sample(victim);
        await victim.end('SIGKILL');
        await store(other, round % 2 === 0 ? NARROW : WIDE);
        await clients.more(ANSWERS_A_STEP);
        await sample(other);
        await victim.restart();
      }
      await Promise.all(servers.map((server) => server.end('SIGKILL')));
      await Promise.all(servers.map((server) => server.restart()));
    }
    await store(servers[0], WIDE);
    await clients.more(ANSWERS_A_STEP);
    await clients.stop();
    for (const server of servers) await sample(server);
  }, 1_800_000);
  afterAll(async () => {
    await clients?.stop();
    await Promise.all(watchers?.map((watcher) => watcher.stop()) ?? []);
    await Promise.all(servers?.map((server) => server.stop()) ?? []);
    await rows?.close();
    await database?.close();
  }, 60_000);

  it('the storm was one: grants, refusals and lost answers, and nobody was told anything odd', () => {
    expect(clients.odd).toEqual([]);
    for (const status of [201, 204, 409]) expect(clients.statuses.get(status)).toBeGreaterThan(20);
  });

  it('1: no grant in the order of the commits exceeds what was reservable then', async () => {
    const booked = new Map<string, number>();
    let limit = 0;
    let fullest = 0;
    for (const event of await rows.events()) {
      if (event.type === 'topology.replaced') limit = reservable.get(event.data.etag!)!;
      expect(limit, event.data.etag).toBeGreaterThan(0);
      for (const { link, bookedBitsPerSecond } of event.data.path?.hops ?? []) {
        const before = booked.get(link) ?? 0;
        if (event.type === 'reservation.created') {
          booked.set(link, before + bookedBitsPerSecond);
          expect(before + bookedBitsPerSecond, `event ${event.id} on ${link}`).toBeLessThanOrEqual(limit);
          fullest = Math.max(fullest, (before + bookedBitsPerSecond) / limit);
        } else if (event.type === 'reservation.ended') booked.set(link, before - bookedBitsPerSecond);
      }
    }
    expect(fullest).toBeGreaterThan(0.98);
    for (const [link, bits] of booked) expect((await rows.booked()).get(link) ?? 0).toBe(bits);
  });

  it('1: at sampled times rows and answers stay within the links, and show what a shrunk link has too much', () => {
    expect(samples.length).toBeGreaterThan(4);
    for (const { booked, shown } of samples) {
      expect(booked).toBeLessThanOrEqual(WIDE * SHARE);
      for (const link of shown) {
        expect(link.bookedBitsPerSecond - link.overbookedBitsPerSecond).toBeLessThanOrEqual(
          link.reservableBitsPerSecond,
        );
      }
    }
  });

  it('2: what was acknowledged is there once; what was not is there wholly or not at all', async () => {
    const ids = clients.attempts.flatMap(({ id }) => id ?? []);
    expect(new Set(ids).size).toBe(ids.length);
    const stored = await rows.ask<{ id: string; links: string[] }>('SELECT id, links FROM reservation');
    const keys = await rows.ask<{ key: string; id: string }>('SELECT key, reservation_id AS id FROM idempotency_key');
    const idOfKey = new Map(keys.map(({ key, id }) => [key.slice(key.lastIndexOf(' ') + 1), id]));
    expect(new Set(idOfKey.values())).toEqual(new Set(stored.map(({ id }) => id)));
    expect(idOfKey.size).toBe(stored.length);
    for (const { key, id, abandoned } of clients.attempts) {
      if (!abandoned) expect(idOfKey.get(key) ?? null, key).toBe(id);
    }
    const created = (await rows.events()).filter(({ type }) => type === 'reservation.created');
    expect(created.map(({ reservationId }) => reservationId).sort()).toEqual(stored.map(({ id }) => id).sort());
    const deltas = await rows.ask<{ link_id: string; id: string }>(
      'SELECT DISTINCT link_id, unnest(reservations) AS id FROM link_delta',
    );
    const onLink = new Set(deltas.map(({ link_id, id }) => `${link_id} ${id}`));
    for (const { id, links } of stored) {
      expect(links).toEqual(LINKS_OF_PATH);
      for (const link of links) expect(onLink.has(`${link} ${id}`)).toBe(true);
    }
  });

  it('2: the same key afterwards, at both servers at once, answers the same reservation', async () => {
    const granted = clients.attempts.filter(({ id }) => id !== null).slice(-40);
    await servers[0].end('SIGKILL');
    await servers[0].restart();
    for (const { key, body, id } of granted) {
      const headers = { 'idempotency-key': key };
      const answers = await Promise.all(
        [...servers, ...servers].map((server) => server.call('POST', '/v1/reservations', body, headers)),
      );
      for (const answer of answers) {
        expect([answer.status, answer.body.id]).toEqual([201, id]);
        expect(answer.headers.get('idempotency-replayed')).toBe('true');
      }
    }
    // Those who never heard: the first answer now is the answer for ever.
    for (const { key, body } of clients.attempts.filter(({ abandoned }) => abandoned).slice(-20)) {
      const headers = { 'idempotency-key': key };
      const answers = await Promise.all(
        [...servers, ...servers].map((server) => server.call('POST', '/v1/reservations', body, headers)),
      );
      const ids = new Set(answers.filter(({ status }) => status === 201).map((answer) => answer.body.id as string));
      expect(ids.size, JSON.stringify(answers.map(({ status }) => status))).toBeLessThanOrEqual(1);
    }
  }, 60_000);

  it('1: a link that shrinks below what is booked says so, admits nothing, and recovers by releases', async () => {
    const [one, two] = servers;
    const full: string[] = [];
    for (const rate of [8_000_000, 1_000_000, 100_000]) {
      for (;;) {
        const { status, body } = await one.call('POST', '/v1/reservations', booking(rate));
        if (status !== 201) break;
        full.push(body.id as string);
      }
    }
    await store(two, NARROW);
    const overbooked = async (server: ServerProcess): Promise<number> =>
      (await server.call('GET', '/v1/links/a:eth0')).body.overbookedBitsPerSecond as number;
    const booked = (await rows.booked()).get('a:eth0')!;
    expect(booked).toBeGreaterThan(NARROW * SHARE);
    expect(await overbooked(two)).toBe(booked - NARROW * SHARE);
    for (const server of [two, one]) {
      for (const path of ['/v1/reservations', '/v1/reservations?validateOnly=true']) {
        const { status, body } = await server.call('POST', path, booking(1_000));
        expect([status, body.code]).toEqual([409, 'BANDWIDTH_UNAVAILABLE']);
        expect(body.reasons[0]).toMatchObject({ link: 'a:eth0', availableBitsPerSecond: 0 });
      }
    }
    expect(await overbooked(one)).toBe(booked - NARROW * SHARE);
    for (const id of await liveIds(rows)) {
      const { status } = await one.call('POST', '/v1/reservations', booking(1_000));
      const room = NARROW * SHARE - (await rows.booked()).get('a:eth0')!;
      expect(status).toBe(room >= 0 ? 201 : 409);
      if (room >= 0) break;
      expect((await two.call('DELETE', `/v1/reservations/${id}`)).status).toBe(204);
    }
    expect(await overbooked(one)).toBe(0);
  }, 60_000);

  it('3: when everything is released, nothing is booked anywhere', async () => {
    const ids = await liveIds(rows);
    const answers = await Promise.all(
      ids.map((id, i) => servers[i % 2]!.call('DELETE', `/v1/reservations/${id}`).then(({ status }) => status)),
    );
    expect(new Set(answers)).toEqual(new Set([204]));
    expect(await liveIds(rows)).toEqual([]);
    expect([...(await rows.booked()).values()]).toEqual([]);
    for (const server of servers) {
      // A refusal or preview is compared with the database first, so this one has followed.
      expect((await server.call('POST', '/v1/reservations?validateOnly=true', booking(1_000))).status).toBe(200);
      const { body } = await server.call('GET', '/v1/links');
      for (const link of body.items as ShownLink[]) expect(link.bookedBitsPerSecond).toBe(0);
    }
    await servers[1].end('SIGKILL');
    await servers[1].restart();
    const { body } = await servers[1].call('GET', '/v1/links');
    for (const link of body.items as ShownLink[]) expect(link.bookedBitsPerSecond).toBe(0);
  }, 60_000);

  it('6: watchers that were cut and whose servers were killed have seen every event once, in order, without gaps', async () => {
    const stored = (await rows.events()).map(({ id, type, reservationId }) => ({ id, type, reservationId }));
    expect(stored.map(({ id }) => id)).toEqual(stored.map((_, i) => String(i + 1)));
    for (const watcher of watchers) {
      await watcher.reached(BigInt(stored.length));
      await watcher.stop();
      expect(watcher.cuts).toBeGreaterThan(10);
      expect(watcher.seen).toEqual(stored);
    }
  }, 60_000);
});

describe('a server whose own database is killed', () => {
  let server: ServerProcess;
  beforeAll(async () => {
    server = await ServerProcess.start(null);
    expect((await server.call('PUT', '/v1/topology', line(WIDE))).status).toBe(200);
  });
  afterAll(() => server?.stop());

  const hasAnother = (killed: number): boolean => {
    try {
      return postmasterOf(server) !== killed;
    } catch {
      return false;
    }
  };

  it('says 503 to changes, goes on answering what it knows, and recovers with everything it has acknowledged', async () => {
    const kept: string[] = [];
    let told = 0;
    for (let round = 0; round < (FULL ? 5 : 2); round++) {
      const key = `database-${round}`;
      const body = booking(1_000_000);
      const { status, body: booked } = await server.call('POST', '/v1/reservations', body, { 'idempotency-key': key });
      expect(status).toBe(201);
      kept.push(booked.id as string);
      const killed = postmasterOf(server);
      process.kill(killed, 'SIGKILL');

      const refusals: Answer[] = [];
      await until('bookings are taken again', 60_000, async () => {
        const answer = await server.call('POST', '/v1/reservations', booking(10_000));
        if (answer.status === 201) kept.push(answer.body.id as string);
        else refusals.push(answer);
        // Sessions outlive the postmaster by a moment; another may be there before anything has been refused.
        if (answer.status === 201) return refusals.length > 0 || hasAnother(killed);
        const [one, list, links] = await Promise.all([
          server.call('GET', `/v1/reservations/${kept[0]}`),
          server.call('GET', '/v1/reservations?pageSize=500'),
          server.call('GET', '/v1/links'),
        ]);
        expect([one.status, list.status, links.status]).toEqual([200, 200, 200]);
        expect(list.body.items.map((item: { id: string }) => item.id)).toEqual(expect.arrayContaining(kept));
        return false;
      });
      told += refusals.length;
      for (const refusal of refusals) {
        expect([refusal.status, refusal.body.code]).toEqual([503, 'UNAVAILABLE']);
        expect(Number(refusal.headers.get('retry-after'))).toBeGreaterThan(0);
      }
      const again = await server.call('POST', '/v1/reservations', body, { 'idempotency-key': key });
      expect([again.status, again.body.id]).toEqual([201, booked.id]);
      expect((await server.call('GET', '/readyz')).status).toBe(200);
    }
    expect(told).toBeGreaterThan(0);
    const { body } = await server.call('GET', '/v1/reservations?pageSize=500');
    expect(body.items.map((item: { id: string }) => item.id)).toEqual(expect.arrayContaining(kept));
    await until('answers count as fresh again', 10_000, async () => {
      return (await server.call('GET', '/v1/links')).headers.get('headroom-stale') === null;
    });
  }, 120_000);
});

describe('7: every refusal says why', () => {
  let server: ServerProcess;
  const limit = WIDE * SHARE;
  beforeAll(async () => {
    server = await ServerProcess.start(null);
    const island = { name: 'island', agent: 'none', interfaces: [{ name: 'eth0', addresses: ['10.9.0.2/24'] }] };
    const { nodes, cables } = line(WIDE);
    expect((await server.call('PUT', '/v1/topology', { nodes: [...nodes, island], cables })).status).toBe(200);
  });
  afterAll(() => server?.stop());

  const refused = async (body: unknown, headers: Record<string, string> = {}): Promise<Answer> => {
    const answer = await server.call('POST', '/v1/reservations', body, headers);
    expect(answer.headers.get('content-type'), JSON.stringify(answer.body)).toContain('application/problem+json');
    expect(answer.body).toMatchObject({
      status: answer.status,
      code: expect.any(String),
      retryable: expect.any(Boolean),
    });
    expect(answer.body.detail.length).toBeGreaterThan(10);
    return answer;
  };

  it('with link, figures, interval, who is in the way and what would fit, for whatever is asked', async () => {
    const live = new Map<string, number>();
    const hour = 3_600_000;
    const now = Date.now() + hour;
    const random = seeded(7);
    let refusals = 0;
    for (let i = 0; i < (FULL ? 1_500 : 200); i++) {
      const start = now + Math.floor(random() * 5) * hour;
      const window = {
        start: new Date(start).toISOString(),
        end: random() < 0.2 ? null : new Date(start + (1 + Math.floor(random() * 4)) * hour).toISOString(),
      };
      const asked = booking(1_000_000 + Math.floor(random() * 40_000_000), { window });
      const path = '/v1/reservations';
      const preview = await server.call('POST', `${path}?validateOnly=true`, asked);
      const answer = await server.call('POST', path, asked);
      expect(preview.status).toBe(answer.status === 201 ? 200 : answer.status);
      if (answer.status === 201) {
        live.set(answer.body.id as string, answer.body.paths[0].bookedBitsPerSecond as number);
        continue;
      }
      refusals++;
      const { code, reasons, alternatives } = answer.body;
      expect([answer.status, code, answer.body.retryable]).toEqual([409, 'BANDWIDTH_UNAVAILABLE', false]);
      expect(reasons.map((reason: { link: string }) => reason.link)).toEqual(LINKS_OF_PATH);
      for (const { requestedBitsPerSecond, availableBitsPerSecond, interval, conflicting } of reasons) {
        expect(requestedBitsPerSecond).toBeGreaterThan(availableBitsPerSecond);
        expect(availableBitsPerSecond).toBeGreaterThanOrEqual(0);
        expect(Date.parse(interval.start as string)).toBeGreaterThanOrEqual(start);
        if (window.end !== null) expect(Date.parse(interval.end as string)).toBeLessThanOrEqual(Date.parse(window.end));
        const held = conflicting.reduce((sum: number, id: string) => sum + live.get(id)!, 0);
        expect(held).toBeGreaterThan(limit - requestedBitsPerSecond);
      }
      for (const { kind, tokenRateBitsPerSecond } of alternatives) {
        expect(kind).toBe('rate');
        const fits = async (rate: number) =>
          (
            await server.call('POST', `${path}?validateOnly=true`, {
              ...asked,
              qos: { ...asked.qos, tokenRateBitsPerSecond: rate },
            })
          ).status;
        expect([await fits(tokenRateBitsPerSecond), await fits(tokenRateBitsPerSecond + 8)]).toEqual([200, 409]);
      }
    }
    expect(refusals).toBeGreaterThan(20);
  }, 120_000);

  it('by its own code, with what tells this kind from others', async () => {
    const asked = booking(10_000, { name: 'taken', window: { start: '2099-01-01T00:00:00Z', end: null } });
    const taken = { ...asked, flow: { ...asked.flow, destination: { address: '10.2.0.2', port: 4242 } } };
    const { body: first } = await server.call('POST', '/v1/reservations', taken, { 'idempotency-key': 'k-7' });
    const from = (qos: object, flow: object = {}) => {
      const body = booking(10_000);
      return { ...body, flow: { ...body.flow, ...flow }, qos: { ...body.qos, ...qos } };
    };
    const guaranteed = { serviceType: 'guaranteed', maxDelayMicros: 1 };
    const kinds: [unknown, number, string, object, Record<string, string>?][] = [
      [from({ maxPacketBytes: 9_000 }), 409, 'MTU_TOO_SMALL', { reasons: [{ link: 'a:eth0', mtuBytes: 1500, requestedBytes: 9_000 }, {}] }],
      [from(guaranteed), 409, 'DELAY_BOUND_UNREACHABLE', { reasons: [{ requestedMicros: 1, smallestMicros: expect.any(Number) }] }],
      [from({}, { destination: { address: '10.9.0.2', port: 1 } }), 409, 'NO_PATH', { reasons: [{ source: 'a', destination: 'island' }] }],
      [from({}, { source: { address: '192.0.2.1', port: 1 } }), 422, 'UNKNOWN_ENDPOINT', { fields: [{ field: 'flow.source.address', value: '192.0.2.1' }] }],
      [{ ...taken, name: 'other' }, 409, 'ALREADY_EXISTS', { existing: first.id }],
      [{ ...booking(10_000), name: 'taken' }, 409, 'ALREADY_EXISTS', { existing: first.id }],
      [{ ...taken, name: null, flow: { ...taken.flow, source: { address: '10.1.0.2' } } }, 409, 'FLOW_CONFLICT', { existing: first.id }],
      [booking(10_000), 422, 'IDEMPOTENCY_KEY_REUSED', {}, { 'idempotency-key': 'k-7' }],
      [from({ tokenRateBitsPerSecond: -1 }), 400, 'OUT_OF_RANGE', { fields: [{ field: 'qos.tokenRateBitsPerSecond', value: -1 }] }],
      [from({ colour: 'red' }), 400, 'INVALID_ARGUMENT', { fields: [{ field: 'qos.colour' }] }],
    ]; // prettier-ignore
    for (const [body, status, code, more, headers] of kinds) {
      const answer = await refused(body, headers);
      expect([answer.status, answer.body.code], JSON.stringify(answer.body)).toEqual([status, code]);
      expect(answer.body).toMatchObject(more);
    }
    const missing = await server.call('PUT', '/v1/topology', line(WIDE));
    expect([missing.status, missing.body.code]).toEqual([428, 'ETAG_REQUIRED']);
    const other = await server.call('PUT', '/v1/topology', line(WIDE), { 'if-match': '"t999"' });
    expect([other.status, other.body.code, other.body.detail]).toEqual([
      412,
      'CONCURRENT_UPDATE',
      expect.stringContaining('t999'),
    ]);
    const gone = await server.call('PUT', '/v1/topology', { nodes: [], links: [] }, { 'if-match': '*' });
    expect([gone.status, gone.body.code]).toEqual([409, 'INCOMPATIBLE_STATE']);
    expect(gone.body.links).toEqual(LINKS_OF_PATH);
    expect(gone.body.reservations).toContain(first.id);
  }, 30_000);
});

/** Numbers from 0 to 1 that are the same in every run (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

interface ShownLink {
  readonly bookedBitsPerSecond: number;
  readonly reservableBitsPerSecond: number;
  readonly overbookedBitsPerSecond: number;
}

const liveIds = async (rows: Rows): Promise<string[]> =>
  (await rows.ask<{ id: string }>("SELECT id FROM reservation WHERE state <> 'ended' ORDER BY id")).map(({ id }) => id);
