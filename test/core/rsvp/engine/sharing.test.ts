import { describe, expect, it } from 'vitest';
import { createShared } from '../../../../src/core/rsvp/engine/sharing.ts';
import { Shared } from '../../../../src/core/rsvp/engine/shared.ts';
import { controlledLoad, ip, L, lab, establish, flow } from './network.ts';

describe('values that are kept once', () => {
  it('are the same object where they are the same, and only there', () => {
    const { flowspecs, hops, ways } = createShared();
    expect(flowspecs.of(controlledLoad(1_000))).toBe(flowspecs.of(controlledLoad(1_000)));
    expect(flowspecs.of(controlledLoad(1_001))).toEqual(controlledLoad(1_001));
    const hop = (address: string, logicalInterfaceHandle: number) => ({
      interface: 'eth0',
      address: ip(address),
      logicalInterfaceHandle,
    });
    expect(hops.of(hop('10.0.0.1', 1))).toBe(hops.of(hop('10.0.0.1', 1)));
    expect(hops.of(hop('10.0.0.1', 2))).toEqual(hop('10.0.0.1', 2));
    const way = (incoming: string | null, ...names: string[]) => ({
      incoming,
      local: false,
      branches: names.map((name) => ({ interface: name, gateway: null })),
    });
    expect(ways.of(way(null, 'eth0'))).toBe(ways.of(way(null, 'eth0')));
    expect(ways.of(way('eth1', 'eth0'))).toEqual(way('eth1', 'eth0'));
    expect(ways.of(way(null, 'eth0', 'eth1'))).toEqual(way(null, 'eth0', 'eth1'));
  });

  it('are right whatever their hashes are', () => {
    const shared = new Shared<{ readonly n: number }>(
      () => -1,
      (a, b) => a.n === b.n,
    );
    for (let i = 0; i < 1_000; i++) expect(shared.of({ n: i % 3 }).n).toBe(i % 3);
  });

  it('change for one state without changing the others', () => {
    const world = lab();
    for (const port of [1, 2]) establish(world, flow(port), 1_000);
    const [first, second] = world.r1.reservations;
    expect(first!.flowspec).toBe(second!.flowspec);
    world.hostB.input({ type: 'openReceiver', flow: flow(1), flowspec: controlledLoad(2_000), confirm: false });
    world.network.run(L);
    expect(world.r1.reservations.map(({ flowspec }) => flowspec)).toEqual([
      controlledLoad(2_000),
      controlledLoad(1_000),
    ]);
  });
});
