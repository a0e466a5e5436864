import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { buildGraph } from '../../../src/core/network/graph.ts';
import { checkTopology } from '../../../src/core/network/check.ts';
import { topologyDocument } from '../../../src/core/network/document.ts';
import { importTopology } from '../../../src/core/network/import.ts';
import type { ImportedTopology, ImportNote, ImportOptions } from '../../../src/core/network/imported.ts';
import { routedPath } from '../../../src/core/network/routing.ts';
import { parseTopology } from '../../../src/core/network/validate.ts';
import { parseXml } from '../../../src/formats/xml.ts';
import { parsePrefix } from '../../../src/core/base/ip.ts';
import { ip, must } from '../../support/network.ts';

const importXml = (text: string, options?: ImportOptions) => importTopology('graphml', must(parseXml(text)), options);
const zoo = (name: string, options?: ImportOptions): ImportedTopology =>
  must(importXml(readFileSync(new URL(`../../fixtures/topologies/${name}.graphml`, import.meta.url), 'utf8'), options));
const notes = (imported: ImportedTopology, kind: ImportNote['kind']) =>
  imported.report.notes.filter((note) => note.kind === kind);

/** A small document of the Zoo's form. */
const graphml = (body: string, graphAttributes = 'edgedefault="undirected"') => `<?xml version="1.0" encoding="utf-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
  <key attr.name="label" attr.type="string" for="node" id="d1"/>
  <key attr.name="Latitude" attr.type="double" for="node" id="d2"/>
  <key attr.name="Longitude" attr.type="double" for="node" id="d3"/>
  <key attr.name="LinkSpeedRaw" attr.type="double" for="edge" id="d4"/>
  <key attr.name="LinkSpeed" attr.type="string" for="edge" id="d5"/>
  <key attr.name="LinkSpeedUnits" attr.type="string" for="edge" id="d6"/>
  <graph ${graphAttributes}>${body}</graph>
</graphml>`;
const node = (id: string, label?: string, more = '') =>
  `<node id="${id}">${label === undefined ? '' : `<data key="d1">${label}</data>`}${more}</node>`;
const edge = (source: string, target: string, data = '', more = '') =>
  `<edge source="${source}" target="${target}" ${more}>${data}</edge>`;

describe('networks of the Topology Zoo', () => {
  test.each([
    { name: 'Abilene', nodes: 11, cables: 14, known: 0, selfLoops: 0, unplaced: 0, hyperedges: 0, extraParallel: 0 },
    { name: 'Nsfnet', nodes: 13, cables: 15, known: 0, selfLoops: 0, unplaced: 0, hyperedges: 0, extraParallel: 0 },
    { name: 'Geant2012', nodes: 40, cables: 61, known: 39, selfLoops: 0, unplaced: 3, hyperedges: 0, extraParallel: 0 },
    {
      name: 'Interoute',
      nodes: 110,
      cables: 156,
      known: 0,
      selfLoops: 2,
      unplaced: 14,
      hyperedges: 6,
      extraParallel: 10,
    },
    { name: 'Kdl', nodes: 754, cables: 899, known: 0, selfLoops: 0, unplaced: 28, hyperedges: 28, extraParallel: 4 },
  ])('$name is imported whole', ({ name, nodes, cables, known, selfLoops, unplaced, hyperedges, extraParallel }) => {
    const imported = zoo(name);
    const { topology } = imported;
    expect(topology.nodes.length).toBe(nodes);
    expect(topology.links.length).toBe(2 * cables);
    expect(topology.links.filter((l) => l.capacityBitsPerSecond !== null).length).toBe(2 * known);
    expect(notes(imported, 'unknownCapacity').length).toBe(cables - known);
    expect(notes(imported, 'selfLoop').length).toBe(selfLoops);
    expect(notes(imported, 'hyperedgeNode').length).toBe(hyperedges);
    const parallel = notes(imported, 'parallelLinks').map((n) => Number(n.what.split(' ')[0]) - 1);
    expect(parallel.reduce((a, b) => a + b, 0)).toBe(extraParallel);
    expect(topology.nodes.filter((n) => n.labels['latitude'] === undefined).length).toBe(unplaced);
    // Valid as a document of ours, and every pair of interfaces has both directions.
    expect(must(parseTopology(JSON.parse(JSON.stringify(topologyDocument(topology)))))).toEqual(topology);
    expect(checkTopology(topology).filter((f) => f.severity === 'error' || f.what.includes('no link back'))).toEqual(
      [],
    );
    expect(new Set(topology.links.map((l) => l.id)).size).toBe(topology.links.length);
  });

  test('speeds, delays, labels and addresses of Geant come from the file', () => {
    const { topology } = zoo('Geant2012');
    const counts = new Map<number | null, number>();
    for (const l of topology.links) counts.set(l.capacityBitsPerSecond, (counts.get(l.capacityBitsPerSecond) ?? 0) + 1);
    expect(Object.fromEntries(counts)).toEqual({
      10000000000: 52,
      1000000000: 12,
      2500000000: 10,
      155000000: 4,
      null: 44,
    });
    expect(topology.nodes.every((n) => n.agent === 'none')).toBe(true);
    expect(topology.nodes[0]!.interfaces[0]).toMatchObject({
      name: 'lo',
      addresses: [{ address: '198.18.0.1', length: 32 }],
    });
  });

  test('Abilene: New York to Chicago is 1,144 km, and nodes can be booked by their addresses', () => {
    const { topology } = zoo('Abilene');
    const first = topology.links.find((l) => l.from.node === 'new-york' && l.to.node === 'chicago')!;
    expect(first.delayMicros).toBeGreaterThan(5 * 1140);
    expect(first.delayMicros).toBeLessThan(5 * 1150);
    const graph = buildGraph(topology);
    const path = must(routedPath(graph, ip('198.18.0.1'), ip('198.18.0.4')));
    expect(graph.links[path[0]!]!.from.node).toBe('new-york');
    expect(graph.links[path.at(-1)!]!.to.node).toBe('seattle');
  });

  test('repeated labels of Kdl become unique names, and each change is told', () => {
    const imported = zoo('Kdl');
    const names = imported.topology.nodes.map((n) => n.name);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual(expect.arrayContaining(['athens', 'athens-2', 'athens-3', 'athens-4']));
    const changed = imported.topology.nodes.filter((n) => n.labels['label'] !== n.name);
    expect(notes(imported, 'renamed').map((n) => n.where)).toEqual(changed.map((n) => n.name));
  });

  test('a default capacity is used only where the file has none, and is told as such', () => {
    const imported = zoo('Geant2012', { defaultCapacityBitsPerSecond: 7_000_000 });
    expect(imported.topology.links.filter((l) => l.capacityBitsPerSecond === 7_000_000).length).toBe(44);
    expect(notes(imported, 'defaultCapacity').length).toBe(22);
    expect(notes(imported, 'unknownCapacity')).toEqual([]);
  });
});

describe('odd documents', () => {
  const speedOf = (data: string) => {
    const imported = must(importXml(graphml(node('a', 'A') + node('b', 'B') + edge('a', 'b', data))));
    return [imported.topology.links[0]!.capacityBitsPerSecond, imported.report.notes.map((n) => n.kind)] as const;
  };

  test.each([
    ['<data key="d4">155000000.0</data>', 155_000_000],
    ['<data key="d4">1e9</data>', 1_000_000_000],
    ['<data key="d5">2.5</data><data key="d6">G</data>', 2_500_000_000],
    ['<data key="d5">622</data><data key="d6">Mbps</data>', 622_000_000],
    ['<data key="d5">64</data><data key="d6">k</data>', 64_000],
  ])('speed %s', (data, bitsPerSecond) => {
    const [capacity, kinds] = speedOf(data);
    expect(capacity).toBe(bitsPerSecond);
    expect(kinds).not.toContain('unknownCapacity');
  });

  test.each([
    '',
    '<data key="d4">fast</data>',
    '<data key="d4">-1</data>',
    '<data key="d4">0</data>',
    '<data key="d4">NaN</data>',
    '<data key="d4">1e30</data>',
    '<data key="d4">0x10</data>',
    '<data key="d5">10</data>',
    '<data key="d5">&lt;10</data><data key="d6">G</data>',
    '<data key="d5">1-10</data><data key="d6">G</data>',
    '<data key="d5">10</data><data key="d6">parsec</data>',
  ])('no speed in "%s": unknown, told, never guessed', (data) => {
    const [capacity, kinds] = speedOf(data);
    expect(capacity).toBeNull();
    expect(kinds).toContain('unknownCapacity');
  });

  test('a raw speed that contradicts the spelled one is taken and told', () => {
    const [capacity, kinds] = speedOf('<data key="d4">1e9</data><data key="d5">10</data><data key="d6">G</data>');
    expect(capacity).toBe(1_000_000_000);
    expect(kinds).toContain('capacityConflict');
  });

  test('names: accents, other scripts, nothing left, no label, collisions with numbered ones', () => {
    const labels = ['São Paulo', 'Łódź', '東京', 'a', 'A', 'a-2', 'None'];
    const body = labels.map((label, i) => node(`n${i}`, label)).join('') + node('N 7') + node('n8', 'x'.repeat(100));
    const imported = must(importXml(graphml(body)));
    expect(imported.topology.nodes.map((n) => n.name)).toEqual([
      'sao-paulo',
      'lodz',
      'node-n2',
      'a',
      'a-3',
      'a-2',
      'node-n6',
      'node-n-7',
      'x'.repeat(63),
    ]);
  });

  test('parallel edges get interfaces of their own at both ends', () => {
    const { topology } = must(importXml(graphml(node('a', 'a') + node('b', 'b') + edge('a', 'b') + edge('b', 'a'))));
    expect(topology.links.map((l) => [l.id, `${l.to.node}:${l.to.interface}`])).toEqual([
      ['a:e0', 'b:e0'],
      ['b:e0', 'a:e0'],
      ['b:e1', 'a:e1'],
      ['a:e1', 'b:e1'],
    ]);
  });

  test('directed edges are one link each; opposite ones share their interfaces', () => {
    const body =
      node('a', 'a') + node('b', 'b') + edge('a', 'b') + edge('b', 'a') + edge('a', 'b', '', 'directed="false"');
    const { topology } = must(importXml(graphml(body, 'edgedefault="directed"')));
    expect(topology.links.map((l) => [l.id, `${l.to.node}:${l.to.interface}`])).toEqual([
      ['a:e0', 'b:e0'],
      ['b:e0', 'a:e0'],
      ['a:e1', 'b:e1'],
      ['b:e1', 'a:e1'],
    ]);
  });

  test('no coordinates or impossible ones: delay 0 and told', () => {
    const place = (lat: string, lon: string) => `<data key="d2">${lat}</data><data key="d3">${lon}</data>`;
    const body = node('a', 'a', place('91', '0')) + node('b', 'b', place('1', '1')) + edge('a', 'b');
    const imported = must(importXml(graphml(body)));
    expect(imported.topology.links[0]!.delayMicros).toBe(0);
    expect(notes(imported, 'unknownDelay')[0]!.what).toBe('The delay is set to 0: a has no usable coordinates.');
  });

  test('data without a key, missing edgedefault and hyperedge elements are told', () => {
    const body = node('a', 'a', '<data key="zz">1</data>') + '<hyperedge><endpoint node="a"/></hyperedge>';
    const imported = must(importXml(graphml(body, '')));
    expect(imported.report.notes.map((n) => `${n.kind} ${n.where}`)).toEqual(
      expect.arrayContaining(['ignored key zz', 'ignored hyperedge', 'direction graph']),
    );
  });

  test.each([
    ['<svg><g/></svg>', '', 'its root element is <svg>'],
    ['<graphml/>', 'graphml', 'has no <graph> element'],
    [graphml('<node/>'), 'graph.node[0].id', 'is missing'],
    [graphml(node('a') + node('a')), 'graph.node[1].id', 'is the id of an earlier node'],
    [graphml(node('a') + edge('a', 'b')), 'graph.edge[0].target', 'is not the id of a node'],
    [graphml(node('a') + '<edge target="a"/>'), 'graph.edge[0].source', 'is missing'],
  ])('refused: %s', (text, field, problem) => {
    const imported = importXml(text);
    expect(imported).toMatchObject({ ok: false, error: [{ field, problem: expect.stringContaining(problem) }] });
  });

  test('options are checked: a pool that is too small, a capacity that is none', () => {
    const three = graphml(node('a') + node('b') + node('c'));
    const pool = (text: string) => ({ addressPool: must(parsePrefix(text)) });
    expect(importXml(three, pool('10.0.0.0/30'))).toMatchObject({
      ok: false,
      error: [{ field: 'addressPool', value: '10.0.0.0/30' }],
    });
    expect(must(importXml(three, pool('10.0.0.0/29'))).topology.nodes[2]!.interfaces[0]!.addresses[0]!.address).toBe(
      '10.0.0.3',
    );
    expect(must(importXml(three, pool('2001:db8::/64'))).topology.nodes[2]!.interfaces[0]!.addresses[0]).toEqual({
      address: '2001:db8::3',
      length: 128,
    });
    expect(importXml(three, { defaultCapacityBitsPerSecond: 0.5 })).toMatchObject({
      ok: false,
      error: [{ field: 'defaultCapacityBitsPerSecond', value: 0.5 }],
    });
  });

  test('YAML given as GraphML is refused, and what only GraphML needs beside our own format', () => {
    expect(importTopology('graphml', { nodes: [] })).toMatchObject({ ok: false });
    const options = { defaultCapacityBitsPerSecond: 5, addressPool: must(parsePrefix('10.0.0.0/8')) };
    expect(importTopology('headroom', { nodes: [] }, options)).toMatchObject({
      error: [
        { field: 'defaultCapacityBitsPerSecond', value: 5 },
        { field: 'addressPool', value: '10.0.0.0/8' },
      ],
    });
  });
});

test('an id that names a key of nodes and one of the graph is told apart by what it is for', () => {
  const text = graphml(
    node('0', undefined, '<data key="label">Oslo</data>') + node('1', undefined, '<data key="label">Bergen</data>'),
  ).replace(
    '<graph ',
    '<key id="label" for="node" attr.name="label" attr.type="string"/>' +
      '<key id="label" for="graph" attr.name="label" attr.type="string"/><graph ',
  );
  const { topology, report } = must(importXml(text));
  expect(topology.nodes.map(({ name }) => name)).toEqual(['oslo', 'bergen']);
  expect(report.notes.filter(({ what }) => what.includes('label'))).toEqual([]);
});
