import { expect, test } from 'vitest';
import { checkTopology } from '../../../src/core/network/check.ts';
import type { TopologyInput } from '../../../src/core/network/document.ts';
import { parseTopology } from '../../../src/core/network/validate.ts';
import { DEFAULT_LAB } from '../../../src/lab/default-lab.ts';
import { must } from '../../support/network.ts';

const check = (document: unknown) =>
  checkTopology(must(parseTopology(document))).map((f) => `${f.severity}: ${f.what}`);
const pair = (a: object, b: object, link: object = {}): TopologyInput => ({
  nodes: [
    { name: 'a', interfaces: [{ name: 'e0', addresses: ['10.0.0.1/24'], ...a }] },
    { name: 'b', interfaces: [{ name: 'e0', addresses: ['10.0.0.2/24'], ...b }] },
  ],
  cables: [
    {
      a: { node: 'a', interface: 'e0' },
      b: { node: 'b', interface: 'e0' },
      capacityBitsPerSecond: 1000,
      delayMicros: 1,
      ...link,
    },
  ],
});

test('the default lab is consistent', () => expect(check(DEFAULT_LAB)).toEqual([]));

test.each([
  [
    pair({}, {}, { capacityBitsPerSecond: null }),
    'warning: a:e0 has an unknown capacity, so nothing can be reserved on it.',
  ],
  [
    pair({}, {}, { reservableShare: 0 }),
    'warning: a:e0 has a reservable share of 0, so nothing can be reserved on it.',
  ],
  [pair({}, {}, { reservableShare: 0.0001 }), 'warning: a:e0 has less than 1 bit/s reservable (1000 × 0.0001).'],
  [
    pair({}, {}, { delayMicros: 0 }),
    'note: a:e0 has a delay of 0, so delay bounds over it are too small by its real delay.',
  ],
  [pair({}, {}, { adminState: 'draining' }), 'note: a:e0 is set draining: nothing new is reserved on it.'],
  [pair({}, {}, { mtuBytes: 9000 }), "warning: a:e0 has an MTU of 9000 bytes, more than its sending interface's 1500."],
  [pair({ mtuBytes: 9000 }, {}), 'warning: a:e0 leads from an MTU of 9000 bytes to an interface with 1500.'],
  [
    pair({}, { addresses: ['10.0.1.2/24'] }),
    'warning: a:e0 joins 10.0.0.1/24 with 10.0.1.2/24, which are in no common subnet.',
  ],
  [pair({}, { addresses: [] }), 'warning: b has no address, so nothing can be reserved from or to it.'],
  [
    pair({}, { addresses: ['10.0.0.130/25'] }),
    'warning: 10.0.0.128/25 overlaps 10.0.0.0/24: hosts of the wider one route part of it elsewhere.',
  ],
  [pair({}, {}, { adminState: 'down' }), 'warning: The network falls into 2 parts that no carrying link joins: a; b.'],
])('finding %#: $1', (document, finding) => {
  expect(check(pair({}, {}))).toEqual([]);
  expect(check(document)).toContain(finding);
});

test('an agent that has no address to signal from is an error, and errors come first', () => {
  const document = pair({ addresses: [] }, {}, { delayMicros: 0 });
  const nodes = document.nodes.map((n) => ({ ...n, agent: 'required' }));
  expect(check({ ...document, nodes })[0]).toBe(
    'error: a:e0 has no address, but a requires an agent, which signals from that address.',
  );
});

test('one direction only, differing directions, and nodes apart', () => {
  const document = pair({}, {});
  const end = (node: string) => ({ node, interface: 'e0' });
  const link = { delayMicros: 1, capacityBitsPerSecond: 1000 };
  const oneWay = { nodes: document.nodes, links: [{ ...link, from: end('a'), to: end('b') }] };
  expect(check(oneWay)).toEqual([
    'warning: a:e0 has no link back from b:e0: RESV messages and answers need another way.',
    'warning: b has no way to a.',
  ]);
  const uneven = {
    nodes: [...document.nodes, { name: 'c', interfaces: [{ name: 'e0', addresses: ['10.0.0.3/24'] }] }],
    links: [
      { ...link, from: end('a'), to: end('b') },
      { ...link, from: end('b'), to: end('a'), capacityBitsPerSecond: null, cost: 2 },
    ],
  };
  expect(check(uneven)).toEqual([
    'warning: c has no link.',
    'warning: b:e0 has an unknown capacity, so nothing can be reserved on it.',
    'warning: c is in 10.0.0.0/24 but has no link to another node in it.',
    'warning: The network falls into 2 parts that no carrying link joins: a, b; c.',
    'note: a:e0 and its reverse b:e0 differ in capacity (bit/s): 1000 and unknown.',
    'note: a:e0 and its reverse b:e0 differ in cost: 1 and 2.',
  ]);
});
