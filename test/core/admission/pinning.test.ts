import { describe, expect, it } from 'vitest';
import { EpochMs } from '../../../src/core/base/units.ts';
import { decide } from '../../../src/core/admission/decide.ts';
import type { AdmittedPath, Decision, PinningObstacle } from '../../../src/core/admission/decision.ts';
import type { World } from '../../../src/core/admission/world.ts';
import type { ReservationRequest } from '../../../src/core/qos/request.ts';
import { booking, LAB, network, request, steerable, world } from './fixtures.ts';

const A_R1 = 'host-a:host-a-r1-0';
const R1_R2 = 'r1:r1-r2-1';
const R2_B = 'r2:r2-host-b-2';
const R1_R3 = 'r1:r1-r3-3';
const R3_R2 = 'r3:r3-r2-4';
const ALL = [A_R1, R1_R2, R1_R3, R2_B, R3_R2].sort();

const topology = network(LAB);
const lab = (more: Partial<World> = {}): World => world(topology, { steering: steerable(topology), ...more });

function admitted(asked: ReservationRequest, w: World): AdmittedPath {
  const decision = decide(asked, w);
  if (!decision.admitted) throw new Error(`refused: ${JSON.stringify(decision)}`);
  return decision.path;
}

function refused(asked: ReservationRequest, w: World): Extract<Decision, { admitted: false }> {
  const decision = decide(asked, w);
  if (decision.admitted || decision.code === 'UNKNOWN_ENDPOINT') throw new Error(JSON.stringify(decision));
  return decision;
}

const book = (id: string, asked: ReservationRequest, w: World): AdmittedPath => {
  const path = admitted(asked, w);
  w.ledger.add(booking(id, asked, path));
  return path;
};

/** Three flows of 20 Mbit/s fill r1–r2. */
function filled(more: Partial<World> = {}): World {
  const w = lab(more);
  for (const id of ['one', 'two', 'three']) expect(book(id, request(20e6), w).pinning).toBe('routed');
  return w;
}

const obstacles = (decision: Extract<Decision, { admitted: false }>): readonly Partial<PinningObstacle>[] =>
  decision.reasons.flatMap((reason) => (reason.reason === 'PINNING_UNAVAILABLE' ? [reason] : []));

describe('a path that routing does not take', () => {
  it('is pinned when the routed one is full; the seventh of 20 Mbit/s finds both full', () => {
    const w = filled();
    const decision = decide(request(20e6), w);
    expect(decision).toMatchObject({
      admitted: true,
      path: {
        pinning: 'pinned',
        nodes: ['host-a', 'r1', 'r3', 'r2', 'host-b'],
        // Where PATH enters r1, r3, r2 and host-b.
        explicitRoute: ['10.0.0.2', '10.0.3.2', '10.0.4.2', '10.0.2.2'],
      },
    });
    expect('touched' in decision && [...decision.touched].sort()).toEqual(ALL);
    for (const id of ['four', 'five', 'six']) expect(book(id, request(20e6), w).pinning).toBe('pinned');
    const seventh = refused(request(20e6), w);
    expect(seventh.code).toBe('BANDWIDTH_UNAVAILABLE');
    expect(obstacles(seventh)).toEqual([]);
    expect(seventh.alternatives.map(({ kind }) => kind)).toEqual(['rate']);
    // What the search found full decided: room there would change the answer.
    expect(seventh.touched).toContain(R3_R2);
    w.ledger.remove('two');
    expect(admitted(request(20e6), w)).toMatchObject({ pinning: 'routed', explicitRoute: [] });
  });

  it('is refused where a router drops what comes in by the wrong interface, which names node, interface and setting', () => {
    const decision = refused(request(20e6), filled({ steering: steerable(topology, ['r2:r2-r3-4']) }));
    expect(decision.code).toBe('BANDWIDTH_UNAVAILABLE');
    expect(obstacles(decision)).toMatchObject([
      { node: 'r2', interface: 'r2-r3-4', setting: 'rp_filter', detail: expect.stringContaining('rp_filter is 1') },
    ]);
    const way = decision.alternatives.find((each) => each.kind === 'path');
    expect(way).toMatchObject({ needs: 'PINNING', obstacles: [{ node: 'r2', setting: 'rp_filter' }] });
    // Not even where the caller would do without agents: packets would be lost all the same.
    refused(request(20e6, { allowUnpinned: true }), filled({ steering: steerable(topology, ['r2:r2-r3-4']) }));
  });

  it('passes strict interfaces by which the way back to the sender leaves', () => {
    const steering = steerable(topology, ['r1:r1-host-a-0', 'host-b:host-b-r2-2', 'r2:r2-r1-1']);
    expect(admitted(request(20e6), filled({ steering })).pinning).toBe('pinned');
    // r3 is as far from host-a by r1 as by no other way; a route of its own that goes back by r2 makes r1 the wrong side.
    const strict = steerable(topology, ['r3:r3-r1-3']);
    expect(admitted(request(20e6), filled({ steering: strict })).pinning).toBe('pinned');
    const destination = topology.nodes.find((n) => n.name === 'host-a')!.interfaces[0]!.addresses[0]!;
    const routes = new Map([['r3', [{ destination, interface: 'r3-r2-4', gateway: null, metric: 10 }]]]);
    expect(obstacles(refused(request(20e6), filled({ steering: strict, routes })))).toMatchObject([
      { node: 'r3', interface: 'r3-r1-3', setting: 'rp_filter' },
    ]);
  });

  it('is another one where the cheapest other cannot be pinned', () => {
    const wider = network([...LAB, { ends: ['r1', 'r4'], cost: 50 }, { ends: ['r4', 'r2'], cost: 50 }]);
    const w = world(wider, { steering: steerable(wider, ['r2:r2-r3-4']) });
    for (const id of ['one', 'two', 'three']) book(id, request(20e6), w);
    expect(admitted(request(20e6), w)).toMatchObject({
      pinning: 'pinned',
      nodes: ['host-a', 'r1', 'r4', 'r2', 'host-b'],
    });
  });

  it('needs an agent that can steer on every node, or a caller who allows that not every one can', () => {
    for (const node of ['host-a', 'r1', 'r3', 'r2', 'host-b']) {
      const steering = new Map([...steerable(topology)].filter(([name]) => name !== node));
      const decision = refused(request(20e6), filled({ steering }));
      expect(obstacles(decision)).toMatchObject([{ node, interface: null, setting: 'agent' }]);
      const path = admitted(request(20e6, { allowUnpinned: true }), filled({ steering }));
      expect(path).toMatchObject({ pinning: 'unpinned', nodes: ['host-a', 'r1', 'r3', 'r2', 'host-b'] });
      expect(path.explicitRoute).toEqual(['10.0.0.2', '10.0.3.2', '10.0.4.2', '10.0.2.2']);
    }
    const steering = new Map([
      ...steerable(topology),
      ['r3', { missing: 'no nft', strictInterfaces: new Set<string>() }],
    ]);
    expect(obstacles(refused(request(20e6), filled({ steering })))).toMatchObject([
      { node: 'r3', setting: 'steering', detail: 'r3 cannot steer: no nft' },
    ]);
    // Where all can, nothing less is given.
    expect(admitted(request(20e6, { allowUnpinned: true }), filled()).pinning).toBe('pinned');
  });

  it('cannot be pinned over a link whose far end has no address on it', () => {
    const bare = {
      ...topology,
      nodes: topology.nodes.map((node) =>
        node.name === 'r3' ? { ...node, interfaces: node.interfaces.map((i) => ({ ...i, addresses: [] })) } : node,
      ),
    };
    const w = (): World => {
      const it = world(bare, { steering: steerable(bare) });
      for (const id of ['one', 'two', 'three']) book(id, request(20e6), it);
      return it;
    };
    expect(obstacles(refused(request(20e6), w()))).toMatchObject([
      { node: 'r1', interface: 'r1-r3-3', setting: 'nextHop' },
      { node: 'r3', interface: 'r3-r2-4', setting: 'nextHop' },
    ]);
    expect(admitted(request(20e6, { allowUnpinned: true }), w()).explicitRoute).toEqual([
      '10.0.0.2',
      null,
      null,
      '10.0.2.2',
    ]);
  });

  it('is not looked for where only an agent is silent', () => {
    const w = lab({ unreachable: new Map([['r2', EpochMs(7)]]) });
    expect(refused(request(1e6), w)).toMatchObject({ code: 'AGENT_UNREACHABLE', alternatives: [] });
  });
});
