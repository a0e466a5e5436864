import { once } from 'node:events';
import { connect, type AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { Control } from '../../../src/server/control/api.ts';
import { ControlError } from '../../../src/server/control/errors.ts';
import type { IpAddress } from '../../../src/core/base/ip.ts';
import { BitsPerSecond, EpochMs, Micros } from '../../../src/core/base/units.ts';
import { edgeControl, goodRequest, goodTopology, NOW, reservation, RESERVATION_ID } from '../edge-control.ts';
import { buildApp } from './app.ts';

const refusing = (error: ControlError): Partial<Control> => ({
  reserve: async () => {
    throw error;
  },
});

const book = (app: ReturnType<typeof buildApp>['app'], headers: Record<string, string> = {}, query = '') =>
  app.inject({ method: 'POST', url: `/v1/reservations${query}`, headers, payload: goodRequest() });

const several = () => {
  const { path } = reservation();
  return reservation({
    style: 'fixedFilter',
    moreSenders: [
      {
        source: { address: '10.3.0.2' as IpAddress, port: 5005 },
        path: { ...path, nodes: ['host-c', 'r1', 'host-b'], delayBoundMicros: Micros(9_000) },
        actualHops: [{ node: 'r1', interface: 'eth9', link: 'r1:eth9' }],
        nonRsvpHop: true,
        adspecDeviation: 'C 5 bytes instead of 4',
      },
    ],
  });
};

describe('a reservation', () => {
  it('is answered with 201, Location, ETag and the form of the contract', async () => {
    const { app } = buildApp();
    const response = await book(app);
    expect(response.statusCode).toBe(201);
    expect(response.headers['location']).toBe(`/v1/reservations/${RESERVATION_ID}`);
    expect(response.headers['etag']).toBe('"7"');
    expect(response.json()).toEqual({
      id: RESERVATION_ID,
      name: 'camera-3-to-studio',
      labels: { job: '42' },
      state: 'establishing',
      stateReason: null,
      flow: goodRequest().flow,
      qos: goodRequest().qos,
      window: { start: '2026-11-22T10:00:00.000Z', end: '2026-11-22T12:00:00.000Z' },
      paths: [
        {
          role: 'forward',
          source: '10.1.0.2',
          pinning: 'routed',
          explicitRoute: [],
          bookedBitsPerSecond: 27_734_375,
          delayBoundMicros: 17_000,
          hops: [
            { node: 'host-a', interface: 'eth0', link: 'host-a:eth0', bookedBitsPerSecond: 27_734_375 },
            { node: 'r1', interface: 'eth1', link: 'r1:eth1', bookedBitsPerSecond: 27_000_000 },
          ],
          actualHops: [{ node: 'host-a', interface: 'eth0', link: 'host-a:eth0' }],
          deviation: null,
          nonRsvpHop: false,
          adspecDeviation: null,
          enforcement: 'kernel',
        },
      ],
      signaling: { style: 'fixedFilter', confirmedAt: '2026-11-22T10:00:00.012Z' },
      change: null,
      endReason: null,
      failure: null,
      createdAt: '2026-11-22T10:00:00.000Z',
      updatedAt: '2026-11-22T10:00:00.013Z',
      etag: '7',
    });
  });

  it('of several senders has sources instead of source, and a path for each of them', async () => {
    const { app } = buildApp({
      control: edgeControl({ reserve: async () => ({ reservation: several(), replayed: false }) }),
    });
    const { source, ...flow } = goodRequest().flow;
    const payload = { ...goodRequest(), flow: { ...flow, sources: [source] }, signaling: { style: 'fixedFilter' } };
    const response = await app.inject({ method: 'POST', url: '/v1/reservations', payload });
    expect(response.statusCode).toBe(201);
    const body = response.json<{ flow: object; paths: object[]; signaling: object }>();
    expect(body.flow).toEqual({
      protocol: 'udp',
      sources: [
        { address: '10.1.0.2', port: 5004 },
        { address: '10.3.0.2', port: 5005 },
      ],
      destination: { address: '10.2.0.2', port: null },
    });
    expect(body.paths).toMatchObject([
      { role: 'forward', source: '10.1.0.2', delayBoundMicros: 17_000, deviation: null, nonRsvpHop: false },
      {
        ...{
          role: 'forward',
          source: '10.3.0.2',
          delayBoundMicros: 9_000,
          nonRsvpHop: true,
          adspecDeviation: 'C 5 bytes instead of 4',
        },
        ...{ bookedBitsPerSecond: 27_734_375, actualHops: [{ link: 'r1:eth9' }] },
        deviation: 'r1 sends over r1:eth9 instead of r1:eth1',
      },
    ]);
    expect(body.signaling).toMatchObject({ style: 'fixedFilter' });
  });

  it('with validateOnly is 200 and has neither id nor etag', async () => {
    const { app, control } = buildApp();
    const response = await book(app, {}, '?validateOnly=true');
    expect(response.statusCode).toBe(200);
    expect(response.json()).not.toHaveProperty('id');
    expect(response.json()).not.toHaveProperty('etag');
    expect(response.headers).not.toHaveProperty('location');
    expect(control.calls[0]!.args[1]).toEqual({ validateOnly: true, idempotencyKey: null });
  });

  it.each([
    ['"a\\"b"', 'a"b'],
    ['bare-key', 'bare-key'],
  ])('takes Idempotency-Key %s', async (header, key) => {
    const { app, control } = buildApp();
    expect((await book(app, { 'idempotency-key': header })).statusCode).toBe(201);
    expect(control.calls[0]!.args[1]).toEqual({ validateOnly: false, idempotencyKey: key });
  });

  it('is released with 204, also by clients that send a content type without a body', async () => {
    const { app } = buildApp();
    const url = `/v1/reservations/${RESERVATION_ID}`;
    expect((await app.inject({ method: 'DELETE', url })).statusCode).toBe(204);
    const headers = { 'content-type': 'application/json' };
    expect((await app.inject({ method: 'DELETE', url, headers })).statusCode).toBe(204);
    expect((await app.inject({ method: 'DELETE', url: '/v1/reservations/other' })).statusCode).toBe(404);
  });
});

describe('a refusal', () => {
  it('carries every reason and alternative, times as text', async () => {
    const error = new ControlError('BANDWIDTH_UNAVAILABLE', 'r1:eth1 is full', {
      reasons: [
        {
          reason: 'BANDWIDTH_UNAVAILABLE',
          link: 'r1:eth1',
          requestedBitsPerSecond: BitsPerSecond(20),
          availableBitsPerSecond: BitsPerSecond(5),
          interval: { start: NOW, end: null },
          conflicting: [RESERVATION_ID],
        },
        { reason: 'AGENT_UNREACHABLE', node: 'r1', lastSeenAt: EpochMs(NOW - 1000) },
      ],
      alternatives: [{ kind: 'path', needs: 'PINNING', obstacles: [], hops: [], delayBoundMicros: null }],
      details: { reservationId: RESERVATION_ID },
    });
    const { app } = buildApp({ control: edgeControl(refusing(error)) });
    const response = await book(app);
    expect(response.statusCode).toBe(409);
    expect(response.headers['content-type']).toBe('application/problem+json');
    expect(response.json()).toEqual({
      type: 'urn:headroom:error:BANDWIDTH_UNAVAILABLE',
      title: 'Not enough bandwidth is free',
      status: 409,
      detail: 'r1:eth1 is full',
      instance: '/v1/reservations',
      code: 'BANDWIDTH_UNAVAILABLE',
      retryable: false,
      reasons: [
        {
          reason: 'BANDWIDTH_UNAVAILABLE',
          link: 'r1:eth1',
          requestedBitsPerSecond: 20,
          availableBitsPerSecond: 5,
          interval: { start: '2026-11-22T10:00:00.000Z', end: null },
          conflicting: [RESERVATION_ID],
        },
        { reason: 'AGENT_UNREACHABLE', node: 'r1', lastSeenAt: '2026-11-22T09:59:59.000Z' },
      ],
      alternatives: [{ kind: 'path', needs: 'PINNING', obstacles: [], hops: [], delayBoundMicros: null }],
      fields: [],
      reservationId: RESERVATION_ID,
    });
  });

  it('because the database is away is a 503 with Retry-After', async () => {
    const error = new ControlError('UNAVAILABLE', 'The database does not answer', { retryAfterSeconds: 2 });
    const { app } = buildApp({ control: edgeControl(refusing(error)) });
    const response = await book(app);
    expect(response.statusCode).toBe(503);
    expect(response.headers['retry-after']).toBe('2');
    expect(response.json()).toMatchObject({ code: 'UNAVAILABLE', retryable: true });
  });
});

describe('paths and methods', () => {
  it.each([
    '/nothing',
    '/v1',
    '/v1/reservations:batchx',
    '/v1/topologyimport',
    '/v1/topology:importx',
    '/v1/links/a/b',
  ])('%s is a 404 whatever its body is', async (url) => {
    const { app } = buildApp();
    const headers = { 'content-type': 'application/xml' };
    const response = await app.inject({ method: 'POST', url, headers, payload: '<a/>' });
    expect(response.statusCode).toBe(404);
    expect(response.json()).toMatchObject({ code: 'NOT_FOUND', instance: url });
  });

  it.each([
    ['PATCH', '/v1/topology', 'GET, HEAD, PUT'],
    ['DELETE', '/v1/reservations', 'GET, HEAD, POST'],
    ['POST', `/v1/reservations/${RESERVATION_ID}`, 'DELETE, GET, HEAD, PATCH'],
    ['GET', '/v1/topology:import', 'POST'],
    ['OPTIONS', '/v1/nodes', 'GET, HEAD'],
    ['POST', '/v1/events', 'GET'],
    ['POST', '/healthz', 'GET, HEAD'],
    ['PROPFIND', '/v1/nodes', 'GET, HEAD'],
    ['QUERY', '/v1/reservations', 'GET, HEAD, POST'],
  ] as const)('%s %s is a 405 with Allow: %s', async (method, url, allow) => {
    const { app } = buildApp();
    const headers = { 'content-type': 'application/xml' };
    const response = await app.inject({ method, url, headers, payload: '<a/>' });
    expect(response.statusCode).toBe(405);
    expect(response.headers['allow']).toBe(allow);
    expect(response.json()).toMatchObject({ code: 'METHOD_NOT_ALLOWED' });
  });

  it('HEAD answers as GET without a body', async () => {
    const { app } = buildApp();
    const response = await app.inject({ method: 'HEAD', url: '/v1/version' });
    expect(response.statusCode).toBe(200);
    expect(response.body).toBe('');
  });
});

describe('a topology', () => {
  it('can be put, read with its ETag and put back as it was read', async () => {
    const { app, control } = buildApp();
    const put = await app.inject({ method: 'PUT', url: '/v1/topology?force=true', payload: goodTopology() });
    expect(put.statusCode).toBe(200);
    expect(put.json()).toMatchObject({
      etag: '2',
      changes: { nodesAdded: ['a', 'b'], linksAdded: ['a:eth0', 'b:eth0'] },
    });
    expect(control.calls[0]!.args[1]).toEqual({ ifMatch: null, force: true, validateOnly: false });

    const got = await app.inject('/v1/topology');
    expect(got.headers['etag']).toBe('"1"');
    const headers = { 'if-match': String(got.headers['etag']) };
    const again = await app.inject({ method: 'PUT', url: '/v1/topology', headers, payload: got.json() });
    expect(again.statusCode).toBe(200);
    expect(again.json<{ topology: unknown }>().topology).toEqual(got.json());
    expect(control.calls.at(-1)!.args[1]).toMatchObject({ ifMatch: '"1"' });
  });

  it('If-Match: * stands for what is stored', async () => {
    const { app, control } = buildApp();
    const headers = { 'if-match': '*' };
    await app.inject({ method: 'PUT', url: '/v1/topology', headers, payload: goodTopology() });
    expect(control.calls.at(-1)!.args[1]).toMatchObject({ ifMatch: '*' });
  });

  it.each(['application/xml', 'text/xml', 'application/graphml+xml', 'application/yaml', 'text/yaml', 'text/plain'])(
    'is imported as it comes, as %s',
    async (type) => {
      const { app, control } = buildApp();
      const text = JSON.stringify(goodTopology());
      const response = await app.inject({
        method: 'POST',
        url: '/v1/topology:import?format=graphml&validateOnly=true&defaultCapacityBitsPerSecond=1000000&addressPool=10.128.0.0/9',
        headers: { 'content-type': `${type}; charset=utf-8` },
        payload: text,
      });
      expect(response.statusCode).toBe(200);
      expect(control.calls[0]!.args).toEqual([
        text,
        'graphml',
        {
          ifMatch: null,
          force: false,
          validateOnly: true,
          defaultCapacityBitsPerSecond: 1_000_000,
          addressPool: '10.128.0.0/9',
        },
      ]);
    },
  );

  it('is not imported in a format that is not known, or of another type', async () => {
    const { app } = buildApp();
    const send = (query: string, type: string) =>
      app.inject({
        method: 'POST',
        url: `/v1/topology:import${query}`,
        headers: { 'content-type': type },
        payload: 'x',
      });
    expect((await send('?format=visio', 'text/plain')).statusCode).toBe(400);
    expect((await send('', 'text/plain')).statusCode).toBe(400);
    expect((await send('?format=graphml', 'application/pdf')).statusCode).toBe(415);
    expect((await send('?format=graphml&defaultCapacityBitsPerSecond=0', 'text/plain')).statusCode).toBe(400);
  });

  it('links are found by ids with a colon, raw or percent-encoded', async () => {
    const { app } = buildApp();
    await app.inject({ method: 'PUT', url: '/v1/topology', payload: goodTopology() });
    for (const id of ['a:eth0', 'a%3Aeth0']) {
      const response = await app.inject(`/v1/links/${id}`);
      expect(response.json()).toMatchObject({ id: 'a:eth0', reservableBitsPerSecond: 75_000_000 });
    }
    expect((await app.inject('/v1/links')).json<{ items: unknown[] }>().items).toHaveLength(2);
    expect((await app.inject('/v1/nodes/a')).json()).toMatchObject({ name: 'a', agentState: null });
    expect((await app.inject('/v1/nodes')).json<{ items: unknown[] }>().items).toHaveLength(2);
  });
});

describe('agents', () => {
  it('are shown with what they reported', async () => {
    const { app } = buildApp();
    expect((await app.inject('/v1/agents')).json()).toMatchObject({ items: [{ id: 'r1' }] });
    expect((await app.inject('/v1/agents/r1')).json()).toMatchObject({
      lastSeenAt: '2026-11-22T10:00:00.000Z',
      routes: [{ destination: '10.2.0.0/24', gateway: null }],
    });
    expect((await app.inject('/v1/agents/r1/rsvp')).json()).toEqual({ pathStates: [], reservationStates: [] });
  });
});

describe('operations', () => {
  it('readiness is 503 while the database is away', async () => {
    const ready = buildApp();
    expect((await ready.app.inject('/readyz')).statusCode).toBe(200);
    const control = edgeControl({
      readiness: async () => ({ ready: false, database: 'unreachable', migrations: 'ok', warnings: [] }),
    });
    const away = buildApp({ control });
    const response = await away.app.inject('/readyz');
    expect(response.statusCode).toBe(503);
    expect(response.json()).toMatchObject({ ready: false, database: 'unreachable' });
  });

  it('calls are counted by operation and code', async () => {
    const { app, metrics } = buildApp();
    metrics.observe({ reservationsByState: () => new Map([['active', 3]]), agentsConnected: () => 2 });
    await book(app);
    await app.inject('/v1/reservations/other');
    const response = await app.inject('/metrics');
    expect(response.headers['content-type']).toContain('text/plain');
    expect(response.body).toContain('edge="http",operation="createReservation",code="OK"} 1');
    expect(response.body).toContain('headroom_refusals_total{edge="http",code="NOT_FOUND"} 1');
    expect(response.body).toContain('headroom_reservations{state="active"} 3');
    expect(response.body).toContain('headroom_agents_connected 2');
  });

  it('x-correlator is echoed and logged; without one, one is made', async () => {
    const { app, log } = buildApp();
    const response = await book(app, { 'x-correlator': 'order-66' });
    expect(response.headers['x-correlator']).toBe('order-66');
    expect(log.map((line) => JSON.parse(line) as unknown)).toContainEqual(
      expect.objectContaining({ correlator: 'order-66', operation: 'createReservation', status: 201, code: 'OK' }),
    );
    expect((await app.inject('/v1/version')).headers['x-correlator']).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('/ leads to the documentation, which needs no other site', async () => {
    const { app } = buildApp();
    expect((await app.inject('/')).headers['location']).toBe('/docs');
    const page = await app.inject('/docs/');
    const page2 = page.statusCode === 302 ? await app.inject(String(page.headers['location'])) : page;
    expect(page2.statusCode).toBe(200);
    const links = [...page2.body.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1]!);
    expect(links.length).toBeGreaterThan(3);
    for (const link of links) {
      const url = new URL(link, 'http://localhost/docs/');
      expect(url.host).toBe('localhost');
      expect((await app.inject(url.pathname)).statusCode).toBe(200);
    }
  });
});

describe('who may call', () => {
  const local = { token: null, loopbackOnly: true };
  const guarded = { token: 'correct-horse', loopbackOnly: false };

  it.each(['localhost:8080', '127.0.0.1:8080', '127.0.0.2', '[::1]:8080', 'LOCALHOST'])(
    'on loopback: Host %s may',
    async (host) => {
      const { app } = buildApp({ access: local });
      expect((await app.inject({ url: '/v1/nodes', headers: { host } })).statusCode).toBe(200);
    },
  );

  it.each(['evil.example', '127.0.0.1.evil.example', '10.0.0.1:8080', 'localhost.evil.example:8080', '@localhost'])(
    'on loopback: Host %s may not',
    async (host) => {
      const { app } = buildApp({ access: local });
      const response = await app.inject({ url: '/v1/nodes', headers: { host } });
      expect(response.statusCode).toBe(403);
      expect(response.json()).toMatchObject({ code: 'PERMISSION_DENIED', fields: [{ field: 'Host', value: host }] });
    },
  );

  it('on loopback: pages of this server may, others may not, and CORS is not spoken', async () => {
    const { app } = buildApp({ access: local });
    const from = (origin: string) => app.inject({ url: '/v1/nodes', headers: { host: 'localhost:8080', origin } });
    expect((await from('http://localhost:8080')).statusCode).toBe(200);
    for (const origin of ['http://evil.example', 'http://localhost:3000', 'null']) {
      const response = await from(origin);
      expect(response.statusCode).toBe(403);
      expect(response.headers).not.toHaveProperty('access-control-allow-origin');
    }
  });

  it.each([undefined, 'correct-horse', 'Bearer wrong', 'Basic correct-horse', 'Bearer', 'Bearer correct-horse x'])(
    'with a token: Authorization %s is a 401',
    async (authorization) => {
      const { app, control } = buildApp({ access: guarded });
      const response = await book(app, authorization === undefined ? {} : { authorization });
      expect(response.statusCode).toBe(401);
      expect(response.headers['www-authenticate']).toMatch(/^Bearer/);
      expect(response.json()).toMatchObject({ code: 'UNAUTHENTICATED' });
      expect(response.body).not.toContain('correct-horse');
      expect(control.calls).toEqual([]);
    },
  );

  it('agents are enrolled and revoked with a token only, on loopback, too', async () => {
    const call = (access: typeof local | typeof guarded, url: string, headers = {}) =>
      buildApp({ access }).app.inject({ method: 'POST', url, headers: { host: 'localhost', ...headers } });
    for (const verb of ['enrol', 'revoke']) {
      const without = await call(local, `/v1/agents/a:${verb}`);
      expect(without.statusCode).toBe(403);
      expect(without.json()).toMatchObject({
        code: 'PERMISSION_DENIED',
        detail: expect.stringContaining('HEADROOM_TOKEN'),
      });
      expect((await call(guarded, `/v1/agents/a:${verb}`)).statusCode).toBe(401);
      const unknown = await call(guarded, `/v1/agents/z:${verb}`, { authorization: 'Bearer correct-horse' });
      expect(unknown.statusCode).toBe(404);
    }
    const enrolled = await call(guarded, '/v1/agents/a:enrol', { authorization: 'Bearer correct-horse' });
    expect(enrolled.headers['cache-control']).toBe('no-store');
    expect(enrolled.json()).toEqual({
      node: 'a',
      token: 'hr1_x',
      expiresAt: '2026-11-22T10:00:00.000Z',
      server: 'control:7400',
      authorityFingerprint: '00',
    });
    const revoked = await call(guarded, '/v1/agents/a:revoke', { authorization: 'Bearer correct-horse' });
    expect(revoked.json()).toEqual({ certificates: 1 });
  });

  it('with a token: who has it may, under any Host; liveness is open', async () => {
    const { app } = buildApp({ access: guarded });
    const headers = { authorization: 'bearer correct-horse', host: 'headroom.example' };
    expect((await book(app, headers)).statusCode).toBe(201);
    expect((await app.inject('/healthz')).statusCode).toBe(200);
    expect((await app.inject('/readyz')).statusCode).toBe(200);
    expect((await app.inject('/metrics')).statusCode).toBe(401);
  });
});

it('says of what is read while the database is away that it may be old', async () => {
  const { app } = buildApp({ control: edgeControl({ isStale: () => true }) });
  const stale = async (url: string): Promise<unknown> => (await app.inject({ url })).headers['headroom-stale'];
  expect(await stale('/v1/links')).toBe('true');
  expect(await stale('/healthz')).toBeUndefined();
  const fresh = buildApp();
  expect((await fresh.app.inject({ url: '/v1/links' })).headers['headroom-stale']).toBeUndefined();
});

it('stops although someone has opened a connection and never asked anything', async () => {
  const { app } = buildApp();
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const accepted = once(app.server, 'connection');
  const socket = connect(port, '127.0.0.1');
  const ended = once(socket, 'close');
  await accepted;
  await app.close();
  await ended;
});
