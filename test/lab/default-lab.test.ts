import { expect, test } from 'vitest';
import { buildGraph } from '../../src/core/network/graph.ts';
import { routedPath } from '../../src/core/network/routing.ts';
import { shortestPath } from '../../src/core/network/shortest-path.ts';
import { parseTopology } from '../../src/core/network/validate.ts';
import { DEFAULT_LAB } from '../../src/lab/default-lab.ts';
import { ip, must } from '../support/network.ts';

const graph = buildGraph(must(parseTopology(DEFAULT_LAB)));
const ids = (path: readonly number[]) => path.map((link) => graph.links[link]!.id);

test('routing takes the cheap way between the hosts, and back', () => {
  expect(ids(must(routedPath(graph, ip('10.1.0.2'), ip('10.2.0.2'))))).toEqual(['host-a:eth0', 'r1:eth1', 'r2:eth0']);
  expect(ids(must(routedPath(graph, ip('10.2.0.2'), ip('10.1.0.2'))))).toEqual(['host-b:eth0', 'r2:eth1', 'r1:eth0']);
});

test('the costlier way is found when the cheap one is not usable', () => {
  const cheap = graph.linkIndex.get('r1:eth1')!;
  const a = graph.nodeIndex.get('host-a')!;
  const b = graph.nodeIndex.get('host-b')!;
  expect(ids(shortestPath(graph, a, b, (link) => link !== cheap)!)).toEqual([
    'host-a:eth0',
    'r1:eth2',
    'r3:eth1',
    'r2:eth0',
  ]);
});

test('host links have 1 Gbit/s, router links 100 Mbit/s', () => {
  const routers = graph.links.filter((l) => l.from.node.startsWith('r') && l.to.node.startsWith('r'));
  expect(routers.map((l) => l.capacityBitsPerSecond)).toEqual(Array(6).fill(100_000_000));
  expect(graph.links.length).toBe(10);
  expect(graph.links.every((l) => l.overheadBytes === 14 && l.reservableShare === 0.75)).toBe(true);
});
