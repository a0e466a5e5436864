import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ipFamily, parsePrefix } from '../../../src/core/base/ip.ts';
import { buildGraph, type NetworkGraph } from '../../../src/core/network/graph.ts';
import { routedPath } from '../../../src/core/network/routing.ts';
import { carries, pathsTowards, shortestPath } from '../../../src/core/network/shortest-path.ts';
import { lowestCostRoutes } from '../../../src/core/network/static-routes.ts';
import type { NodeName, Route, Topology } from '../../../src/core/network/topology.ts';
import { parseTopology } from '../../../src/core/network/validate.ts';
import { DEFAULT_LAB } from '../../../src/lab/default-lab.ts';
import { ip, must } from '../../support/network.ts';
import { randomTopology } from '../../support/random-topology.ts';

/** Cost, then hops, to the target by relaxing every link until nothing changes. */
function bellmanFord(graph: NetworkGraph, target: number): readonly { cost: number; hops: number }[] {
  const best = graph.nodes.map((_, i) => (i === target ? { cost: 0, hops: 0 } : { cost: Infinity, hops: Infinity }));
  for (let changed = true; changed;) {
    changed = false;
    graph.links.forEach((link, i) => {
      if (link.adminState === 'down') return;
      const from = best[graph.from[i]!]!;
      const to = best[graph.to[i]!]!;
      const way = { cost: link.cost + to.cost, hops: 1 + to.hops };
      if (way.cost < from.cost || (way.cost === from.cost && way.hops < from.hops)) {
        best[graph.from[i]!] = way;
        changed = true;
      }
    });
  }
  return best;
}

const ids = (graph: NetworkGraph, path: readonly number[]) => path.map((link) => graph.links[link]!.id);

describe('shortest paths', () => {
  test('cost and hops are those of a naive search, the way exists, and ties go to the smallest link id', () => {
    fc.assert(
      fc.property(randomTopology(), (topology) => {
        const graph = buildGraph(topology);
        for (let target = 0; target < graph.nodes.length; target++) {
          const naive = bellmanFord(graph, target);
          const tree = pathsTowards(graph, [target]);
          for (let source = 0; source < graph.nodes.length; source++) {
            const { cost, hops } = naive[source]!;
            expect(tree.cost[source]).toBe(cost);
            const path = shortestPath(graph, source, target);
            if (cost === Infinity) {
              expect(path).toBeUndefined();
              continue;
            }
            expect(path!.length).toBe(hops);
            let node = source;
            for (const link of path!) {
              expect(graph.from[link]).toBe(node);
              const equals = graph.links
                .filter((l, i) => {
                  const rest = naive[graph.to[i]!]!;
                  const here = naive[node]!;
                  return (
                    graph.from[i] === node &&
                    l.adminState !== 'down' &&
                    l.cost + rest.cost === here.cost &&
                    rest.hops + 1 === here.hops
                  );
                })
                .map((l) => l.id)
                .sort();
              expect(graph.links[link]!.id).toBe(equals[0]);
              node = graph.to[link]!;
            }
            expect(node).toBe(target);
          }
        }
      }),
    );
  });

  test('the order of nodes and links in the topology does not matter', () => {
    fc.assert(
      fc.property(randomTopology(), (topology) => {
        const graph = buildGraph(topology);
        const turned = buildGraph({ nodes: topology.nodes.toReversed(), links: topology.links.toReversed() });
        for (const a of topology.nodes) {
          for (const b of topology.nodes) {
            const path = shortestPath(graph, graph.nodeIndex.get(a.name)!, graph.nodeIndex.get(b.name)!);
            const same = shortestPath(turned, turned.nodeIndex.get(a.name)!, turned.nodeIndex.get(b.name)!);
            expect(path && ids(graph, path)).toEqual(same && ids(turned, same));
          }
        }
      }),
    );
  });

  test('nothing passes a node that is down', () => {
    const lab = must(parseTopology(DEFAULT_LAB));
    const nodes = lab.nodes.map((n) => (n.name === 'r2' ? { ...n, adminState: 'down' as const } : n));
    const graph = buildGraph({ ...lab, nodes });
    expect(shortestPath(graph, graph.nodeIndex.get('host-a')!, graph.nodeIndex.get('host-b')!)).toBeUndefined();
    expect(graph.links.filter((_, i) => carries(graph)(i)).map((l) => l.id)).toEqual([
      'host-a:eth0',
      'r1:eth0',
      'r1:eth2',
      'r3:eth0',
    ]);
  });
});

/** What kernels would have with the lab's static routes: those beside the connected ones. */
function kernelRoutes(topology: Topology): ReadonlyMap<NodeName, readonly Route[]> {
  const installed = lowestCostRoutes(topology);
  return new Map(
    topology.nodes.map((node) => {
      const connected = node.interfaces.flatMap((i) =>
        i.addresses.map((destination): Route => ({ destination, interface: i.name, gateway: null, metric: 0 })),
      );
      const far = installed.get(node.name)!.flatMap((r) => (r.backup ? [r.backup, r.primary] : [r.primary]));
      return [node.name, [...far, ...connected]];
    }),
  );
}

describe('routed paths', () => {
  test('the static routes, followed as kernels follow them, lead where the computed path leads', () => {
    fc.assert(
      fc.property(randomTopology({ down: false }), (topology) => {
        const graph = buildGraph(topology);
        const reported = kernelRoutes(topology);
        for (const source of topology.nodes) {
          for (const destination of graph.hosts.keys()) {
            const from = source.interfaces[0]!.addresses[0]!.address;
            const computed = routedPath(graph, from, destination);
            const followed = routedPath(graph, from, destination, reported);
            expect(followed.ok).toBe(computed.ok);
            if (computed.ok && followed.ok) {
              expect(ids(graph, followed.value)).toEqual(ids(graph, computed.value));
              expect(graph.to[computed.value.at(-1) ?? -1] ?? graph.hosts.get(from)!.node).toBe(
                graph.hosts.get(destination)!.node,
              );
            }
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  test('to a host address the path is the one of lowest cost', () => {
    fc.assert(
      fc.property(randomTopology(), (topology) => {
        const graph = buildGraph(topology);
        for (let a = 0; a < graph.nodes.length; a++) {
          for (let b = 0; b < graph.nodes.length; b++) {
            const routed = routedPath(graph, ip(`192.0.2.${a + 1}`), ip(`192.0.2.${b + 1}`));
            expect(routed.ok ? routed.value : undefined).toEqual(shortestPath(graph, a, b));
          }
        }
      }),
    );
  });

  const lab = must(parseTopology(DEFAULT_LAB));
  const graph = buildGraph(lab);
  const route = (destination: string, out: string, gateway: string | null, metric: number): Route => ({
    destination: must(parsePrefix(destination)),
    interface: out,
    gateway: gateway === null ? null : ip(gateway),
    metric,
  });
  const between = (reported: Record<string, readonly Route[]>) =>
    routedPath(graph, ip('10.1.0.2'), ip('10.2.0.2'), new Map(Object.entries(reported)));

  test('reported routes win over costs: longest prefix, then lowest metric', () => {
    const far = route('10.2.0.0/24', 'eth2', '10.13.0.3', 20);
    const near = route('10.2.0.0/24', 'eth1', '10.12.0.2', 10);
    expect(ids(graph, must(between({ r1: [far, near] })))).toEqual(['host-a:eth0', 'r1:eth1', 'r2:eth0']);
    expect(ids(graph, must(between({ r1: [far] })))).toEqual(['host-a:eth0', 'r1:eth2', 'r3:eth1', 'r2:eth0']);
    const host = route('10.2.0.2/32', 'eth2', '10.13.0.3', 100);
    expect(ids(graph, must(between({ r1: [near, host] })))).toEqual(['host-a:eth0', 'r1:eth2', 'r3:eth1', 'r2:eth0']);
  });

  test.each([
    ['noRoute', 'r1', { r1: [route('10.9.0.0/24', 'eth1', '10.12.0.2', 1)] }, 'r1 reports no route to 10.2.0.2'],
    [
      'noLink',
      'r1',
      { r1: [route('0.0.0.0/0', 'eth1', '192.168.0.1', 1)] },
      'r1 routes 10.2.0.2 out of eth1 via 192.168.0.1',
    ],
    ['noLink', 'r1', { r1: [route('0.0.0.0/0', 'eth2', '10.12.0.2', 1)] }, 'where the topology has no link to it'],
    [
      'loop',
      'r1',
      { r1: [route('0.0.0.0/0', 'eth2', '10.13.0.3', 1)], r3: [route('0.0.0.0/0', 'eth0', '10.13.0.1', 1)] },
      'comes back to r1',
    ],
  ] as const)('%s at %s', (reason, node, reported, text) => {
    const refused = between(reported);
    expect(refused).toMatchObject({ ok: false, error: { reason, node, problem: expect.stringContaining(text) } });
  });

  test('a route over a link that is down is a refusal, never another way', () => {
    const links = lab.links.map((l) => (l.id === 'r1:eth1' ? { ...l, adminState: 'down' as const } : l));
    const broken = buildGraph({ ...lab, links });
    const reported = new Map([['r1', [route('10.2.0.0/24', 'eth1', '10.12.0.2', 10)]]]);
    expect(routedPath(broken, ip('10.1.0.2'), ip('10.2.0.2'), reported)).toMatchObject({
      error: { reason: 'linkDown', node: 'r1' },
    });
    expect(ids(broken, must(routedPath(broken, ip('10.1.0.2'), ip('10.2.0.2'))))).toContain('r1:eth2');
  });

  test('unknown addresses and two addresses of one node', () => {
    expect(routedPath(graph, ip('10.9.9.9'), ip('10.2.0.2'))).toMatchObject({ error: { reason: 'unknownSource' } });
    expect(routedPath(graph, ip('10.1.0.2'), ip('10.2.0.77'))).toMatchObject({
      error: { reason: 'unknownDestination' },
    });
    expect(must(routedPath(graph, ip('10.1.0.1'), ip('10.13.0.1')))).toEqual([]);
  });

  test('a gateway tells which of several links of one interface is meant', () => {
    const end = (node: string) => ({ node, interface: 'eth0' });
    const lan = must(
      parseTopology({
        nodes: ['a', 'b', 'c'].map((name, i) => ({
          name,
          interfaces: [
            { name: 'eth0', addresses: [`10.0.0.${i + 1}/24`] },
            { name: 'lo', addresses: [`192.0.2.${i + 1}/32`] },
          ],
        })),
        links: [
          ['a', 'b'],
          ['a', 'c'],
          ['b', 'c'],
          ['c', 'b'],
        ].map(([from, to]) => ({ from: end(from!), to: end(to!), capacityBitsPerSecond: 1 })),
      }),
    );
    const graph = buildGraph(lan);
    const via = (gateway: string) =>
      ids(
        graph,
        must(
          routedPath(
            graph,
            ip('192.0.2.1'),
            ip('192.0.2.3'),
            new Map([['a', [route('0.0.0.0/0', 'eth0', gateway, 1)]]]),
          ),
        ),
      );
    expect(via('10.0.0.3')).toEqual(['a:eth0#2']);
    expect(via('10.0.0.2')).toEqual(['a:eth0', 'b:eth0']);
  });
});

describe('static routes', () => {
  test('of the default lab: primary along r1 – r2, backup over r3', () => {
    const text = (r: Route | null) => r && `${r.interface} ${r.gateway} ${r.metric}`;
    const r1 = lowestCostRoutes(must(parseTopology(DEFAULT_LAB))).get('r1')!;
    expect(r1.map((r) => [r.destination.address, text(r.primary), text(r.backup)])).toEqual([
      ['10.2.0.0', 'eth1 10.12.0.2 10', 'eth2 10.13.0.3 20'],
      ['10.23.0.0', 'eth1 10.12.0.2 10', 'eth2 10.13.0.3 20'],
    ]);
    const hostA = lowestCostRoutes(must(parseTopology(DEFAULT_LAB))).get('host-a')!;
    expect(hostA.length).toBe(4);
    expect(hostA.every((r) => r.backup === null && r.primary.gateway === '10.1.0.1')).toBe(true);
  });

  test('a gateway is on the far end of a link out of the interface; backup uses another interface and does not come back', () => {
    fc.assert(
      fc.property(randomTopology(), (topology) => {
        const graph = buildGraph(topology);
        const all = lowestCostRoutes(topology);
        for (const [name, routes] of all) {
          for (const { primary, backup, destination } of routes) {
            for (const each of backup ? [primary, backup] : [primary]) {
              const far = graph.hosts.get(each.gateway!)!;
              const link = topology.links.find((l) => l.from.node === name && l.from.interface === each.interface)!;
              expect(link.adminState).not.toBe('down');
              expect(graph.nodes[far.node]!.name).toBe(link.to.node);
              expect(ipFamily(each.gateway!)).toBe(4);
            }
            if (!backup) continue;
            expect(backup.interface).not.toBe(primary.interface);
            let node = graph.nodes[graph.hosts.get(backup.gateway!)!.node]!.name;
            for (let hops = 0; hops <= topology.nodes.length; hops++) {
              expect(node).not.toBe(name);
              const next = all
                .get(node)!
                .find((r) => r.destination === destination || r.destination.address === destination.address);
              if (!next) break;
              node = graph.nodes[graph.hosts.get(next.primary.gateway!)!.node]!.name;
            }
          }
        }
      }),
    );
  });
});
