import { describe, expect, it } from 'vitest';
import { decide } from '../../../src/core/admission/decide.ts';
import type { World } from '../../../src/core/admission/world.ts';
import type { Route } from '../../../src/core/network/topology.ts';
import { ip } from '../../support/network.ts';
import { booking, LAB, network, request, steerable, world } from './fixtures.ts';

const topology = network(LAB);
const TOWARDS_B = { destination: { address: ip('10.0.2.0'), length: 24 }, metric: 10 };
const R2 = { interface: 'r1-r2-1', gateway: ip('10.0.1.2') };
const R3 = { interface: 'r1-r3-3', gateway: ip('10.0.3.2') };
const back: Route = {
  destination: { address: ip('10.0.0.0'), length: 24 },
  ...{ interface: 'r1-host-a-0', gateway: null, metric: 0 },
};

/** r1 routes to host-b over r3 or r2, as its kernel likes. */
const multipath = (more: Partial<World> = {}): World =>
  world(topology, {
    steering: steerable(topology),
    routes: new Map([['r1', [{ ...TOWARDS_B, ...R3, others: [R2] }, back]]]),
    ...more,
  });

describe('a route with several next hops on the way', () => {
  it('has flows pinned to the cheapest way, and to the other when that is full', () => {
    const w = multipath();
    const nodes: (readonly string[])[] = [];
    for (let i = 0; i < 6; i++) {
      const asked = request(20e6);
      const decision = decide(asked, w);
      if (!decision.admitted) throw new Error(JSON.stringify(decision));
      expect(decision.path.pinning).toBe('pinned');
      nodes.push(decision.path.nodes.slice(1, -1));
      w.ledger.add(booking(`f${i}`, asked, decision.path));
    }
    const direct = ['r1', 'r2'];
    const around = ['r1', 'r3', 'r2'];
    expect(nodes).toEqual([direct, direct, direct, around, around, around]);
    expect(decide(request(20e6), w)).toMatchObject({
      ...{ admitted: false, code: 'BANDWIDTH_UNAVAILABLE', reasons: [{ reason: 'BANDWIDTH_UNAVAILABLE' }] },
    });
  });

  it('refuses what cannot be pinned, and says where the ways part and why', () => {
    const able = steerable(topology);
    const w = multipath({ steering: new Map(able).set('r1', { ...able.get('r1')!, missing: 'no nftables' }) });
    // Where the ways part it has to be pinned, whatever else the caller allows.
    for (const allowUnpinned of [false, true]) {
      const decision = decide({ ...request(20e6), constraints: { allowUnpinned } }, w);
      expect(decision).toMatchObject({
        admitted: false,
        code: 'NO_PATH',
        reasons: [
          { reason: 'MULTIPATH', node: 'r1', destination: '10.0.2.2' },
          { reason: 'PINNING_UNAVAILABLE', node: 'r1', setting: 'steering' },
        ],
        alternatives: [{ kind: 'path', needs: 'PINNING' }],
      });
    }
  });

  it('leads over a link-local next hop where its interface leads to one node', () => {
    const routes = new Map([['r1', [{ ...TOWARDS_B, interface: 'r1-r3-3', gateway: ip('fe80::3') }, back]]]);
    expect(decide(request(20e6), multipath({ routes }))).toMatchObject({
      ...{ admitted: true, path: { pinning: 'routed', nodes: ['host-a', 'r1', 'r3', 'r2', 'host-b'] } },
    });
  });
});
