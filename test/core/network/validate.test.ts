import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { topologyDocument } from '../../../src/core/network/document.ts';
import { parseLinkChange } from '../../../src/core/network/link-fields.ts';
import type { Topology } from '../../../src/core/network/topology.ts';
import { parseTopology } from '../../../src/core/network/validate.ts';
import { DEFAULT_LAB } from '../../../src/lab/default-lab.ts';
import { must } from '../../support/network.ts';
import { randomTopology } from '../../support/random-topology.ts';

const node = (name: string, ...interfaces: unknown[]) => ({ name, interfaces });
const eth = (name: string, ...addresses: string[]) => ({ name, addresses });
const two = (link: object, nodes: unknown[] = [node('a', eth('e0')), node('b', eth('e0'))]) => ({
  nodes,
  links: [
    { from: { node: 'a', interface: 'e0' }, to: { node: 'b', interface: 'e0' }, capacityBitsPerSecond: 1000, ...link },
  ],
});

describe('a topology document', () => {
  test('gets its defaults', () => {
    const topology = must(parseTopology(two({}, [node('a', { name: 'e0', mtuBytes: 9000 }), node('b', eth('e0'))])));
    expect(topology.nodes[0]).toEqual({
      name: 'a',
      agent: 'none',
      adminState: 'up',
      labels: {},
      interfaces: [{ name: 'e0', addresses: [], mtuBytes: 9000 }],
    });
    expect(topology.links[0]).toEqual({
      id: 'a:e0',
      from: { node: 'a', interface: 'e0' },
      to: { node: 'b', interface: 'e0' },
      capacityBitsPerSecond: 1000,
      reservableShare: 0.75,
      overheadBytes: 0,
      cost: 1,
      delayMicros: 0,
      mtuBytes: 9000,
      errorCBytes: null,
      errorDMicros: null,
      riskGroups: [],
      labels: {},
      adminState: 'up',
    });
  });

  test('a cable is two links', () => {
    const { links } = must(parseTopology(DEFAULT_LAB));
    expect(links.slice(0, 2).map((l) => [l.id, l.from.node, l.to.node])).toEqual([
      ['host-a:eth0', 'host-a', 'r1'],
      ['r1:eth0', 'r1', 'host-a'],
    ]);
  });

  test('printed and read again it is the same', () => {
    const attributes = fc.record({
      reservableShare: fc.double({ min: 0, max: 1, noNaN: true }),
      delayMicros: fc.integer({ min: 0, max: 1e9 }),
      errorCBytes: fc.option(fc.integer({ min: 0, max: 1e9 })),
      labels: fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), fc.stringMatching(/^[ -~é]{0,9}$/)),
      riskGroups: fc.uniqueArray(fc.stringMatching(/^[a-z]{1,5}$/), { maxLength: 3 }),
      capacityBitsPerSecond: fc.option(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })),
    });
    fc.assert(
      fc.property(randomTopology(), attributes, (topology, change) => {
        const changed = { ...topology, links: topology.links.map((l) => ({ ...l, ...change })) };
        const text = JSON.stringify(topologyDocument(changed as unknown as Topology));
        const again = must(parseTopology(JSON.parse(text)));
        expect(JSON.stringify(topologyDocument(again))).toBe(text);
        expect(must(parseTopology(topologyDocument(again)))).toEqual(again);
      }),
    );
  });

  test('links that share an interface are numbered around the ids that are given', () => {
    const link = (id?: string) => ({
      ...(id === undefined ? {} : { id }),
      from: { node: 'a', interface: 'e0' },
      to: { node: 'b', interface: 'e0' },
      capacityBitsPerSecond: null,
    });
    const document = {
      nodes: [node('a', eth('e0')), node('b', eth('e0'))],
      links: [link(), link('a:e0#2'), link(), link('a:e0')],
    };
    expect(must(parseTopology(document)).links.map((l) => l.id)).toEqual(['a:e0#3', 'a:e0#2', 'a:e0#4', 'a:e0']);
  });

  test.each<[string, unknown, string, unknown]>([
    ['no object', 7, '', 7],
    ['null', null, '', null],
    ['a list', [], '', 'an array of 0'],
    ['nothing in it', {}, 'nodes', 'missing'],
    ['nodes not a list', { nodes: {} }, 'nodes', 'an object'],
    ['an unknown member', { nodes: [], extra: 1 }, 'extra', 1],
    ['a node that is text', { nodes: ['a'] }, 'nodes[0]', 'a'],
    ['a node without name', { nodes: [{ interfaces: [] }] }, 'nodes[0].name', 'missing'],
    ['a bad name', { nodes: [node('R1')] }, 'nodes[0].name', 'R1'],
    ['a name with a line end', { nodes: [node('r1\n')] }, 'nodes[0].name', 'r1\n'],
    ['a long name', { nodes: [node('a'.repeat(64))] }, 'nodes[0].name', 'a'.repeat(64)],
    ['the same name twice', { nodes: [node('a'), node('a')] }, 'nodes[1].name', 'a'],
    ['an agent mode', { nodes: [{ ...node('a'), agent: 'yes' }] }, 'nodes[0].agent', 'yes'],
    ['no interfaces', { nodes: [{ name: 'a' }] }, 'nodes[0].interfaces', 'missing'],
    ['the same interface twice', { nodes: [node('a', eth('e'), eth('e'))] }, 'nodes[0].interfaces[1].name', 'e'],
    [
      'a long interface name with an agent',
      { nodes: [{ ...node('a', eth('e'.repeat(16))), agent: 'required' }] },
      'nodes[0].interfaces[0].name',
      'e'.repeat(16),
    ],
    [
      'an address without length',
      { nodes: [node('a', eth('e', '10.0.0.1'))] },
      'nodes[0].interfaces[0].addresses[0]',
      '10.0.0.1',
    ],
    [
      'a multicast address',
      { nodes: [node('a', eth('e', '224.0.0.1/24'))] },
      'nodes[0].interfaces[0].addresses[0]',
      '224.0.0.1/24',
    ],
    [
      'the unspecified address',
      { nodes: [node('a', eth('e', '0.0.0.0/0'))] },
      'nodes[0].interfaces[0].addresses[0]',
      '0.0.0.0/0',
    ],
    [
      'an address twice',
      { nodes: [node('a', eth('e', '10.0.0.1/24')), node('b', eth('e', '10.0.0.1/8'))] },
      'nodes[1].interfaces[0].addresses[0]',
      '10.0.0.1/8',
    ],
    [
      'an address that is a number',
      { nodes: [node('a', { name: 'e', addresses: [10] })] },
      'nodes[0].interfaces[0].addresses[0]',
      10,
    ],
    ['an MTU below 68', { nodes: [node('a', { name: 'e', mtuBytes: 67 })] }, 'nodes[0].interfaces[0].mtuBytes', 67],
    ['a capacity of 0', two({ capacityBitsPerSecond: 0 }), 'links[0].capacityBitsPerSecond', 0],
    ['a negative capacity', two({ capacityBitsPerSecond: -5 }), 'links[0].capacityBitsPerSecond', -5],
    ['a fraction', two({ capacityBitsPerSecond: 1.5 }), 'links[0].capacityBitsPerSecond', 1.5],
    ['2^53', two({ capacityBitsPerSecond: 2 ** 53 }), 'links[0].capacityBitsPerSecond', 2 ** 53],
    ['1e30', two({ capacityBitsPerSecond: 1e30 }), 'links[0].capacityBitsPerSecond', 1e30],
    ['NaN', two({ capacityBitsPerSecond: NaN }), 'links[0].capacityBitsPerSecond', 'NaN'],
    ['a capacity as text', two({ capacityBitsPerSecond: '1000' }), 'links[0].capacityBitsPerSecond', '1000'],
    ['no capacity', two({ capacityBitsPerSecond: undefined }), 'links[0].capacityBitsPerSecond', 'missing'],
    ['a share of more than 1', two({ reservableShare: 1.01 }), 'links[0].reservableShare', 1.01],
    ['a cost of 0', two({ cost: 0 }), 'links[0].cost', 0],
    ['a cost of 2^32', two({ cost: 2 ** 32 }), 'links[0].cost', 2 ** 32],
    ['a delay over 1000 s', two({ delayMicros: 1e9 + 1 }), 'links[0].delayMicros', 1e9 + 1],
    ['an overhead of 1001', two({ overheadBytes: 1001 }), 'links[0].overheadBytes', 1001],
    ['an MTU of null', two({ mtuBytes: null }), 'links[0].mtuBytes', null],
    ['a risk group twice', two({ riskGroups: ['x', 'x'] }), 'links[0].riskGroups[1]', 'x'],
    ['a label that is no text', two({ labels: { a: 1 } }), 'links[0].labels.a', 1],
    ['a label with NUL', two({ labels: { a: '\u0000' } }), 'links[0].labels.a', '\u0000'],
    ['a label with half a character', two({ labels: { a: '\ud800' } }), 'links[0].labels.a', '\ud800'],
    [
      'a label named __proto__',
      two({ labels: JSON.parse('{"__proto__": "x"}') as object }),
      'links[0].labels.__proto__',
      'x',
    ],
    ['an unknown admin state', two({ adminState: 'off' }), 'links[0].adminState', 'off'],
    ['an unknown field of a link', two({ bandwidth: 1 }), 'links[0].bandwidth', 1],
    ['an id that is another', two({ id: 'a:e1' }), 'links[0].id', 'a:e1'],
    ['a share number of 1', two({ id: 'a:e0#1' }), 'links[0].id', 'a:e0#1'],
    ['an unknown node', two({ to: { node: 'c', interface: 'e0' } }), 'links[0].to.node', 'c'],
    ['an unknown interface', two({ to: { node: 'b', interface: 'e9' } }), 'links[0].to.interface', 'e9'],
    ['an end missing', two({ to: undefined }), 'links[0].to', 'missing'],
    ['an end that is text', two({ to: 'b:e0' }), 'links[0].to', 'b:e0'],
    ['a self loop', two({ to: { node: 'a', interface: 'e0' } }), 'links[0].to', 'an object'],
  ])('refused: %s', (_, document, field, value) => {
    const parsed = parseTopology(document);
    expect(parsed.ok ? [] : parsed.error).toEqual([{ field, value, problem: expect.stringMatching(/./) }]);
  });

  test('all faults are told at once, and a million do not make a million lines', () => {
    const parsed = parseTopology({ nodes: [node('A'), node('B')], links: 3, x: 1 });
    expect(parsed.ok ? [] : parsed.error.map((p) => p.field)).toEqual(['x', 'nodes[0].name', 'nodes[1].name', 'links']);
    const many = parseTopology({ nodes: Array.from({ length: 5000 }, () => 0) });
    expect(many.ok ? 0 : many.error.length).toBe(1001);
    expect(many.ok ? '' : many.error.at(-1)!.problem).toBe('4000 more problems');
  });

  test('no value whatever makes it throw', () => {
    const some = fc.oneof(fc.anything(), fc.constant('a'), fc.constant('e0'));
    const shaped = fc.record(
      {
        nodes: fc.oneof(
          some,
          fc.array(fc.oneof(some, fc.record({ name: some, interfaces: fc.oneof(some, fc.array(some)) }))),
        ),
        links: fc.oneof(some, fc.array(fc.oneof(some, fc.record({ id: some, from: some, to: some, labels: some })))),
        cables: fc.oneof(some, fc.array(fc.record({ a: some, b: some, riskGroups: some }))),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(shaped, (document) => {
        const parsed = parseTopology(document);
        if (!parsed.ok) expect(parsed.error.length).toBeGreaterThan(0);
      }),
      { numRuns: 500 },
    );
  });
});

describe('a change of one link', () => {
  test('has exactly the given members', () => {
    expect(must(parseLinkChange({ cost: 5, adminState: 'draining' }))).toEqual({ cost: 5, adminState: 'draining' });
    expect(must(parseLinkChange({ capacityBitsPerSecond: null, errorCBytes: null }))).toEqual({
      capacityBitsPerSecond: null,
      errorCBytes: null,
    });
    expect(must(parseLinkChange({}))).toEqual({});
  });

  test.each<[unknown, string]>([
    [{ cost: '5' }, 'cost'],
    [{ id: 'a:b' }, 'id'],
    [{ capacityBitsPerSecond: 0 }, 'capacityBitsPerSecond'],
    [5, ''],
  ])('refused: %j', (value, field) => {
    const parsed = parseLinkChange(value);
    expect(parsed.ok ? [] : parsed.error.map((p) => p.field)).toEqual([field]);
  });
});
