import { describe, expect, it } from 'vitest';
import type { FlowKey } from '../../../../src/core/rsvp/engine/types.ts';
import { controlledLoad, establish, flow, ip, lab, L, Network, R, tspec, type Lab, type Node } from './network.ts';

const moved = (world: Lab) => {
  expect(world.r1.paths).toMatchObject([{ outgoingInterfaces: ['eth2'] }]);
  expect(world.r2.paths).toMatchObject([{ previousHop: '10.0.23.3', incomingInterface: 'eth2' }]);
  expect(world.r3.reservations).toMatchObject([{ interface: 'eth1', nextHop: '10.0.23.2', state: 'installed' }]);
  expect([...world.r1.kernel.keys()]).toEqual(['17 10.1.0.2:5004 > 10.2.0.2:5004 on eth2']);
};

describe('a route that changes', () => {
  it('moves path and reservation after the settling time W, without a tear or an error', () => {
    const world = lab();
    establish(world);
    world.r1.routes.set('10.2.0.2', world.throughR3);
    world.r1.input({ type: 'routesChanged' });
    world.network.run(1_900);
    expect(world.r3.paths).toEqual([]);
    world.network.run(200);
    moved(world);
    world.network.run(4 * L);
    moved(world);
    expect(
      ['pathTear', 'resvTear', 'pathErr', 'resvErr'].flatMap((kind) => world.network.messages(kind as 'pathErr')),
    ).toEqual([]);
    expect(world.hostA.eventsOf('resvDown')).toEqual([]);
    expect(world.r1.eventsOf('resvDown')).toMatchObject([{ cause: 'interface' }]);
    expect(world.r1.eventsOf('pathUp').map((event) => 'outgoing' in event && event.outgoing)).toEqual([
      { interface: 'eth1', nextHop: '10.0.12.2' },
      { interface: 'eth2', nextHop: world.throughR3.gateway },
    ]);
  });

  it('because its link is gone moves at once', () => {
    const world = lab();
    establish(world);
    world.r1.routes.set('10.2.0.2', world.throughR3);
    world.network.setLink(world.links.direct, false);
    world.network.run(50);
    moved(world);
    expect(world.r2.kernel.size).toBe(1);
    expect(world.r2.eventsOf('resvDown')).toEqual([]);
    world.hostA.input({ type: 'closeSender', flow: flow() });
    world.network.run(50);
    expect(world.nodes.every((node) => node.isEmpty)).toBe(true);
  });

  it('and changes back within W moves nothing', () => {
    const world = lab();
    establish(world);
    const direct = world.r1.routes.get('10.2.0.2')!;
    world.r1.routes.set('10.2.0.2', world.throughR3);
    world.r1.input({ type: 'routesChanged' });
    world.network.run(500);
    world.r1.routes.set('10.2.0.2', direct);
    world.r1.input({ type: 'routesChanged' });
    world.network.run(2 * R);
    expect(world.r3.paths).toEqual([]);
    expect(world.r1.reservations).toMatchObject([{ interface: 'eth1', state: 'installed' }]);
  });

  it('is not put off for ever by news of other routes', () => {
    const world = lab();
    establish(world);
    world.r1.routes.set('10.2.0.2', world.throughR3);
    for (let i = 0; i < 5; i++) {
      world.r1.input({ type: 'routesChanged' });
      world.network.run(500);
    }
    moved(world);
  });

  it('that stays the same is no news', () => {
    const world = lab();
    establish(world);
    // Fast start is over then, and no refresh is due.
    world.network.run(R / 2 - 1_000);
    const before = world.network.sent.length;
    const events = world.nodes.map((node) => node.events.length);
    for (const node of world.nodes) node.input({ type: 'routesChanged' });
    world.network.run(100);
    expect(world.network.sent).toHaveLength(before);
    expect(world.nodes.map((node) => node.events.length)).toEqual(events);
  });

  it('that is lost and comes back', () => {
    const world = lab();
    establish(world);
    const direct = world.r1.routes.get('10.2.0.2')!;
    world.r1.routes.delete('10.2.0.2');
    world.network.setLink(world.links.direct, false);
    world.network.run(5_000);
    expect(world.hostA.eventsOf('pathError')).toMatchObject([{ errorCode: 23, errorNode: '10.1.0.1' }]);
    world.r1.routes.set('10.2.0.2', direct);
    world.network.setLink(world.links.direct, true);
    world.network.run(2 * R);
    expect(world.r1.reservations).toMatchObject([{ state: 'installed', flowspec: controlledLoad(2_500_000) }]);
  });

  it('to an interface that is not there is no route', () => {
    const world = lab();
    world.r1.routes.set('10.2.0.2', { interface: 'eth9', gateway: null, local: false });
    world.hostA.input({ type: 'openSender', flow: flow(), tspec: tspec(1_000) });
    world.network.run(50);
    expect(world.hostA.eventsOf('pathError')).toMatchObject([{ errorCode: 23 }]);
  });

  it('answers only the last question', () => {
    const world = lab();
    world.r1.holdRoutes = true;
    world.hostA.input({ type: 'openSender', flow: flow(), tspec: tspec(1_000) });
    world.network.run(50);
    world.r1.input({ type: 'routesChanged' });
    expect(world.r1.openQueries).toHaveLength(2);
    const [first] = world.r1.openQueries;
    expect(world.r1.input({ type: 'route', queryId: first!.queryId, route: world.throughR3 })).toEqual([]);
    world.r1.answerRoutes();
    world.network.run(50);
    expect(world.hostB.paths).toHaveLength(1);
  });
});

describe('a group on hosts whose kernel forwards none', () => {
  it('goes by the interface that unicast routing gives, and ends where it comes in', () => {
    const network = new Network();
    network.link('host-a eth0 10.1.0.2', 'host-b eth0 10.1.0.3');
    const [hostA, hostB] = [network.node('host-a'), network.node('host-b')];
    const group: FlowKey = { ...flow(), destination: ip('224.1.1.1') };
    for (const node of [hostA, hostB]) {
      node.holdRoutes = true;
      node.setInterfaces();
    }
    const answer = (node: Node): void => {
      for (const { queryId } of node.openQueries.splice(0)) {
        node.input({ type: 'route', queryId, route: { interface: 'eth0', gateway: null, local: false } });
      }
    };
    hostB.input({ type: 'openReceiver', flow: group, flowspec: controlledLoad(1_000), confirm: false });
    hostA.input({ type: 'openSender', flow: group, tspec: tspec(1_000) });
    answer(hostA);
    network.run(10);
    answer(hostB);
    network.run(50);
    expect(hostB.eventsOf('pathUp')).toMatchObject([{ local: true, outgoing: null }]);
    expect(hostA.reservations).toMatchObject([{ state: 'installed', flow: group }]);
    expect(hostB.dropped).toEqual({});
  });
});
