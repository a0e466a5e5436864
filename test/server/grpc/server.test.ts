import { fromBinary, toBinary, create, type MessageInitShape } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { credentials, loadPackageDefinition, status, type Client } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import fc from 'fast-check';
import { service as healthDefinition } from 'grpc-health-check';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { IpAddress } from '../../../src/core/base/ip.ts';
import { BitsPerSecond } from '../../../src/core/base/units.ts';
import { termsOf } from '../../../src/core/reservation/change.ts';
import { AgentService } from '../../../src/gen/headroom/v1/agent_pb.ts';
import { EventService, type Event } from '../../../src/gen/headroom/v1/event_pb.ts';
import {
  CreateReservationRequestSchema,
  ReservationService,
  type ReservationSpecSchema,
  type UpdateReservationRequestSchema,
} from '../../../src/gen/headroom/v1/reservation_pb.ts';
import { TopologyService } from '../../../src/gen/headroom/v1/topology_pb.ts';
import { readRichStatus } from '../../../src/rpc/rich-status.ts';
import type { EventView } from '../../../src/server/control/api.ts';
import { ControlError } from '../../../src/server/control/errors.ts';
import { edgeControl, failing, NOW, reservation, RESERVATION_ID, untilAborted } from '../edge-control.ts';
import { call, callWithBytes, errorOf, serverStream, startGrpc } from './grpc.ts';

type Spec = MessageInitShape<typeof ReservationSpecSchema>;

const { createReservation, getReservation, listReservations, releaseReservation, updateReservation } =
  ReservationService.method;

const goodSpec = (): Spec & object => ({
  name: 'camera-3-to-studio',
  labels: { job: '42' },
  flow: {
    protocol: 'udp',
    source: { address: '10.1.0.2', port: 5004 },
    destination: { address: '10.2.0.2', port: 5004 },
  },
  qos: { serviceType: 'guaranteed', tokenRateBitsPerSecond: 25_000_000n, maxDelayMicros: 20_000n },
  window: { start: { seconds: BigInt(NOW / 1000) }, end: { seconds: BigInt(NOW / 1000 + 7200), nanos: 500_000_000 } },
});

describe('reservations', () => {
  it('may be allowed unpinned, and tell how a flow comes to its path', async () => {
    const explicitRoute = ['10.1.0.1' as IpAddress, null];
    const { path } = reservation();
    const asked: unknown[] = [];
    const { client } = await startGrpc({
      control: edgeControl({
        reserve: (input) => {
          asked.push(input);
          return Promise.resolve({
            reservation: reservation({ path: { ...path, pinning: 'unpinned', explicitRoute } }),
            replayed: false,
          });
        },
      }),
    });
    const spec = { ...goodSpec(), constraints: { allowUnpinned: true } } as Spec;
    const booked = await call(client, createReservation, { reservation: spec });
    expect(booked.paths[0]).toMatchObject({ pinning: 'unpinned', explicitRoute: ['10.1.0.1', ''] });
    expect(asked).toMatchObject([{ constraints: { allowUnpinned: true } }]);
  });

  it('tell what is in the way of a pin', async () => {
    const reason = {
      reason: 'PINNING_UNAVAILABLE',
      node: 'r2',
      interface: 'eth2',
      setting: 'rp_filter',
      detail: 'why',
    } as const;
    const refusing = edgeControl({
      reserve: () =>
        Promise.reject(
          new ControlError('BANDWIDTH_UNAVAILABLE', 'full', { reasons: [reason, { ...reason, interface: null }] }),
        ),
    });
    const { client } = await startGrpc({ control: refusing });
    const error = await errorOf(call(client, createReservation, { reservation: goodSpec() }));
    const { violations } = readRichStatus(error.metadata).preconditionFailure!;
    expect(violations.map(({ type, subject, description }) => [type, subject, description])).toEqual([
      ['PINNING_UNAVAILABLE', 'r2:eth2', 'why'],
      ['PINNING_UNAVAILABLE', 'r2', 'why'],
    ]);
  });

  it('are booked, read, listed and released', async () => {
    const { client, control } = await startGrpc();
    const booked = await call(client, createReservation, { reservation: goodSpec(), requestId: 'k1' });
    expect(booked).toMatchObject({ id: RESERVATION_ID, state: 'establishing', etag: '7' });
    expect(booked.qos).toMatchObject({ tokenRateBitsPerSecond: 25_000_000n, maxDelayMicros: 20_000n });
    expect(booked.qos!.peakRateBitsPerSecond).toBeUndefined();
    expect(booked.paths[0]).toMatchObject({ role: 'forward', bookedBitsPerSecond: 27_734_375n, enforcement: 'kernel' });
    expect(booked.window!.end).toMatchObject({ seconds: BigInt(NOW / 1000 + 7200), nanos: 500_000_000 });
    expect(control.calls.find((each) => each.name === 'reserve')!.args).toEqual([
      {
        name: 'camera-3-to-studio',
        labels: { job: '42' },
        flow: {
          protocol: 'udp',
          source: { address: '10.1.0.2', port: 5004 },
          destination: { address: '10.2.0.2', port: 5004 },
        },
        qos: { serviceType: 'guaranteed', tokenRateBitsPerSecond: 25_000_000, maxDelayMicros: 20_000 },
        window: { start: '2026-11-22T10:00:00.000000000Z', end: '2026-11-22T12:00:00.500000000Z' },
      },
      { validateOnly: false, idempotencyKey: 'k1' },
    ]);

    expect((await call(client, createReservation, { reservation: goodSpec(), validateOnly: true })).id).toBe('');
    const read = await call(client, getReservation, { id: RESERVATION_ID });
    expect(read.flow!.destination!.port).toBeUndefined();
    expect(read.window!.end).toBeUndefined();
    const page = await call(client, listReservations, { states: ['active'], pageSize: 2 });
    expect(page).toMatchObject({ nextPageToken: 'next', reservations: [{ id: RESERVATION_ID }] });
    expect(control.calls.at(-1)!.args[0]).toMatchObject({ pageSize: 2, states: ['active'], source: null });
    await call(client, releaseReservation, { id: RESERVATION_ID });
  });

  it('may be of several senders, with their style', async () => {
    const { path } = reservation();
    const source = { address: '10.3.0.2' as IpAddress, port: null };
    const moreSenders = [
      { source, path: { ...path, nodes: ['c', 'r1', 'b'] }, actualHops: [], nonRsvpHop: true, adspecDeviation: null },
    ];
    const { client, control } = await startGrpc({
      control: edgeControl({
        reserve: () =>
          Promise.resolve({ reservation: reservation({ style: 'wildcardFilter', moreSenders }), replayed: false }),
      }),
    });
    const { flow, ...rest } = goodSpec() as { flow: { source: object; destination: object } } & object;
    const sources = [{ address: '10.1.0.2', port: 5004 }, { address: '10.3.0.2' }];
    const spec = { ...rest, flow: { protocol: 'udp', sources, destination: flow.destination } } as Spec & object;
    const signaling = { style: 'wildcardFilter' };
    const booked = await call(client, createReservation, { reservation: { ...spec, signaling } as Spec });
    const asked = () => control.calls.findLast((each) => each.name === 'reserve')!.args[0];
    expect(asked()).toMatchObject({
      flow: {
        protocol: 'udp',
        sources: [
          { address: '10.1.0.2', port: 5004 },
          { address: '10.3.0.2', port: null },
        ],
      },
      signaling,
    });
    expect(asked()).not.toHaveProperty('flow.source');
    expect(booked.flow!.source).toBeUndefined();
    expect(booked.flow!.sources.map((each) => [each.address, each.port])).toEqual([
      ['10.1.0.2', 5004],
      ['10.3.0.2', undefined],
    ]);
    expect(booked.paths.map((each) => [each.source, each.nonRsvpHop])).toEqual([
      ['10.1.0.2', false],
      ['10.3.0.2', true],
    ]);
    expect(booked.signaling!.style).toBe('wildcardFilter');
    await call(client, createReservation, { reservation: spec });
    expect(asked()).not.toHaveProperty('signaling');
  });

  const set = (path: string, value: unknown): Spec => {
    const spec = goodSpec() as Record<string, unknown>;
    const steps = path.split('.');
    const last = steps.pop()!;
    const holder = steps.reduce((at, step) => at[step] as Record<string, unknown>, spec);
    if (value === undefined) delete holder[last];
    else holder[last] = value;
    return spec;
  };

  it.each([
    ['flow', undefined, 'INVALID_ARGUMENT', 'missing'],
    ['flow.source', undefined, 'INVALID_ARGUMENT', 'missing'],
    ['flow.destination', undefined, 'INVALID_ARGUMENT', 'missing'],
    ['qos', undefined, 'INVALID_ARGUMENT', 'missing'],
    ['flow.source.port', 65_536, 'OUT_OF_RANGE', '65536'],
    ['flow.source.port', 0, 'OUT_OF_RANGE', '0'],
    ['flow.source.address', 'nowhere', 'INVALID_ARGUMENT', 'nowhere'],
    ['flow.protocol', '', 'INVALID_ARGUMENT', '""'],
    ['flow.sources', [{ address: '10.1.0.2' }], 'INVALID_ARGUMENT', 'flow.source'],
    ['signaling', { style: 'FF' }, 'INVALID_ARGUMENT', 'FF'],
    ['qos.tokenRateBitsPerSecond', 0n, 'OUT_OF_RANGE', '0'],
    ['qos.tokenRateBitsPerSecond', -1n, 'OUT_OF_RANGE', '-1'],
    ['qos.tokenRateBitsPerSecond', 2n ** 53n, 'OUT_OF_RANGE', '9007199254740992'],
    ['qos.tokenRateBitsPerSecond', 2n ** 63n - 1n, 'OUT_OF_RANGE', '9223372036854775807'],
    ['qos.peakRateBitsPerSecond', 1000n, 'OUT_OF_RANGE', '1000'],
    ['qos.tokenBucketBytes', 100n, 'OUT_OF_RANGE', '100'],
    ['window.end', { seconds: BigInt(NOW / 1000 - 5) }, 'OUT_OF_RANGE', '09:59:55'],
    ['window.end', { seconds: 10n ** 15n }, 'OUT_OF_RANGE', '1000000000000000 s'],
    ['window.end', { seconds: 0n, nanos: -1 }, 'OUT_OF_RANGE', '-1 ns'],
  ])('with %s = %s are INVALID_ARGUMENT with field and value', async (path, value, reason, shown) => {
    const { client } = await startGrpc();
    const error = await errorOf(call(client, createReservation, { reservation: set(path, value) }));
    expect(error.code).toBe(status.INVALID_ARGUMENT);
    const { info, badRequest } = readRichStatus(error.metadata);
    expect(info).toMatchObject({ reason, domain: 'headroom' });
    const violation = badRequest!.fieldViolations.find((each) => each.field.startsWith(path));
    expect(violation?.description).toContain(shown);
  });

  it('of which a page would be too long for a client come in shorter pages', async () => {
    const labels = Object.fromEntries(
      Array.from({ length: 64 }, (_, i) => [`k${i}-${'a'.repeat(56)}`, 'v'.repeat(256)]),
    );
    const all = Array.from({ length: 500 }, (_, n) => reservation({ id: String(n), labels }));
    const { client } = await startGrpc({
      control: edgeControl({
        listReservations: ({ pageSize, pageToken }) => {
          const from = Number(pageToken ?? 0);
          const items = all.slice(from, from + pageSize);
          const next = from + items.length;
          return Promise.resolve({ items, nextPageToken: next < all.length ? String(next) : null });
        },
      }),
    });
    const seen: string[] = [];
    const pages: number[] = [];
    for (let pageToken = ''; pages.length === 0 || pageToken !== '';) {
      const page = await call(client, listReservations, { pageSize: 500, pageToken });
      pages.push(page.reservations.length);
      seen.push(...page.reservations.map(({ id }) => id));
      pageToken = page.nextPageToken;
    }
    expect(seen).toEqual(all.map(({ id }) => id));
    expect(pages.length).toBeGreaterThan(2);
  });

  it('without a reservation, with a bad key, page size or state are INVALID_ARGUMENT', async () => {
    const { client } = await startGrpc();
    for (const attempt of [
      call(client, createReservation, {}),
      call(client, createReservation, { reservation: goodSpec(), requestId: 'two words' }),
      call(client, listReservations, { pageSize: 501 }),
      call(client, listReservations, { pageSize: -1 }),
      call(client, listReservations, { states: ['gone'] }),
    ]) {
      const error = await errorOf(attempt);
      expect(error.code).toBe(status.INVALID_ARGUMENT);
      expect(readRichStatus(error.metadata).badRequest!.fieldViolations).toHaveLength(1);
    }
  });
});

describe('an update', () => {
  const rate = { qos: { serviceType: '', tokenRateBitsPerSecond: 30_000_000n } };
  const update = (request: MessageInitShape<typeof UpdateReservationRequestSchema>) => ({
    id: RESERVATION_ID,
    etag: '7',
    ...request,
  });

  const PATCHES = [
    [
      { reservation: rate, updateMask: { paths: ['qos.token_rate_bits_per_second'] } },
      [{ qos: { tokenRateBitsPerSecond: 30e6 } }],
    ],
    [
      { reservation: { name: 'n', ...rate }, updateMask: { paths: ['name', 'labels.job', 'labels.a.b'] } },
      [{ name: 'n' }, { labels: { job: null } }, { labels: { 'a.b': null } }],
    ],
    [
      { updateMask: { paths: ['name', 'qos.peak_rate_bits_per_second'] } },
      [{ name: null }, { qos: { peakRateBitsPerSecond: null } }],
    ],
    [{ reservation: { name: 'n', labels: { a: '1' } } }, [{ name: 'n' }, { labels: null }, { labels: { a: '1' } }]],
    [
      { reservation: { qos: goodSpec().qos! } },
      [
        {
          qos: {
            serviceType: 'guaranteed',
            tokenRateBitsPerSecond: 25e6,
            tokenBucketBytes: null,
            peakRateBitsPerSecond: null,
            minPolicedUnitBytes: null,
            maxPacketBytes: null,
            maxDelayMicros: 20_000,
            slackMicros: null,
          },
        },
      ],
    ],
  ] as const;
  it.each([...PATCHES.keys()])('is told as merge patches (%s)', async (i) => {
    const [request, patches] = PATCHES[i]!;
    const { client, control } = await startGrpc();
    const updated = await call(client, updateReservation, update(request as never));
    expect(updated).toMatchObject({ id: RESERVATION_ID, etag: '8' });
    expect(control.calls.at(-1)!.args).toEqual([RESERVATION_ID, patches, { ifMatch: '"7"', idempotencyKey: null }]);
  });

  const WRONG = [
    [{ updateMask: { paths: ['flow'] } }, 'updateMask', 'flow'],
    [{ updateMask: { paths: ['*'] } }, 'updateMask', '*'],
    [{ updateMask: { paths: ['qos.tokenRateBitsPerSecond'] } }, 'updateMask', 'qos.tokenRateBitsPerSecond'],
    [{ updateMask: { paths: ['qos.token_rate_bits_per_second'] } }, 'qos.tokenRateBitsPerSecond', 'must be an integer'],
    [
      {
        reservation: { qos: { tokenRateBitsPerSecond: 2n ** 60n } },
        updateMask: { paths: ['qos.token_rate_bits_per_second'] },
      },
      'qos.tokenRateBitsPerSecond',
      String(2n ** 60n),
    ],
    [
      { updateMask: { paths: ['labels.Not A Key'] }, reservation: { labels: { 'Not A Key': 'x' } } },
      'labels.Not A Key',
      'key',
    ],
    [{ updateMask: { paths: ['name'] }, etag: 'two words' }, 'etag', 'two words'],
    [{ updateMask: { paths: ['name'] }, requestId: 'two words' }, 'requestId', 'two words'],
  ] as const;
  it.each([...WRONG.keys()])('that is wrong is INVALID_ARGUMENT and names the field (%s)', async (i) => {
    const [request, field, shown] = WRONG[i]!;
    const { client } = await startGrpc();
    const error = await errorOf(call(client, updateReservation, update(request as never)));
    expect(error.code).toBe(status.INVALID_ARGUMENT);
    const violation = readRichStatus(error.metadata).badRequest!.fieldViolations.find((each) => each.field === field);
    expect(violation?.description).toContain(shown);
  });

  it('without an etag is FAILED_PRECONDITION, of what is not there NOT_FOUND', async () => {
    const { client } = await startGrpc();
    const bare = await errorOf(
      call(client, updateReservation, { id: RESERVATION_ID, updateMask: { paths: ['name'] } }),
    );
    expect([bare.code, readRichStatus(bare.metadata).info!.reason]).toEqual([
      status.FAILED_PRECONDITION,
      'ETAG_REQUIRED',
    ]);
    const missing = await errorOf(
      call(client, updateReservation, update({ id: 'x', updateMask: { paths: ['name'] } })),
    );
    expect(missing.code).toBe(status.NOT_FOUND);
  });

  it('shows a change under way and one that failed', async () => {
    const before = reservation();
    const change = {
      state: 'failed',
      ...{ since: 7, requestedAt: NOW },
      terms: termsOf({ ...before.qos, tokenRateBitsPerSecond: BitsPerSecond(50_000_000) }, before.path, []),
      reasons: [{ reason: 'REFUSED', errorCode: 1, errorValue: 2, errorNode: 'r1', detail: 'no class left' }],
    } as const;
    const { client } = await startGrpc({
      control: edgeControl({ getReservation: async () => reservation({ change }) }),
    });
    const shown = await call(client, getReservation, { id: RESERVATION_ID });
    expect(shown.change).toMatchObject({
      state: 'failed',
      requested: { qos: { tokenRateBitsPerSecond: 50_000_000n } },
      reasons: [{ reason: 'REFUSED', errorCode: 1, errorNode: 'r1' }],
    });
    expect((await call((await startGrpc()).client, getReservation, { id: RESERVATION_ID })).change).toBeUndefined();
  });
});

it('an x-correlator that cannot be echoed is INVALID_ARGUMENT, as over HTTP', async () => {
  const { client, control } = await startGrpc();
  const error = await errorOf(call(client, getReservation, { id: RESERVATION_ID }, { 'x-correlator': 'two words' }));
  expect(error.code).toBe(status.INVALID_ARGUMENT);
  expect(readRichStatus(error.metadata).badRequest!.fieldViolations).toEqual([
    expect.objectContaining({ field: 'x-correlator', description: expect.stringContaining('"two words"') }),
  ]);
  expect(control.calls.map((each) => each.name)).not.toContain('getReservation');
});

describe('bytes that are no request', () => {
  const book = (client: Client, bytes: Uint8Array) =>
    callWithBytes(client, ReservationService, 'CreateReservation', bytes);
  const good = toBinary(
    CreateReservationRequestSchema,
    create(CreateReservationRequestSchema, { reservation: goodSpec(), requestId: 'k' }),
  );

  it('are INVALID_ARGUMENT, as are fields that the schema does not have', async () => {
    const { client } = await startGrpc();
    expect((await errorOf(book(client, Uint8Array.of(0xff, 0xff)))).code).toBe(status.INVALID_ARGUMENT);
    // Field 100 at the end of the request itself.
    const unknown = await errorOf(book(client, Uint8Array.of(...good, 0xa0, 0x06, 0x01)));
    expect(unknown.code).toBe(status.INVALID_ARGUMENT);
    expect(readRichStatus(unknown.metadata).badRequest!.fieldViolations[0]).toMatchObject({
      field: '#100',
      description: expect.stringMatching(/value: "\d+ bytes"/),
    });
    // And inside its reservation.
    const inner = Uint8Array.of(0x0a, 0x03, 0xa0, 0x06, 0x01);
    const nested = await errorOf(book(client, inner));
    expect(readRichStatus(nested.metadata).badRequest!.fieldViolations[0]!.field).toBe('reservation.#100');
  });

  it('of 2 MiB are RESOURCE_EXHAUSTED', async () => {
    const { client } = await startGrpc();
    const error = await errorOf(
      call(client, createReservation, { reservation: { ...goodSpec(), name: 'x'.repeat(2 * 1024 * 1024) } }),
    );
    expect(error.code).toBe(status.RESOURCE_EXHAUSTED);
    expect(readRichStatus(error.metadata).info!.reason).toBe('PAYLOAD_TOO_LARGE');
  });

  it('made of good ones by damage are booked or refused, never a failure inside', async () => {
    const { client } = await startGrpc();
    await fc.assert(
      fc.asyncProperty(fc.nat(good.length), fc.nat(8), fc.uint8Array({ maxLength: 8 }), async (at, cut, put) => {
        const bytes = Uint8Array.of(...good.slice(0, at), ...put, ...good.slice(at + cut));
        const code = await book(client, bytes).then(
          () => status.OK,
          (error: { code: number }) => error.code,
        );
        expect([status.OK, status.INVALID_ARGUMENT]).toContain(code);
      }),
      { numRuns: 500 },
    );
  });
});

describe('refusals', () => {
  it('carry every reason as a violation, the first one plainly, and alternatives', async () => {
    const conflicting = Array.from({ length: 100 }, (_, i) => `0193b1e0-0000-7000-8000-${String(i).padStart(12, '0')}`);
    const control = edgeControl({
      reserve: async () => {
        throw new ControlError('BANDWIDTH_UNAVAILABLE', 'Not enough is free', {
          reasons: Array.from({ length: 200 }, (_, i) => ({
            reason: 'BANDWIDTH_UNAVAILABLE' as const,
            link: `r${i}:eth1`,
            requestedBitsPerSecond: BitsPerSecond(20),
            availableBitsPerSecond: BitsPerSecond(5),
            interval: { start: NOW, end: null },
            conflicting,
          })),
          alternatives: [{ kind: 'path', needs: 'PINNING', obstacles: [], hops: [], delayBoundMicros: null }],
        });
      },
    });
    const { client } = await startGrpc({ control });
    const error = await errorOf(call(client, createReservation, { reservation: goodSpec() }));
    expect(error.code).toBe(status.FAILED_PRECONDITION);
    const { info, preconditionFailure } = readRichStatus(error.metadata);
    expect(info!.reason).toBe('BANDWIDTH_UNAVAILABLE');
    expect(preconditionFailure!.violations[0]).toMatchObject({ type: 'BANDWIDTH_UNAVAILABLE', subject: 'r0:eth1' });
    expect(preconditionFailure!.violations[0]!.description).toContain('20 bit/s asked, 5 bit/s free');
  });

  it('that may pass say when to try again; unexpected errors say nothing of themselves', async () => {
    const thrown: Error[] = [
      new ControlError('UNAVAILABLE', 'The database does not answer', { retryAfterSeconds: 3 }),
      new Error('secret'),
      new ControlError('NOT_FOUND', 'ünknown – reservation'),
    ];
    const control = edgeControl({
      getReservation: async () => {
        throw thrown.shift()!;
      },
    });
    const { client, log } = await startGrpc({ control });
    const away = await errorOf(call(client, getReservation, { id: 'x' }));
    expect(away.code).toBe(status.UNAVAILABLE);
    expect(readRichStatus(away.metadata).retryInfo!.retryDelay!.seconds).toBe(3n);
    const inside = await errorOf(call(client, getReservation, { id: 'x' }));
    expect(inside.code).toBe(status.INTERNAL);
    expect(inside.details).not.toContain('secret');
    expect(log.join('')).toContain('secret');
    const unknown = await errorOf(call(client, getReservation, { id: 'x' }));
    expect(unknown).toMatchObject({ code: status.NOT_FOUND, details: 'ünknown – reservation' });
  });
});

describe('the topology', () => {
  it('is put with defaults for what is not set, and read back', async () => {
    const { client, control } = await startGrpc();
    const request = {
      nodes: [
        { name: 'a', agent: 'required', interfaces: [{ name: 'eth0', addresses: ['10.1.0.2/24'] }] },
        { name: 'b', interfaces: [{ name: 'eth0', addresses: ['10.1.0.3/24'] }] },
      ],
      links: [
        {
          from: { node: 'a', interface: 'eth0' },
          to: { node: 'b', interface: 'eth0' },
          capacityBitsPerSecond: 100_000_000n,
        },
      ],
      etag: '1',
    };
    const outcome = await call(client, TopologyService.method.putTopology, request);
    expect(outcome.changes).toMatchObject({ nodesAdded: ['a', 'b'], linksAdded: ['a:eth0'] });
    expect(control.calls.find((each) => each.name === 'putTopology')!.args[1]).toMatchObject({ ifMatch: '"1"' });
    const { nodes, links, etag } = await call(client, TopologyService.method.getTopology, {});
    expect(etag).toBe('1');
    expect(nodes[1]).toMatchObject({ agent: 'none', adminState: 'up' });
    expect(links[0]).toMatchObject({ id: 'a:eth0', reservableShare: 0.75, cost: 1, mtuBytes: 1500 });
    expect(await call(client, TopologyService.method.getLink, { id: 'a:eth0' })).toMatchObject({
      reservableBitsPerSecond: 75_000_000n,
    });
    expect((await call(client, TopologyService.method.putTopology, { nodes, links, etag })).topology!.links).toEqual(
      links,
    );
  });

  it('that is wrong is refused by field', async () => {
    const { client } = await startGrpc();
    const attempt = (request: MessageInitShape<typeof TopologyService.method.putTopology.input>) =>
      errorOf(call(client, TopologyService.method.putTopology, request));
    const missing = await attempt({ links: [{ capacityBitsPerSecond: 2n ** 60n }] });
    expect(missing.code).toBe(status.INVALID_ARGUMENT);
    expect(readRichStatus(missing.metadata).badRequest!.fieldViolations.map((each) => each.field)).toEqual([
      'links[0].from',
      'links[0].to',
      'links[0].capacityBitsPerSecond',
    ]);
    const etag = await attempt({ etag: 'W/"1"' });
    expect(etag.code).toBe(status.INVALID_ARGUMENT);
    expect(readRichStatus(etag.metadata).badRequest!.fieldViolations[0]!.field).toBe('etag');
    const name = await attempt({ nodes: [{ name: 'A B' }] });
    expect(readRichStatus(name.metadata).badRequest!.fieldViolations[0]!.field).toBe('nodes[0].name');
  });

  it('may be larger than other messages', async () => {
    const { client } = await startGrpc();
    const nodes = Array.from({ length: 20_000 }, (_, i) => ({
      name: `node-${i}`,
      labels: { padding: 'x'.repeat(100) },
    }));
    expect((await call(client, TopologyService.method.putTopology, { nodes })).changes!.nodesAdded).toHaveLength(
      20_000,
    );
  });
});

it('agents are shown', async () => {
  const { client } = await startGrpc();
  const { agents } = await call(client, AgentService.method.listAgents, {});
  expect(agents[0]).toMatchObject({ id: 'r1', state: 'connected', enforcement: 'kernel', assignments: 3 });
  expect(await call(client, AgentService.method.getAgent, { id: 'r1' })).toMatchObject({
    mismatches: [expect.any(String)],
  });
});

describe('events', () => {
  const event = (id: number): EventView => ({
    id: BigInt(id),
    type: 'reservation.active',
    time: NOW,
    reservationId: RESERVATION_ID,
    data: reservation(),
  });

  it('come after the token, in order, until the reader leaves', async () => {
    let ended: () => void;
    const end = new Promise<void>((resolve) => (ended = resolve));
    const control = edgeControl({
      watchEvents: async function* (after, signal) {
        yield* untilAborted([event(1), event(2), event(3)], signal, after);
        ended();
      },
    });
    const { client } = await startGrpc({ control });
    const stream = serverStream(client, EventService.method.watch, { resumeToken: '1' });
    stream.on('error', () => undefined);
    const seen: Event[] = [];
    stream.on('data', (each: Event) => seen.push(each));
    while (seen.length < 2) await once(stream, 'data');
    expect(seen.map((each) => each.id)).toEqual(['2', '3']);
    expect(seen[0]).toMatchObject({ type: 'reservation.active', reservation: { id: RESERVATION_ID } });
    stream.cancel();
    await end;
  });

  it('that are gone, and a token that is none, end the stream with their status', async () => {
    const control = edgeControl({
      watchEvents: () => failing(new ControlError('EVENTS_PURGED', 'gone')),
    });
    const { client } = await startGrpc({ control });
    for (const [resumeToken, code] of [
      ['1', status.OUT_OF_RANGE],
      ['one', status.INVALID_ARGUMENT],
    ] as const) {
      const stream = serverStream(client, EventService.method.watch, { resumeToken }).resume();
      const [error] = (await once(stream, 'error').catch((thrown: unknown) => [thrown])) as [{ code: number }];
      expect(error.code).toBe(code);
    }
  });

  it('end when the server closes', async () => {
    const control = edgeControl({ watchEvents: (_after, signal) => untilAborted([event(1)], signal) });
    const { client, server } = await startGrpc({ control });
    const stream = serverStream(client, EventService.method.watch, {});
    await once(stream, 'data');
    stream.resume();
    const end = once(stream, 'end');
    await server.close();
    await end;
  });
});

describe('who may call', () => {
  it('whoever has the token, where one is configured', async () => {
    const { client } = await startGrpc({ token: 'correct-horse' });
    for (const metadata of [{}, { authorization: 'Bearer wrong' }] as Record<string, string>[]) {
      const error = await errorOf(call(client, getReservation, { id: RESERVATION_ID }, metadata));
      expect(error.code).toBe(status.UNAUTHENTICATED);
      expect(readRichStatus(error.metadata).info!.reason).toBe('UNAUTHENTICATED');
    }
    const metadata = { authorization: 'Bearer correct-horse' };
    expect((await call(client, getReservation, { id: RESERVATION_ID }, metadata)).id).toBe(RESERVATION_ID);
  });
});

describe('what other tools ask', () => {
  it.each(['v1', 'v1alpha'])('reflection %s lists the services and gives files that decode', async (version) => {
    const { port } = await startGrpc();
    const folder = join(
      dirname(createRequire(import.meta.url).resolve('@grpc/reflection/package.json')),
      'build/proto',
    );
    const loaded = loadPackageDefinition(
      loadSync(join(folder, `grpc/reflection/${version}/reflection.proto`)),
    ) as never;
    const Reflection = (loaded as Record<string, Record<string, Record<string, Record<string, never>>>>)['grpc']![
      'reflection'
    ]![version]!['ServerReflection'] as unknown as new (
      address: string,
      creds: unknown,
    ) => Client & {
      ServerReflectionInfo(): NodeJS.ReadWriteStream;
    };
    const client = new Reflection(`127.0.0.1:${port}`, credentials.createInsecure());
    const stream = client.ServerReflectionInfo();
    const ask = async (request: object): Promise<Record<string, Record<string, unknown[]>>> => {
      stream.write(request as never);
      return ((await once(stream, 'data')) as [Record<string, Record<string, unknown[]>>])[0];
    };
    const list = await ask({ listServices: '' });
    expect(list['listServicesResponse']!['service']).toEqual(
      ['ReservationService', 'TopologyService', 'AgentService', 'EventService'].map((name) => ({
        name: `headroom.v1.${name}`,
      })),
    );
    const found = await ask({ fileContainingSymbol: 'headroom.v1.EventService' });
    const files = found['fileDescriptorResponse']!['fileDescriptorProto'] as Buffer[];
    const names = files.map((each) => fromBinary(FileDescriptorProtoSchema, each).name);
    expect(names).toContain('headroom/v1/event.proto');
    expect(names).toContain('google/protobuf/timestamp.proto');
    stream.end();
    client.close();
  });

  it('health follows readiness', async () => {
    const check = async (control: ReturnType<typeof edgeControl>): Promise<unknown> => {
      const { client } = await startGrpc({ control });
      const definition = (healthDefinition as unknown as Record<string, never>)['Check'] as unknown as {
        path: string;
        requestSerialize: (value: object) => Buffer;
        responseDeserialize: (bytes: Buffer) => { status: string };
      };
      return new Promise((resolve, reject) => {
        client.makeUnaryRequest(
          definition.path,
          definition.requestSerialize,
          definition.responseDeserialize,
          { service: 'headroom.v1.ReservationService' },
          (error, value) => (error ? reject(error) : resolve(value?.status)),
        );
      });
    };
    expect(await check(edgeControl())).toBe('SERVING');
    const away = { ready: false, database: 'unreachable', migrations: 'ok', warnings: [] } as const;
    expect(await check(edgeControl({ readiness: async () => away }))).toBe('NOT_SERVING');
  });
});
