import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client, credentials, status } from '@grpc/grpc-js';
import fc from 'fast-check';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient, ProblemError, type HeadroomClient, type TopologyInput } from '../../src/client/client.ts';
import { MonotonicMs } from '../../src/core/base/units.ts';
import { topologyDocument } from '../../src/core/network/document.ts';
import { parseXml } from '../../src/formats/xml.ts';
import { parseYaml } from '../../src/formats/yaml.ts';
import { syntaxProblemText } from '../../src/formats/syntax-problem.ts';
import { ReservationService } from '../../src/gen/headroom/v1/reservation_pb.ts';
import { readRichStatus } from '../../src/rpc/rich-status.ts';
import { AgentRegistry } from '../../src/server/control/agents/registry.ts';
import { createControl } from '../../src/server/control/control.ts';
import { createGrpcServer, type GrpcServer } from '../../src/server/grpc/server.ts';
import { createHttpApp } from '../../src/server/http/app.ts';
import { createLoggers } from '../../src/telemetry/logger.ts';
import { createServerMetrics } from '../../src/telemetry/server-metrics.ts';
import { startTestDatabase, type TestDatabase } from '../support/database.ts';
import { requires } from '../support/requires.ts';
import { call, errorOf } from './grpc/grpc.ts';
import { line, startReplica, type Replica } from '../support/replica.ts';

let database: TestDatabase;
let replica: Replica;
let app: FastifyInstance;
let grpc: GrpcServer;
let grpcClient: Client;
let grpcPort: number;
let client: HeadroomClient;
const failures: string[] = [];

beforeAll(async () => {
  database = await startTestDatabase();
  replica = await startReplica(await database.fresh());
  const { committer, store } = replica;
  const loggers = createLoggers(
    { base: 'error', bySubsystem: new Map() },
    { write: (text) => void failures.push(text) },
  );
  const registry = new AgentRegistry({ committer, now: () => MonotonicMs(performance.now()), log: loggers('agents') });
  committer.setAgents(registry);
  const control = createControl({
    enrolment: null,
    committer,
    store: store.books,
    queries: store.queries,
    health: () => store.health(),
    agents: registry,
    parsers: {
      yaml: (text) => {
        const parsed = parseYaml(text);
        return parsed.ok ? parsed : { ok: false, error: syntaxProblemText(parsed.error) };
      },
      xml: (text) => {
        const parsed = parseXml(text);
        return parsed.ok ? parsed : { ok: false, error: syntaxProblemText(parsed.error) };
      },
    },
  });
  const metrics = createServerMetrics(false);
  const access = { token: null, loopbackOnly: true };
  app = createHttpApp({ control, metrics, logger: loggers('http'), access, version: '0.1.0' });
  await app.listen({ port: 0, host: '127.0.0.1' });
  client = createClient({ baseUrl: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}` });
  grpc = createGrpcServer({ control, metrics, logger: loggers('grpc'), token: null });
  grpcPort = await grpc.listen('127.0.0.1:0');
  grpcClient = new Client(`127.0.0.1:${grpcPort}`, credentials.createInsecure());
  await client.putTopology(topologyDocument(line()) as unknown as TopologyInput);
});

afterAll(async () => {
  grpcClient.close();
  await grpc.close();
  await app.close();
  await replica.close();
  await database.close();
});

const wanted = (port: number, rate = 1_000_000) => ({
  flow: {
    protocol: 'udp',
    source: { address: '10.1.0.2', port },
    destination: { address: '10.2.0.2', port: 5004 },
  },
  qos: { serviceType: 'controlledLoad', tokenRateBitsPerSecond: rate },
});

const problemOf = async (promise: Promise<unknown>): Promise<ProblemError> => {
  const thrown: unknown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(thrown instanceof ProblemError)) throw new Error(`expected a problem, not ${String(thrown)}`);
  return thrown;
};

describe('both edges over the real books', () => {
  it('book once for a key, show it, tell of it and release it', async () => {
    const watching = new AbortController();
    const events = client.watchEvents({ after: '0', signal: watching.signal });
    const booked = await client.reserve(wanted(2000), { idempotencyKey: 'once' });
    expect((await client.reserve(wanted(2000), { idempotencyKey: 'once' })).id).toBe(booked.id);
    expect(await client.getReservation(booked.id!)).toEqual(booked);
    expect(booked.paths[0]!.hops.map((hop) => hop.link)).toEqual(['a:eth0', 'r:eth1']);

    const overGrpc = await call(grpcClient, ReservationService.method.getReservation, { id: booked.id! });
    expect(overGrpc).toMatchObject({ id: booked.id, state: booked.state, etag: booked.etag });
    const before = (await client.getLink('r:eth1')).bookedBitsPerSecond;
    expect(before).toBeGreaterThanOrEqual(1_000_000);

    const seen: string[] = [];
    for await (const event of events) {
      if (event.reservationId === booked.id) seen.push(event.type);
      if (event.reservationId === booked.id) expect(event.reservation!.id).toBe(booked.id);
      if (event.type === 'reservation.created' && seen.length === 1) await client.releaseReservation(booked.id!);
      if (event.type === 'reservation.ended') watching.abort();
    }
    expect(seen[0]).toBe('reservation.created');
    expect(seen.at(-1)).toBe('reservation.ended');
    await client.releaseReservation(booked.id!);
    expect((await client.getReservation(booked.id!)).endReason).toBe('released');
  });

  it('book several senders for one session, and refuse another style in it the same way', async () => {
    const { flow, qos } = wanted(3000);
    const destination = { ...flow.destination, port: 3000 };
    const sources = [
      { address: '10.1.0.2', port: 3000 },
      { address: '10.1.0.2', port: 3001 },
    ];
    const spec = { flow: { protocol: 'udp', sources, destination }, qos, signaling: { style: 'fixedFilter' } };
    const before = (await client.getLink('r:eth1')).bookedBitsPerSecond;
    const booked = await client.reserve(spec);
    expect(booked.flow).toEqual({ protocol: 'udp', sources, destination });
    expect(booked.paths.map((path) => path.bookedBitsPerSecond)).toEqual([1_000_000, 1_000_000]);
    expect((await client.getLink('r:eth1')).bookedBitsPerSecond - before).toBe(2_000_000);
    const overHttp = await problemOf(client.reserve({ ...spec, signaling: { style: 'sharedExplicit' } }));
    expect(overHttp).toMatchObject({ status: 409, code: 'FLOW_CONFLICT' });
    expect(overHttp.message).toContain(booked.id);
    const overGrpc = await errorOf(
      call(grpcClient, ReservationService.method.createReservation, {
        reservation: {
          flow: { protocol: 'udp', source: sources[0]!, destination },
          qos: { serviceType: 'controlledLoad', tokenRateBitsPerSecond: 1_000_000n },
        },
      }),
    );
    expect(overGrpc.code).toBe(status.FAILED_PRECONDITION);
    expect(readRichStatus(overGrpc.metadata).info).toMatchObject({
      reason: 'FLOW_CONFLICT',
      metadata: { existing: booked.id },
    });
    const frozen = await problemOf(
      client.modifyReservation(booked.id!, { signaling: { style: 'wildcardFilter' } } as never, { ifMatch: '*' }),
    );
    expect(frozen.fields).toMatchObject([{ field: 'signaling', problem: 'cannot be changed' }]);
    await client.releaseReservation(booked.id!);
    const after = await client.reserve({ ...spec, signaling: { style: 'sharedExplicit' } });
    expect((await client.getLink('r:eth1')).bookedBitsPerSecond - before).toBe(1_000_000);
    await client.releaseReservation(after.id!);
  });

  it('refuse with the same reasons what does not fit', async () => {
    const asked = wanted(2001, 200_000_000);
    const overHttp = await problemOf(client.reserve(asked));
    expect(overHttp).toMatchObject({ status: 409, code: 'BANDWIDTH_UNAVAILABLE' });
    expect(overHttp.reasons.map((each) => each['link'])).toContain('r:eth1');
    expect(await problemOf(client.reserve(asked, { validateOnly: true }))).toMatchObject({ code: overHttp.code });
    const error = await errorOf(
      call(grpcClient, ReservationService.method.createReservation, {
        reservation: { ...asked, qos: { ...asked.qos, tokenRateBitsPerSecond: 200_000_000n } },
      }),
    );
    expect(error.code).toBe(status.FAILED_PRECONDITION);
    const { info, preconditionFailure } = readRichStatus(error.metadata);
    expect(info!.reason).toBe('BANDWIDTH_UNAVAILABLE');
    expect(preconditionFailure!.violations.map((each) => each.subject)).toContain('r:eth1');
  });

  it('change in place, for who knows it, and say why not', async () => {
    const booked = await client.reserve({ ...wanted(2002, 10_000_000), name: 'mine' });
    const id = booked.id!;
    const at = (rate: number) => ({ qos: { tokenRateBitsPerSecond: rate } });
    expect(await problemOf(client.modifyReservation(id, at(1), { ifMatch: 'other' }))).toMatchObject({ status: 412 });
    const keyed = { ifMatch: booked.etag!, idempotencyKey: 'again' };
    const changed = await client.modifyReservation(id, at(20_000_000), keyed);
    expect(changed).toMatchObject({ change: null, qos: { tokenRateBitsPerSecond: 20_000_000 } });
    expect(changed.paths[0]!.bookedBitsPerSecond).toBeGreaterThanOrEqual(20_000_000);
    expect(await client.modifyReservation(id, at(20_000_000), keyed)).toEqual(changed);
    expect(await problemOf(client.modifyReservation(id, at(21_000_000), keyed))).toMatchObject({ status: 422 });

    const overHttp = await problemOf(client.modifyReservation(id, at(200_000_000), { ifMatch: '*' }));
    expect(overHttp).toMatchObject({ status: 409, code: 'BANDWIDTH_UNAVAILABLE', alternatives: [{ kind: 'rate' }] });
    const update = (rate: bigint, etag: string) =>
      call(grpcClient, ReservationService.method.updateReservation, {
        ...{ id, etag, reservation: { name: 'yours', qos: { tokenRateBitsPerSecond: rate } } },
        updateMask: { paths: ['name', 'qos.token_rate_bits_per_second'] },
      });
    const overGrpc = await errorOf(update(200_000_000n, '*'));
    expect([overGrpc.code, readRichStatus(overGrpc.metadata).info!.reason]).toEqual([
      status.FAILED_PRECONDITION,
      'BANDWIDTH_UNAVAILABLE',
    ]);
    expect((await errorOf(update(5_000_000n, booked.etag!))).code).toBe(status.ABORTED);
    const updated = await update(5_000_000n, changed.etag!);
    expect(updated).toMatchObject({ name: 'yours', qos: { tokenRateBitsPerSecond: 5_000_000n } });
    expect(await client.getReservation(id)).toMatchObject({ name: 'yours', etag: updated.etag });
    await client.releaseReservation(id);
    const gone = await problemOf(client.modifyReservation(id, at(1_000_000), { ifMatch: '*' }));
    expect(gone).toMatchObject({ status: 409, code: 'INCOMPATIBLE_STATE' });
  });

  it('release the reservation that they know, not the one that it has become', async () => {
    const booked = await client.reserve(wanted(2003, 1_000_000));
    const id = booked.id!;
    const changed = await client.modifyReservation(id, { name: 'other' }, { ifMatch: booked.etag! });
    const old = booked.etag!;
    expect(await problemOf(client.releaseReservation(id, { ifMatch: old }))).toMatchObject({
      ...{ status: 412, code: 'CONCURRENT_UPDATE' },
      message: `If-Match is "${old}", the reservation is "${changed.etag}"`,
    });
    const release = (etag: string) => call(grpcClient, ReservationService.method.releaseReservation, { id, etag });
    expect((await errorOf(release(old))).code).toBe(status.ABORTED);
    for (const header of ['W/"2"', 'bare', '"1", "2"']) {
      const refused = await app.inject({
        method: 'DELETE',
        url: `/v1/reservations/${id}`,
        headers: { 'if-match': header },
      });
      expect([refused.statusCode, refused.json()]).toMatchObject([
        400,
        { detail: expect.stringContaining('If-Match') },
      ]);
    }
    expect((await client.getReservation(id)).state).not.toBe('ended');
    await release(changed.etag!);
    expect((await client.getReservation(id)).endReason).toBe('released');
    // What was asked for is so.
    await client.releaseReservation(id, { ifMatch: changed.etag! });
    await client.releaseReservation(id);
    const next = await client.reserve(wanted(2003, 1_000_000));
    await client.releaseReservation(next.id!, { ifMatch: '*' });
    expect((await client.getReservation(next.id!)).endReason).toBe('released');
  });

  it('list page by page', async () => {
    const ids: string[] = [];
    for (const port of [3001, 3002, 3003]) ids.push((await client.reserve(wanted(port))).id!);
    const found = [];
    let pageToken: string | undefined;
    do {
      const page = await client.listReservations({
        pageSize: 2,
        node: 'r',
        state: ['scheduled', 'establishing', 'active'],
        ...(pageToken === undefined ? {} : { pageToken }),
      });
      found.push(...page.items.map((each) => each.id));
      pageToken = page.nextPageToken ?? undefined;
    } while (pageToken !== undefined);
    expect(found.filter((id) => ids.includes(id!)).sort()).toEqual(ids.sort());
    expect(new Set(found).size).toBe(found.length);
    for (const id of ids) await client.releaseReservation(id);
  });

  it('replace the topology only for who knows it', async () => {
    const { topology, etag } = await client.getTopology();
    const input = topology as unknown as TopologyInput;
    expect(await problemOf(client.putTopology(input))).toMatchObject({ status: 428, code: 'ETAG_REQUIRED' });
    expect(await problemOf(client.putTopology(input, { ifMatch: 'other' }))).toMatchObject({ status: 412 });
    const outcome = await client.putTopology(input, { ifMatch: etag, validateOnly: true });
    expect(outcome.changes.linksChanged).toEqual([]);
    expect((await client.getTopology()).etag).toBe(etag);
    const zoo = readFileSync('test/fixtures/topologies/Abilene.graphml', 'utf8');
    const imported = await client.importTopology(zoo, { format: 'graphml', validateOnly: true }, { ifMatch: '*' });
    expect(imported.topology.nodes.length).toBe(11);
    expect(await problemOf(client.importTopology('<graphml', { format: 'graphml' }, { ifMatch: '*' }))).toMatchObject({
      status: 400,
    });
  });
});

describe('bad input against the real books', () => {
  it.each(['x', '%00', '%F0%9F%90%99', "'; drop table", '0193b1e0-0000-7000-8000-000000000001', 'é'.repeat(50)])(
    'an id like %s is a 404',
    async (id) => {
      for (const path of ['reservations', 'nodes', 'links', 'agents']) {
        const response = await app.inject(`/v1/${path}/${id.includes('%') ? id : encodeURIComponent(id)}`);
        expect([path, response.statusCode]).toEqual([path, 404]);
      }
    },
  );

  it.each(['pageToken', 'source', 'destination', 'node', 'link'])('any %s is answered or refused', async (name) => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 40 }), async (value) => {
        const response = await app.inject({ url: '/v1/reservations', query: { [name]: value } });
        expect([200, 400]).toContain(response.statusCode);
      }),
      { numRuns: 60, examples: [['\u0000'], ['\ufffd'], ["'"]] },
    );
  });

  it('any change of a request is booked or refused', async () => {
    const places = ['name', 'labels', 'flow', 'qos', 'window', 'other'] as const;
    const value = fc.oneof(
      fc.jsonValue(),
      fc.record({ start: fc.oneof(fc.string(), fc.date().map(String)), end: fc.constant('9999-12-31T23:59:59Z') }),
      fc.dictionary(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' })),
      fc.string({ unit: 'binary' }),
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...places), value, async (place, given) => {
        const payload = JSON.stringify({ ...wanted(4000), [place]: given });
        const headers = { 'content-type': 'application/json' };
        const response = await app.inject({ method: 'POST', url: '/v1/reservations', headers, payload });
        expect([201, 400, 409, 422]).toContain(response.statusCode);
        if (response.statusCode === 201) await client.releaseReservation(response.json<{ id: string }>().id);
      }),
      { numRuns: 300 },
    );
    expect(failures).toEqual([]);
  });

  it('any patch is taken or refused', async () => {
    const { id } = await client.reserve(wanted(4001));
    const qos = fc.dictionary(
      fc.constantFrom(
        'tokenRateBitsPerSecond',
        'tokenBucketBytes',
        'peakRateBitsPerSecond',
        'maxPacketBytes',
        'slackMicros',
      ),
      fc.oneof(fc.jsonValue(), fc.integer(), fc.constantFrom(8, 2 ** 53 - 1, 1e9, 1500)),
    );
    const member = fc.oneof(
      fc.jsonValue(),
      qos,
      fc.dictionary(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' })),
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom('name', 'labels', 'qos', 'qos', 'other'), member, async (place, given) => {
        const headers = { 'content-type': 'application/merge-patch+json', 'if-match': '*' };
        const payload = JSON.stringify({ [place]: given });
        const response = await app.inject({ method: 'PATCH', url: `/v1/reservations/${id}`, headers, payload });
        expect([200, 400, 409]).toContain(response.statusCode);
      }),
      { numRuns: 300 },
    );
    expect(failures).toEqual([]);
    await client.releaseReservation(id!);
  });
});

describe.skipIf(requires('python3-grpc', 'protoc'))('a client made by protoc for Python', () => {
  it('books, reads, lists and releases', async () => {
    const stubs = mkdtempSync(join(tmpdir(), 'headroom-python-'));
    try {
      execFileSync('protoc', [
        '-Iproto',
        `--python_out=${stubs}`,
        'headroom/v1/flow.proto',
        'headroom/v1/reservation.proto',
      ]);
      const args = ['test/grpc/python_client.py', stubs, `127.0.0.1:${grpcPort}`, '10.1.0.2', '10.2.0.2'];
      const { stdout } = await promisify(execFile)('/usr/bin/python3', args);
      const told = JSON.parse(stdout) as { id: string; read: string; rate: number; hops: string[]; listed: string[] };
      expect(told).toMatchObject({
        read: told.id,
        rate: 1_000_000,
        hops: ['a:eth0', 'r:eth1'],
        refusal: { code: 'INVALID_ARGUMENT', names_field: true, names_value: true },
      });
      expect(told.listed).toContain(told.id);
      expect((await client.getReservation(told.id)).endReason).toBe('released');
    } finally {
      rmSync(stubs, { recursive: true });
    }
  });
});
