import { request as httpRequest } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { edgeControl, goodRequest, goodTopology, NOW, RESERVATION_ID } from '../edge-control.ts';
import { buildApp } from './app.ts';

type Json = Record<string, unknown>;

const post = (app: ReturnType<typeof buildApp>['app'], payload: unknown, headers: Record<string, string> = {}) =>
  app.inject({
    method: 'POST',
    url: '/v1/reservations',
    headers: { 'content-type': 'application/json', ...headers },
    payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
  });

/** The good request with one place set; `undefined` removes it. */
function changed(path: string, value: unknown): Json {
  const request = goodRequest() as Json;
  const steps = path.split('.');
  const last = steps.pop()!;
  const holder = steps.reduce((at, step) => at[step] as Json, request);
  if (value === undefined) delete holder[last];
  else holder[last] = value;
  return request;
}

describe('a request that is wrong in one field', () => {
  const app = () => buildApp().app;

  it.each([
    ['flow', undefined, 'INVALID_ARGUMENT', 'missing'],
    ['flow.source', undefined, 'INVALID_ARGUMENT', 'missing'],
    ['flow.source.address', undefined, 'INVALID_ARGUMENT', 'missing'],
    ['flow.source.address', '10.1.0.256', 'INVALID_ARGUMENT', '10.1.0.256'],
    ['flow.source.address', 5, 'INVALID_ARGUMENT', 5],
    ['flow.source.port', '5004', 'INVALID_ARGUMENT', '5004'],
    ['flow.source.port', 65_536, 'OUT_OF_RANGE', 65_536],
    ['flow.source.port', 0, 'OUT_OF_RANGE', 0],
    ['flow.source.port', -1, 'OUT_OF_RANGE', -1],
    ['flow.source.port', 1.5, 'INVALID_ARGUMENT', 1.5],
    ['flow.source.prot', 5004, 'INVALID_ARGUMENT', 5004],
    ['flow.protocol', 'sctp', 'INVALID_ARGUMENT', 'sctp'],
    ['flow.sources', [{ address: '10.1.0.2', port: 1 }], 'INVALID_ARGUMENT', 'an array of 1'],
    ['flow.sources', null, 'INVALID_ARGUMENT', null],
    ['flow.sources', { address: '10.1.0.2' }, 'INVALID_ARGUMENT', 'an object'],
    ['signaling', 'fixedFilter', 'INVALID_ARGUMENT', 'fixedFilter'],
    ['signaling', { style: 'SE' }, 'INVALID_ARGUMENT', undefined],
    ['signaling', { style: 7 }, 'INVALID_ARGUMENT', undefined],
    ['signaling', { confirmedAt: null }, 'INVALID_ARGUMENT', undefined],
    ['qos.serviceType', 'bestEffort', 'INVALID_ARGUMENT', 'bestEffort'],
    ['qos.tokenRateBitsPerSecond', undefined, 'INVALID_ARGUMENT', 'missing'],
    ['qos.tokenRateBitsPerSecond', 0, 'OUT_OF_RANGE', 0],
    ['qos.tokenRateBitsPerSecond', -5, 'OUT_OF_RANGE', -5],
    ['qos.tokenRateBitsPerSecond', 1e30, 'OUT_OF_RANGE', 1e30],
    ['qos.tokenRateBitsPerSecond', null, 'INVALID_ARGUMENT', null],
    ['qos.tokenRateBitsPerSecond', '25M', 'INVALID_ARGUMENT', '25M'],
    ['qos.tokenRateBitsPerSecond', [25], 'INVALID_ARGUMENT', 'an array of 1'],
    ['qos.peakRateBitsPerSecond', 1000, 'OUT_OF_RANGE', 1000],
    ['qos.tokenBucketBytes', 100, 'OUT_OF_RANGE', 100],
    ['qos.colour', 'red', 'INVALID_ARGUMENT', 'red'],
    ['window.end', '2026-11-22T09:00:00Z', 'OUT_OF_RANGE', '2026-11-22T09:00:00Z'],
    ['window.end', 'tomorrow', 'INVALID_ARGUMENT', 'tomorrow'],
    ['window.end', 1763805600, 'INVALID_ARGUMENT', 1763805600],
    ['labels.job', 42, 'INVALID_ARGUMENT', 42],
    ['labels', [], 'INVALID_ARGUMENT', 'an array of 0'],
    ['name', 7, 'INVALID_ARGUMENT', 7],
    ['priority', 7, 'INVALID_ARGUMENT', 7],
  ])('%s = %j is refused with %s, field and value', async (path, value, code, shown) => {
    const response = await post(app(), changed(path, value));
    expect(response.statusCode).toBe(400);
    expect(response.headers['content-type']).toBe('application/problem+json');
    const problem = response.json<Json>();
    expect(problem).toMatchObject({ code, status: 400, retryable: false, reasons: [], alternatives: [] });
    if (shown !== undefined) {
      expect(problem['fields']).toContainEqual(expect.objectContaining({ field: path, value: shown }));
    } else expect((problem['fields'] as { field: string }[])[0]!.field).toMatch(new RegExp(`^${path}\\.`));
  });

  it.each([
    [[], 'OUT_OF_RANGE', 'flow.sources', 0],
    [[{ address: '10.1.0.2', port: 1 }, { address: '10.3.0.2' }], 'INVALID_ARGUMENT', 'flow.sources[1].port', null],
    [[{ address: '10.1.0.2', port: 70_000 }], 'OUT_OF_RANGE', 'flow.sources[0].port', 70_000],
    [[{ address: '10.1.0.2', port: 1 }, { port: 1 }], 'INVALID_ARGUMENT', 'flow.sources[1].address', 'missing'],
    [[{ address: '10.1.0.2', port: 1 }, 'b'], 'INVALID_ARGUMENT', 'flow.sources[1]', 'b'],
    [
      [
        { address: '10.1.0.2', port: 1 },
        { address: '10.1.0.2', port: 1 },
      ],
      'OUT_OF_RANGE',
      'flow.sources[1].port',
      1,
    ],
  ])('flow.sources = %j is refused with %s at %s', async (sources, code, field, value) => {
    const { source: _, ...flow } = goodRequest().flow;
    const response = await post(app(), { ...goodRequest(), flow: { ...flow, sources } });
    expect(response.statusCode).toBe(400);
    const problem = response.json<Json>();
    expect(problem).toMatchObject({ code, status: 400 });
    expect(problem['fields']).toContainEqual(expect.objectContaining({ field, value }));
  });

  it('equal end points are refused', async () => {
    const request = goodRequest();
    request.flow.destination = { ...request.flow.source };
    expect((await post(app(), request)).statusCode).toBe(400);
  });
});

describe('a body that is none', () => {
  it.each([
    ['broken JSON', '{"flow":'],
    ['a number that JSON does not have', '{"qos":{"tokenRateBitsPerSecond":NaN}}'],
    ['nothing', ''],
    ['null', 'null'],
    ['an array', '[]'],
    ['a text', '"reserve"'],
    ['prototype poisoning', '{"__proto__":{"polluted":true}}'],
    ['prototype poisoning inside', '{"labels":{"__proto__":{"polluted":true}}}'],
    ['constructor poisoning', '{"constructor":{"prototype":{"polluted":true}}}'],
    ['deep nesting', `{"flow":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
    ['a number beyond all numbers', '{"qos":{"tokenRateBitsPerSecond":1e400}}'],
  ])('%s is a 400 that names the body or the field', async (_what, text) => {
    const { app } = buildApp();
    const response = await post(app, text);
    expect(response.statusCode).toBe(400);
    expect(response.json<Json>()['fields']).not.toEqual([]);
    expect(({} as Json)['polluted']).toBeUndefined();
  });

  it.each([
    ['POST', '/v1/reservations', 'application/json'],
    ['PUT', '/v1/topology', 'application/json'],
    ['POST', '/v1/topology:import?format=headroom', 'text/plain'],
  ] as const)('%s %s of what is not UTF-8 is a 400', async (method, url, type) => {
    const { app, control } = buildApp();
    const payload = Buffer.from('{"name":"caf\u00e9","nodes":[]}', 'latin1');
    // Without Content-Length, as a chunked body comes.
    const response = await app.inject({
      method,
      url,
      headers: { 'content-type': type },
      payload: Readable.from([payload]),
    });
    expect(response.statusCode).toBe(400);
    expect(response.json<Json>()['fields']).toEqual([
      expect.objectContaining({ field: 'body', problem: 'is not UTF-8' }),
    ]);
    expect(control.calls).toEqual([]);
  });

  it('of a DELETE is refused, not ignored', async () => {
    const { app, control } = buildApp();
    const response = await app.inject({ method: 'DELETE', url: '/v1/reservations/x', payload: { reason: 'done' } });
    expect(response.statusCode).toBe(400);
    expect(response.json<Json>()['fields']).toEqual([
      { field: 'body', value: '{"reason":"done"}', code: 'INVALID_ARGUMENT', problem: 'must be empty' },
    ]);
    expect(control.calls).toEqual([]);
  });

  it('with a key given twice is refused: one of the two would be ignored', async () => {
    const { app, control } = buildApp();
    const text = JSON.stringify({ ...goodRequest(), name: 'a' });
    expect((await post(app, text)).statusCode).toBe(201);
    const response = await post(app, text.replace('"name":"a"', '"name":"a","name":"b"'));
    expect(response.statusCode).toBe(400);
    expect(response.json<Json>()['detail']).toContain('"name" is given twice');
    expect(control.calls).toHaveLength(1);
  });

  it('of 2 MiB is a 413', async () => {
    const { app } = buildApp();
    const response = await post(app, changed('name', 'x'.repeat(2 * 1024 * 1024)));
    expect(response.statusCode).toBe(413);
    expect(response.json()).toMatchObject({ code: 'PAYLOAD_TOO_LARGE' });
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/xml', 'nonsense'])(
    'of type %s is a 415',
    async (type) => {
      const { app } = buildApp();
      const response = await post(app, goodRequest(), { 'content-type': type });
      expect(response.statusCode).toBe(415);
      expect(response.json()).toMatchObject({ code: 'UNSUPPORTED_MEDIA_TYPE' });
    },
  );

  it('that is said to be compressed is a 415, not read as if it were plain', async () => {
    const { app, control } = buildApp();
    const response = await post(app, goodRequest(), { 'content-encoding': 'gzip' });
    expect(response.statusCode).toBe(415);
    expect(response.json<Json>()['detail']).toContain('gzip');
    expect(control.calls).toEqual([]);
  });

  it('with eighty thousand faults is answered with a hundred of them', async () => {
    const { app } = buildApp();
    const faults = Object.fromEntries(Array.from({ length: 80_000 }, (_, i) => [`f${i}`, 0]));
    const response = await post(app, { ...goodRequest(), ...faults });
    expect(response.statusCode).toBe(400);
    expect(response.json<{ fields: unknown[] }>().fields).toHaveLength(100);
  });
});

describe('a patch', () => {
  const patch = (payload: unknown, headers: Record<string, string> = {}, id = RESERVATION_ID) => {
    const built = buildApp();
    const sent = built.app.inject({
      method: 'PATCH',
      url: `/v1/reservations/${id}`,
      headers: { 'content-type': 'application/merge-patch+json', 'if-match': '"7"', ...headers },
      payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
    });
    return { ...built, sent };
  };

  it.each([
    [{ qos: { tokenRateBitsPerSecond: '20M' } }, 'qos.tokenRateBitsPerSecond', 'INVALID_ARGUMENT', '20M'],
    [{ qos: { tokenRateBitsPerSecond: 0 } }, 'qos.tokenRateBitsPerSecond', 'OUT_OF_RANGE', 0],
    [{ qos: { tokenRateBitsPerSecond: 1e30 } }, 'qos.tokenRateBitsPerSecond', 'OUT_OF_RANGE', 1e30],
    [{ qos: { tokenRateBitsPerSecond: null } }, 'qos.tokenRateBitsPerSecond', 'INVALID_ARGUMENT', 'missing'],
    [{ qos: { peakRateBitsPerSecond: 1000 } }, 'qos.peakRateBitsPerSecond', 'OUT_OF_RANGE', 1000],
    [{ qos: { colour: 'red' } }, 'qos.colour', 'INVALID_ARGUMENT', 'red'],
    [{ qos: null }, 'qos', 'INVALID_ARGUMENT', null],
    [{ qos: [] }, 'qos', 'INVALID_ARGUMENT', 'an array of 0'],
    [{ labels: { job: 42 } }, 'labels.job', 'INVALID_ARGUMENT', 42],
    [{ name: 7 }, 'name', 'INVALID_ARGUMENT', 7],
    [{ state: 'ended' }, 'state', 'INVALID_ARGUMENT', 'ended'],
    [{ window: null }, 'window', 'INVALID_ARGUMENT', null],
    [{ priority: 7 }, 'priority', 'INVALID_ARGUMENT', 7],
    ['null', 'body', 'INVALID_ARGUMENT', null],
    ['[]', 'body', 'INVALID_ARGUMENT', 'an array of 0'],
    ['{"qos":', 'body', 'INVALID_ARGUMENT', '{"qos":'],
    ['', 'body', 'INVALID_ARGUMENT', ''],
    ['{"labels":{"__proto__":"x"}}', 'labels.__proto__', 'INVALID_ARGUMENT', 'x'],
  ])('%j is a 400 that names %s', async (payload, field, code, value) => {
    const response = await patch(payload).sent;
    expect([response.statusCode, response.body]).toMatchObject([400, expect.any(String)]);
    expect(response.json<Json>()['fields']).toContainEqual(expect.objectContaining({ field, code, value }));
  });

  it('without If-Match is a 428, with one that cannot match a 400, of what is not there a 404', async () => {
    const good = { qos: { tokenRateBitsPerSecond: 30_000_000 } };
    const { app } = buildApp();
    const url = `/v1/reservations/${RESERVATION_ID}`;
    const bare = await app.inject({ method: 'PATCH', url, payload: good });
    expect([bare.statusCode, bare.json<Json>()['code']]).toEqual([428, 'ETAG_REQUIRED']);
    for (const tag of ['W/"7"', '7', '"7", "8"'])
      expect((await patch(good, { 'if-match': tag }).sent).statusCode).toBe(400);
    expect((await patch(good, {}, 'other').sent).statusCode).toBe(404);
    expect((await patch(good, { 'idempotency-key': 'two words' }).sent).statusCode).toBe(400);
  });

  it('is a merge patch or plain JSON, and nothing else; other calls take no merge patch', async () => {
    const good = { labels: { job: null } };
    const { sent, control } = patch(good);
    expect((await sent).json()).toMatchObject({ labels: {}, etag: '8' });
    expect((await sent).headers['etag']).toBe('"8"');
    expect(control.calls.at(-1)!.args).toEqual([RESERVATION_ID, [good], { ifMatch: '"7"', idempotencyKey: null }]);
    expect((await patch(good, { 'content-type': 'application/json' }).sent).statusCode).toBe(200);
    for (const type of ['application/json-patch+json', 'text/plain']) {
      expect((await patch(good, { 'content-type': type }).sent).statusCode).toBe(415);
    }
    const booked = await post(buildApp().app, goodRequest(), { 'content-type': 'application/merge-patch+json' });
    expect(booked.statusCode).toBe(415);
  });

  it('of any JSON is taken or refused with a field, never a failure inside', async () => {
    const { app } = buildApp();
    const member = fc.constantFrom('name', 'labels', 'qos', 'flow', 'other');
    const inner = fc.dictionary(
      fc.constantFrom('tokenRateBitsPerSecond', 'serviceType', 'slackMicros', 'job'),
      fc.jsonValue(),
    );
    await fc.assert(
      fc.asyncProperty(fc.dictionary(member, fc.oneof(fc.jsonValue(), inner)), async (payload) => {
        const headers = { 'content-type': 'application/merge-patch+json', 'if-match': '*' };
        const url = `/v1/reservations/${RESERVATION_ID}`;
        const response = await app.inject({ method: 'PATCH', url, headers, payload: JSON.stringify(payload) });
        expect([200, 400]).toContain(response.statusCode);
        if (response.statusCode === 400) expect(response.json<{ fields: unknown[] }>().fields).not.toEqual([]);
      }),
      { numRuns: 200 },
    );
  });
});

describe('a query', () => {
  it.each([
    ['/v1/reservations?pageSize=0', 'pageSize', 'OUT_OF_RANGE'],
    ['/v1/reservations?pageSize=501', 'pageSize', 'OUT_OF_RANGE'],
    ['/v1/reservations?pageSize=1e2', 'pageSize', 'INVALID_ARGUMENT'],
    ['/v1/reservations?pageSize=1&pageSize=2', 'pageSize', 'INVALID_ARGUMENT'],
    ['/v1/reservations?pagesize=10', 'pagesize', 'INVALID_ARGUMENT'],
    ['/v1/reservations?state=gone', 'state', 'INVALID_ARGUMENT'],
    ['/v1/reservations?__proto__=x', '__proto__', 'INVALID_ARGUMENT'],
    ['/v1/nodes?x=1', 'x', 'INVALID_ARGUMENT'],
    ['/healthz?x=1', 'x', 'INVALID_ARGUMENT'],
  ])('%s is refused and %s named', async (url, field, code) => {
    const { app } = buildApp();
    const response = await app.inject(url);
    expect(response.statusCode).toBe(400);
    const problem = response.json<{ code: string; fields: { field: string }[] }>();
    expect(problem.code).toBe(code);
    expect(problem.fields[0]!.field).toContain(field);
  });

  it.each(['1', 'TRUE', 'yes', ''])('validateOnly=%s is not guessed at', async (value) => {
    const { app, control } = buildApp();
    const response = await app.inject({
      method: 'POST',
      url: `/v1/reservations?validateOnly=${value}`,
      payload: goodRequest(),
    });
    expect(response.statusCode).toBe(400);
    expect(control.calls).toEqual([]);
  });

  it('takes a filter given several times', async () => {
    const { app, control } = buildApp();
    expect((await app.inject('/v1/reservations?state=active&state=held&pageSize=500')).statusCode).toBe(200);
    expect(control.calls[0]!.args[0]).toMatchObject({ states: ['active', 'held'], pageSize: 500 });
  });
});

describe('a header', () => {
  it.each([
    ['idempotency-key', '"open', 'Idempotency-Key'],
    ['idempotency-key', 'two words', 'Idempotency-Key'],
    ['idempotency-key', 'naïve', 'Idempotency-Key'],
    ['x-correlator', 'with blanks in it', 'x-correlator'],
  ])('%s: %s is refused', async (name, value, field) => {
    const { app, control } = buildApp();
    const response = await post(app, goodRequest(), { [name]: value });
    expect(response.statusCode).toBe(400);
    expect(response.json<{ fields: unknown[] }>().fields).toEqual([expect.objectContaining({ field, value })]);
    expect(control.calls).toEqual([]);
  });

  it.each(['W/"1"', '1', '"1", "2"'])('If-Match: %s is refused', async (value) => {
    const { app } = buildApp();
    const response = await app.inject({
      method: 'PUT',
      url: '/v1/topology',
      headers: { 'if-match': value },
      payload: goodTopology(),
    });
    expect(response.statusCode).toBe(400);
  });

  it('Last-Event-ID that is no id is refused', async () => {
    const { app } = buildApp();
    const response = await app.inject({ url: '/v1/events', headers: { 'last-event-id': 'abc' } });
    expect(response.statusCode).toBe(400);
  });
});

describe('a topology', () => {
  it.each([
    ['{"nodes":[{"name":"A B","interfaces":[]}]}', 'nodes[0].name'],
    ['{"nodes":[],"links":[{}]}', 'links[0].from'],
    ['{"nodes":[],"wires":[]}', 'wires'],
    ['[]', ''],
    ['null', ''],
  ])('%s is refused and %s named', async (payload, field) => {
    const { app } = buildApp();
    const headers = { 'content-type': 'application/json' };
    const response = await app.inject({ method: 'PUT', url: '/v1/topology', headers, payload });
    expect(response.statusCode).toBe(400);
    const { fields } = response.json<{ fields: { field: string }[] }>();
    expect(fields.some((each) => each.field.startsWith(field))).toBe(true);
  });

  it('may be larger than other bodies', async () => {
    const { app } = buildApp();
    const nodes = Array.from({ length: 20_000 }, (_, i) => ({
      name: `node-${i}`,
      labels: { padding: 'x'.repeat(100) },
      interfaces: [],
    }));
    const response = await app.inject({ method: 'PUT', url: '/v1/topology', payload: { nodes } });
    expect(response.statusCode).toBe(200);
  });
});

describe('any change of a good request', () => {
  const anything = fc.oneof(
    fc.constantFrom<unknown>(undefined, null, '', 0, -1, 1e30, 0.1, 2 ** 53, '25M', [], {}, true, '\ud800', '\u0000'),
    fc.jsonValue(),
  );
  const places = [
    ...[
      'name',
      'labels',
      'labels.job',
      'labels.__proto__',
      'labels.constructor',
      'flow',
      'flow.protocol',
      'flow.source',
    ],
    ...['flow.source.address', 'flow.source.port', 'flow.destination.port', 'qos', 'qos.serviceType', 'window'],
    ...['qos.tokenRateBitsPerSecond', 'qos.tokenBucketBytes', 'qos.peakRateBitsPerSecond', 'qos.minPolicedUnitBytes'],
    ...['qos.maxPacketBytes', 'qos.maxDelayMicros', 'qos.slackMicros', 'window.start', 'window.end', 'other'],
  ];

  it('is booked or refused with a problem, never a failure inside', async () => {
    const { app } = buildApp();
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...places), anything, async (path, value) => {
        const response = await post(app, changed(path, value));
        expect([201, 400]).toContain(response.statusCode);
        if (response.statusCode === 400) expect(response.json<{ fields: unknown[] }>().fields).not.toEqual([]);
      }),
      { numRuns: 1000 },
    );
  });

  it('cut or damaged anywhere as text, too', async () => {
    const { app } = buildApp();
    const text = JSON.stringify(goodRequest());
    await fc.assert(
      fc.asyncProperty(fc.nat(text.length), fc.nat(20), fc.string({ unit: 'binary' }), async (at, cut, put) => {
        const response = await post(app, text.slice(0, at) + put + text.slice(at + cut));
        expect([201, 400]).toContain(response.statusCode);
      }),
      { numRuns: 500 },
    );
  });
});

describe('on the wire', () => {
  it.each([
    ['no HTTP at all', 'GARBAGE\r\n\r\n', 400, 'INVALID_ARGUMENT'],
    ['a method that nobody knows', 'FOO /v1/nodes HTTP/1.1\r\nHost: localhost\r\n\r\n', 400, 'INVALID_ARGUMENT'],
    ['a NUL in the path', 'GET /v1/no\0des HTTP/1.1\r\nHost: localhost\r\n\r\n', 400, 'INVALID_ARGUMENT'],
    [
      'a second Host',
      'GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: stranger.example\r\nConnection: close\r\n\r\n',
      400,
      'INVALID_ARGUMENT',
    ],
    [
      'headers of 20 kB',
      `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
      413,
      'PAYLOAD_TOO_LARGE',
    ],
  ])('%s is answered with a problem', async (_what, bytes, status, code) => {
    const { app } = buildApp();
    await app.listen({ port: 0, host: '127.0.0.1' });
    const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1');
    socket.write(bytes);
    let text = '';
    for await (const chunk of socket) text += String(chunk);
    expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(text).toContain('application/problem+json');
    expect(JSON.parse(text.slice(text.indexOf('\r\n\r\n')))).toMatchObject({ status, code });
  });

  it('a raw # in a path belongs to the id, and broken percent signs are a 400', async () => {
    const { app, control } = buildApp();
    await app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = app.server.address() as AddressInfo;
    const status = (path: string) =>
      new Promise<number | undefined>((resolve, reject) => {
        httpRequest({ port, path, headers: { host: 'localhost' } }, (response) => {
          response.resume();
          resolve(response.statusCode);
        })
          .on('error', reject)
          .end();
      });
    expect(await status('/v1/links/r1:eth0#2')).toBe(404);
    expect(control.calls.at(-1)!.args[0]).toBe('r1:eth0#2');
    expect(await status('/v1/links/r1%3Aeth0%232')).toBe(404);
    expect(control.calls.at(-1)!.args[0]).toBe('r1:eth0#2');
    expect(await status('/v1/links/%zz')).toBe(400);
    expect(await status(`/v1/links/${'x'.repeat(600)}`)).toBe(400);
  });
});

it('what throws inside is a 500 whose text stays in the log', async () => {
  const control = edgeControl({
    getReservation: async () => {
      throw new Error(`secret of ${NOW}`);
    },
  });
  const { app, log } = buildApp({ control });
  const response = await app.inject('/v1/reservations/x');
  expect(response.statusCode).toBe(500);
  expect(response.json()).toMatchObject({ code: 'INTERNAL' });
  expect(response.body).not.toContain('secret');
  expect(log.join('')).toContain(`secret of ${NOW}`);
});
