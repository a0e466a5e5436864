import { describe, expect, it } from 'vitest';
import { FieldProblems } from '../../../src/core/qos/field-problems.ts';
import { parseSenders } from '../../../src/core/qos/parse-flow.ts';
import type { ReservationInput } from '../../../src/core/qos/request-input.ts';
import { endpointText, type FlowEndpoint } from '../../../src/core/qos/request.ts';

type Input = Pick<ReservationInput, 'flow' | 'signaling'>;

const destination = { address: '10.9.0.2', port: 5004 };
const from = (...sources: NonNullable<ReservationInput['flow']['sources']>): Input => ({
  flow: { protocol: 'udp', sources, destination },
});
const two = from({ address: '10.1.0.2', port: 1 }, { address: '10.2.0.2', port: 1 });

const parsed = (input: Input) => {
  const problems = new FieldProblems();
  const value = parseSenders(input, problems);
  return { value, problems: problems.list };
};

describe('the senders of a request', () => {
  it('are one of its own, or several that share unless it is said otherwise', () => {
    expect(parsed({ flow: { protocol: 'udp', source: { address: '10.1.0.2', port: 1 }, destination } }).value).toEqual({
      flow: { protocol: 'udp', source: { address: '10.1.0.2', port: 1 }, destination },
      moreSources: [],
      sourcesListed: false,
      style: 'fixedFilter',
    });
    expect(parsed(two).value).toEqual({
      flow: { protocol: 'udp', source: { address: '10.1.0.2', port: 1 }, destination },
      moreSources: [{ address: '10.2.0.2', port: 1 }],
      sourcesListed: true,
      style: 'sharedExplicit',
    });
  });

  it.each(['fixedFilter', 'sharedExplicit', 'wildcardFilter'] as const)(
    'may ask for %s, be it one or several',
    (style) => {
      expect(parsed({ ...two, signaling: { style } }).value).toMatchObject({ style });
      const { flow } = two;
      const one = { flow: { protocol: 'udp', source: flow.sources![0]!, destination }, signaling: { style } };
      expect(parsed(one).value).toMatchObject({ style, moreSources: [] });
    },
  );

  it('may be on one host with different ports, on many hosts without any, and up to sixteen', () => {
    const ports = from({ address: '10.1.0.2', port: 1 }, { address: '10.1.0.2', port: 2 });
    expect(parsed(ports).problems).toEqual([]);
    expect(parsed(from({ address: '10.1.0.2' }, { address: '10.2.0.2', port: null })).problems).toEqual([]);
    const many = (n: number) => from(...Array.from({ length: n }, (_, i) => ({ address: '10.1.0.2', port: i + 1 })));
    expect(parsed(many(16)).value?.moreSources).toHaveLength(15);
    expect(parsed(many(17)).problems).toEqual([
      { field: 'flow.sources', value: 17, code: 'OUT_OF_RANGE', problem: 'must be 1 to 16' },
    ]);
  });

  const { flow } = two;
  it.each([
    ['none at all', { flow: { protocol: 'udp', destination } }, 'flow.source', undefined, 'INVALID_ARGUMENT'],
    ['an empty list', from(), 'flow.sources', 0, 'OUT_OF_RANGE'],
    [
      'both spellings',
      { flow: { ...flow, source: flow.sources![0]! } },
      'flow.sources',
      flow.sources,
      'INVALID_ARGUMENT',
    ],
    [
      'the same twice',
      from({ address: '10.1.0.2', port: 1 }, { address: '10.2.0.2', port: 1 }, { address: '10.1.0.2', port: 1 }),
      'flow.sources[2].port',
      1,
      'OUT_OF_RANGE',
    ],
    [
      'the same twice without ports',
      from({ address: '10.1.0.2' }, { address: '10.1.0.2' }),
      'flow.sources[1].address',
      '10.1.0.2',
      'OUT_OF_RANGE',
    ],
    [
      'a port here and none there',
      from({ address: '10.1.0.2', port: 1 }, { address: '10.2.0.2' }),
      'flow.sources[1].port',
      null,
      'INVALID_ARGUMENT',
    ],
    [
      'a port that is none',
      from({ address: '10.1.0.2', port: 1 }, { address: '10.2.0.2', port: 65_536 }),
      'flow.sources[1].port',
      65_536,
      'OUT_OF_RANGE',
    ],
    [
      'ports without one at the destination',
      { flow: { ...flow, destination: { address: '10.9.0.2' } } },
      'flow.sources[0].port',
      1,
      'INVALID_ARGUMENT',
    ],
    ['no address', from({ address: 'host-a', port: 1 }), 'flow.sources[0].address', 'host-a', 'INVALID_ARGUMENT'],
    [
      'the destination itself',
      from({ address: '10.1.0.2', port: 1 }, destination),
      'flow.destination.address',
      '10.9.0.2',
      'OUT_OF_RANGE',
    ],
    [
      'one of another family',
      from({ address: '10.1.0.2', port: 1 }, { address: '2001:db8::1', port: 1 }),
      'flow.destination.address',
      '10.9.0.2',
      'OUT_OF_RANGE',
    ],
    ['a style of no RFC', { ...two, signaling: { style: 'shared' } }, 'signaling.style', 'shared', 'INVALID_ARGUMENT'],
  ])('are refused with field and value: %s', (_, input, field, value, code) => {
    const { value: senders, problems } = parsed(input);
    expect(senders).toBeNull();
    expect(problems).toContainEqual(expect.objectContaining({ field, value, code }));
  });
});

it('writes an end point as people do', () => {
  const end = (address: string, port: number | null) => endpointText({ address, port } as FlowEndpoint);
  expect([end('10.1.0.2', 1), end('10.1.0.2', null), end('2001:db8::1', 1), end('2001:db8::1', null)]).toEqual([
    '10.1.0.2:1',
    '10.1.0.2',
    '[2001:db8::1]:1',
    '2001:db8::1',
  ]);
});
