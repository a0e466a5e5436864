import { describe, expect, it } from 'vitest';
import { AssignedWay } from '../../src/agent/assigned-way.ts';
import { flowKeyOf } from '../../src/agent/flow-key.ts';
import type { HostRoute } from '../../src/agent/netlink/host-network.ts';
import type { NextHop } from '../../src/core/network/topology.ts';
import { assignmentFor } from '../../src/core/reservation/assignment.ts';
import { reservation } from '../core/reservation/fixtures.ts';
import { ip } from '../support/network.ts';

const assignment = { ...assignmentFor(reservation(), 'r1')!, outgoingInterface: 'eth1' };
const flow = flowKeyOf(assignment.flow);
const HOPS: readonly NextHop[] = [
  { interface: 'eth1', gateway: ip('10.0.1.2') },
  { interface: 'eth2', gateway: ip('10.0.2.2') },
];
const route = (hop: NextHop, choices: readonly NextHop[] = []): HostRoute => ({ ...hop, local: false, choices });

describe('the way that PATH takes', () => {
  const strayed: string[] = [];
  const way = (stood: boolean): AssignedWay =>
    new AssignedWay({
      assignments: { openFor: () => assignment },
      interfaces: { isUsable: () => true },
      reporter: { stood: () => stood, strays: (_, hop) => void strayed.push(hop.interface) },
    });

  it('is none where the kernel may send the packets elsewhere, and the server is told', () => {
    for (const stood of [false, true]) expect(way(stood).of(flow, route(HOPS[0]!, HOPS))).toBeNull();
    expect(strayed.splice(0)).toEqual(['eth2', 'eth2']);
    const one = HOPS.slice(0, 1);
    expect(way(true).of(flow, route(one[0]!, [...one, ...one]))).toEqual({ ...one[0], local: false });
    expect(strayed).toEqual([]);
  });

  it('names a next hop of IPv4 only', () => {
    const to = { interface: 'eth1', gateway: ip('fe80::2') };
    expect(way(true).of(flow, route(to))).toEqual({ interface: 'eth1', gateway: null, local: false });
  });
});
