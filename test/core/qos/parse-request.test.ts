import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EpochMs } from '../../../src/core/base/units.ts';
import { parseReservationRequest } from '../../../src/core/qos/parse-request.ts';
import type { ReservationInput } from '../../../src/core/qos/request-input.ts';
import type { FieldProblem, ReservationRequest } from '../../../src/core/qos/request.ts';

const NOW = EpochMs(Date.parse('2026-11-22T10:00:00Z'));

const BASE: ReservationInput = {
  flow: {
    protocol: 'udp',
    source: { address: '10.1.0.2', port: 5004 },
    destination: { address: '10.2.0.2', port: 5005 },
  },
  qos: { serviceType: 'controlledLoad', tokenRateBitsPerSecond: 25_000_000 },
};
type Changes = {
  [K in 'flow' | 'qos' | 'window' | 'constraints']?: Record<string, unknown>;
} & { name?: unknown; labels?: unknown };
/** The base with some members replaced, of the right type or not. */
const input = (more: Changes): ReservationInput =>
  ({ ...BASE, ...more, flow: { ...BASE.flow, ...more.flow }, qos: { ...BASE.qos, ...more.qos } }) as ReservationInput;

function good(more: Changes): ReservationRequest {
  const result = parseReservationRequest(input(more), NOW);
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}

function bad(more: Changes): readonly FieldProblem[] {
  const result = parseReservationRequest(input(more), NOW);
  if (result.ok) throw new Error('accepted');
  return result.error;
}

describe('a reservation request', () => {
  it('gets the defaults of the contract', () => {
    expect(good({})).toEqual({
      name: null,
      labels: {},
      flow: { protocol: 'udp', ...{ source: BASE.flow.source, destination: BASE.flow.destination } },
      moreSources: [],
      sourcesListed: false,
      style: 'fixedFilter',
      qos: {
        serviceType: 'controlledLoad',
        tokenRateBitsPerSecond: 25_000_000,
        // 10 ms at 25 Mbit/s
        tokenBucketBytes: 31_250,
        peakRateBitsPerSecond: null,
        minPolicedUnitBytes: 128,
        maxPacketBytes: 1500,
        maxDelayMicros: null,
        slackMicros: 0,
      },
      window: { start: NOW, end: null },
      constraints: { allowUnpinned: false },
    });
    expect(good({ qos: { tokenRateBitsPerSecond: 64_000 } }).qos.tokenBucketBytes).toBe(3000);
    expect(good({ qos: { maxPacketBytes: 100 } }).qos).toMatchObject({ maxPacketBytes: 100, minPolicedUnitBytes: 100 });
    expect(good({ qos: { tokenRateBitsPerSecond: Number.MAX_SAFE_INTEGER } }).qos.tokenBucketBytes).toBe(250e9);
  });

  it('keeps what is given', () => {
    const qos = {
      serviceType: 'guaranteed',
      tokenRateBitsPerSecond: 25_000_000,
      tokenBucketBytes: 15_000,
      peakRateBitsPerSecond: 30_000_000,
      minPolicedUnitBytes: 200,
      maxPacketBytes: 1400,
      maxDelayMicros: 20_000,
      slackMicros: 10,
    };
    expect(good({ qos, name: 'camera-3', labels: { job: '42' } })).toMatchObject({
      qos,
      name: 'camera-3',
      labels: { job: '42' },
    });
    expect(
      good({ flow: { source: { address: '10.1.0.2' }, destination: { address: '10.2.0.2', port: null } } }),
    ).toMatchObject({
      flow: { source: { port: null }, destination: { port: null } },
    });
    expect(
      good({ flow: { source: { address: '2001:DB8::1' }, destination: { address: '2001:db8:0:0::2' } } }).flow,
    ).toMatchObject({ source: { address: '2001:db8::1' }, destination: { address: '2001:db8::2' } });
    // What a stored reservation shows can be sent again.
    expect(good({ qos: { maxDelayMicros: null, slackMicros: 0, peakRateBitsPerSecond: null } }).qos.slackMicros).toBe(
      0,
    );
  });

  it('may start within the last minute, which means now', () => {
    const window = { start: '2026-11-22T09:59:00Z', end: '2026-11-22T11:00:00+00:00' };
    expect(good({ window }).window).toEqual({ start: NOW, end: NOW + 3_600_000 });
    expect(good({ window: { start: '2026-11-22T12:00:00+01:00' } }).window).toEqual({
      start: NOW + 3_600_000,
      end: null,
    });
  });

  const rate = 'qos.tokenRateBitsPerSecond';
  const cases: [string, Changes, string, unknown, FieldProblem['code']][] = [
    ['a rate of 0', { qos: { tokenRateBitsPerSecond: 0 } }, rate, 0, 'OUT_OF_RANGE'],
    ['a negative rate', { qos: { tokenRateBitsPerSecond: -5 } }, rate, -5, 'OUT_OF_RANGE'],
    ['a rate that is no number', { qos: { tokenRateBitsPerSecond: NaN } }, rate, NaN, 'INVALID_ARGUMENT'],
    ['an infinite rate', { qos: { tokenRateBitsPerSecond: Infinity } }, rate, Infinity, 'INVALID_ARGUMENT'],
    ['an absurd rate', { qos: { tokenRateBitsPerSecond: 1e30 } }, rate, 1e30, 'OUT_OF_RANGE'],
    ['a rate beyond 2^53 − 1', { qos: { tokenRateBitsPerSecond: 2 ** 53 } }, rate, 2 ** 53, 'OUT_OF_RANGE'],
    ['a fraction of a bit', { qos: { tokenRateBitsPerSecond: 1000.5 } }, rate, 1000.5, 'INVALID_ARGUMENT'],
    ['a rate as text', { qos: { tokenRateBitsPerSecond: '5' } }, rate, '5', 'INVALID_ARGUMENT'],
    ['no rate', { qos: { tokenRateBitsPerSecond: undefined } }, rate, undefined, 'INVALID_ARGUMENT'],
    ['p < r', { qos: { peakRateBitsPerSecond: 24_999_999 } }, 'qos.peakRateBitsPerSecond', 24_999_999, 'OUT_OF_RANGE'],
    ['a peak of 0', { qos: { peakRateBitsPerSecond: 0 } }, 'qos.peakRateBitsPerSecond', 0, 'OUT_OF_RANGE'],
    ['b < M', { qos: { tokenBucketBytes: 1499 } }, 'qos.tokenBucketBytes', 1499, 'OUT_OF_RANGE'],
    ['b of 0', { qos: { tokenBucketBytes: 0 } }, 'qos.tokenBucketBytes', 0, 'OUT_OF_RANGE'],
    ['a huge bucket', { qos: { tokenBucketBytes: 250e9 + 1 } }, 'qos.tokenBucketBytes', 250e9 + 1, 'OUT_OF_RANGE'],
    ['m > M', { qos: { minPolicedUnitBytes: 1501 } }, 'qos.minPolicedUnitBytes', 1501, 'OUT_OF_RANGE'],
    ['m of 0', { qos: { minPolicedUnitBytes: 0 } }, 'qos.minPolicedUnitBytes', 0, 'OUT_OF_RANGE'],
    ['M above 65535', { qos: { maxPacketBytes: 65_536 } }, 'qos.maxPacketBytes', 65_536, 'OUT_OF_RANGE'],
    ['M below a header', { qos: { maxPacketBytes: 19 } }, 'qos.maxPacketBytes', 19, 'OUT_OF_RANGE'],
    ['an unknown service', { qos: { serviceType: 'gold' } }, 'qos.serviceType', 'gold', 'INVALID_ARGUMENT'],
    ['a delay for controlled load', { qos: { maxDelayMicros: 9 } }, 'qos.maxDelayMicros', 9, 'INVALID_ARGUMENT'],
    ['slack for controlled load', { qos: { slackMicros: 9 } }, 'qos.slackMicros', 9, 'INVALID_ARGUMENT'],
    [
      'no delay at all',
      { qos: { serviceType: 'guaranteed', maxDelayMicros: 0 } },
      'qos.maxDelayMicros',
      0,
      'OUT_OF_RANGE',
    ],
    [
      'slack beyond the delay',
      { qos: { serviceType: 'guaranteed', maxDelayMicros: 10, slackMicros: 10 } },
      'qos.slackMicros',
      10,
      'OUT_OF_RANGE',
    ],
    ['an unknown protocol', { flow: { protocol: 'sctp' } }, 'flow.protocol', 'sctp', 'INVALID_ARGUMENT'],
    ['port 0', { flow: { source: { address: '10.1.0.2', port: 0 } } }, 'flow.source.port', 0, 'OUT_OF_RANGE'],
    [
      'port 65536',
      { flow: { destination: { address: '10.2.0.2', port: 65_536 } } },
      'flow.destination.port',
      65_536,
      'OUT_OF_RANGE',
    ],
    [
      'half a port',
      { flow: { destination: { address: '10.2.0.2', port: 1.5 } } },
      'flow.destination.port',
      1.5,
      'INVALID_ARGUMENT',
    ],
    [
      'a source port alone',
      { flow: { destination: { address: '10.2.0.2' } } },
      'flow.source.port',
      5004,
      'INVALID_ARGUMENT',
    ],
    [
      'equal ends',
      { flow: { destination: { address: '10.1.0.2', port: 5004 } } },
      'flow.destination.address',
      '10.1.0.2',
      'OUT_OF_RANGE',
    ],
    [
      'no address',
      { flow: { source: { address: 'host-a', port: 1 } } },
      'flow.source.address',
      'host-a',
      'INVALID_ARGUMENT',
    ],
    [
      'octal octets',
      { flow: { source: { address: '010.1.0.2', port: 1 } } },
      'flow.source.address',
      '010.1.0.2',
      'INVALID_ARGUMENT',
    ],
    [
      'two families',
      { flow: { destination: { address: '2001:db8::1', port: 1 } } },
      'flow.destination.address',
      '2001:db8::1',
      'OUT_OF_RANGE',
    ],
    ...[
      '224.0.0.1',
      '239.1.2.3',
      '127.0.0.1',
      '0.0.0.0',
      '0.1.2.3',
      '240.0.0.1',
      '255.255.255.255',
      '::',
      '::1',
      'ff02::1',
      '::ffff:10.1.0.2',
    ].map((address): (typeof cases)[number] => [
      address,
      { flow: { source: { address, port: 1 } } },
      'flow.source.address',
      address,
      'OUT_OF_RANGE',
    ]),
    [
      'an end before the start',
      { window: { start: '2026-11-22T12:00:00Z', end: '2026-11-22T11:00:00Z' } },
      'window.end',
      '2026-11-22T11:00:00Z',
      'OUT_OF_RANGE',
    ],
    [
      'an end at the start',
      { window: { start: '2026-11-22T12:00:00Z', end: '2026-11-22T12:00:00Z' } },
      'window.end',
      '2026-11-22T12:00:00Z',
      'OUT_OF_RANGE',
    ],
    [
      'an end in the past',
      { window: { end: '2026-11-22T09:00:00Z' } },
      'window.end',
      '2026-11-22T09:00:00Z',
      'OUT_OF_RANGE',
    ],
    ['an end now', { window: { end: '2026-11-22T10:00:00Z' } }, 'window.end', '2026-11-22T10:00:00Z', 'OUT_OF_RANGE'],
    [
      'a start long past',
      { window: { start: '2026-11-22T09:58:59.999Z' } },
      'window.start',
      '2026-11-22T09:58:59.999Z',
      'OUT_OF_RANGE',
    ],
    [
      'a time without zone',
      { window: { start: '2026-11-22T12:00:00' } },
      'window.start',
      '2026-11-22T12:00:00',
      'INVALID_ARGUMENT',
    ],
    ['a time as a number', { window: { end: 5 } }, 'window.end', 5, 'INVALID_ARGUMENT'],
    ['an empty name', { name: '' }, 'name', '', 'OUT_OF_RANGE'],
    ['a long name', { name: 'x'.repeat(201) }, 'name', 'x'.repeat(201), 'OUT_OF_RANGE'],
    ['a name with a line break', { name: 'a\nb' }, 'name', 'a\nb', 'INVALID_ARGUMENT'],
    ['a name that no database stores', { name: 'a\ud800' }, 'name', 'a\ud800', 'INVALID_ARGUMENT'],
    ['a label key in capitals', { labels: { Job: 'x' } }, 'labels.Job', 'x', 'INVALID_ARGUMENT'],
    ['a long label', { labels: { job: 'x'.repeat(257) } }, 'labels.job', 'x'.repeat(257), 'OUT_OF_RANGE'],
    ['a NUL in a label', { labels: { job: 'a\0' } }, 'labels.job', 'a\0', 'INVALID_ARGUMENT'],
    [
      '65 labels',
      { labels: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, ''])) },
      'labels',
      65,
      'OUT_OF_RANGE',
    ],
  ];

  it.each(cases)('is refused with field and value: %s', (_, more, field, value, code) => {
    expect(bad(more)).toEqual([{ field, value, code, problem: expect.stringMatching(/^[a-z].{10,}/) }]);
  });

  it('is told everything that is wrong with it at once, in the order of its fields', () => {
    const problems = bad({
      name: '',
      labels: { '!': 'x' },
      flow: { protocol: 'icmp', source: { address: '?', port: 0 }, destination: { address: '224.0.0.1', port: -1 } },
      qos: {
        serviceType: 'x',
        tokenRateBitsPerSecond: -1,
        peakRateBitsPerSecond: 'x',
        tokenBucketBytes: 0,
        minPolicedUnitBytes: 0,
        maxPacketBytes: 0,
        maxDelayMicros: -1,
        slackMicros: -1,
      },
      window: { start: 'then', end: 'later' },
    });
    expect(problems.map((p) => p.field)).toEqual([
      'name',
      'labels.!',
      'flow.protocol',
      'flow.source.address',
      'flow.source.port',
      'flow.destination.address',
      'flow.destination.port',
      'qos.serviceType',
      'qos.tokenRateBitsPerSecond',
      'qos.peakRateBitsPerSecond',
      'qos.maxPacketBytes',
      'qos.minPolicedUnitBytes',
      'qos.tokenBucketBytes',
      'qos.maxDelayMicros',
      'qos.slackMicros',
      'window.start',
      'window.end',
    ]);
  });

  it('takes what the caller allows of the path as it is said', () => {
    expect(good({ constraints: { allowUnpinned: true } }).constraints).toEqual({ allowUnpinned: true });
    expect(good({ constraints: {} }).constraints).toEqual({ allowUnpinned: false });
    const refused = parseReservationRequest(input({ constraints: { allowUnpinned: 'yes' } }), NOW);
    expect(refused).toMatchObject({ ok: false, error: [{ field: 'constraints.allowUnpinned', value: 'yes' }] });
  });

  it('never throws, whatever the values are, and refuses with at least one problem', () => {
    const value = fc.oneof(
      fc.anything({ withNullPrototype: true, withBigInt: true, withDate: true }),
      fc.double(),
      fc.string(),
    );
    fc.assert(
      fc.property(value, value, value, value, (a, b, c, d) => {
        const result = parseReservationRequest(
          input({
            name: a,
            flow: { protocol: b, source: { address: c, port: d } },
            qos: { serviceType: d, tokenRateBitsPerSecond: a, tokenBucketBytes: b, slackMicros: c },
            window: { start: c, end: d },
            constraints: { allowUnpinned: b },
          }),
          NOW,
        );
        if (!result.ok) expect(result.error.length).toBeGreaterThan(0);
      }),
    );
  });
});
