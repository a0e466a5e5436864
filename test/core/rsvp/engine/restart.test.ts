import { describe, expect, it } from 'vitest';
import type { Filter } from '../../../../src/core/rsvp/engine/types.ts';
import { controlledLoad, establish, flow, ip, lab, L, R, tspec, type Lab, type Node } from './network.ts';

const KINDS_OF_HARM = ['pathTear', 'resvTear', 'pathErr', 'resvErr'];
const harm = (world: Lab, since: number) =>
  world.network.sent.slice(since).filter(({ view }) => KINDS_OF_HARM.includes(view.kind));
const news = (node: Node) => node.events.length;

describe('a node that is killed and comes back from its journal', () => {
  it('has its state again, and nobody else notices', () => {
    const world = lab();
    establish(world);
    const others = [world.hostA, world.r2, world.hostB];
    const [since, before] = [world.network.sent.length, others.map(news)];
    const state = world.r1.reservations.map(({ flow: f, interface: i, nextHop, flowspec }) => [
      f,
      i,
      nextHop,
      flowspec,
    ]);
    world.r1.kill();
    world.network.run(R);
    world.r1.restart();
    world.network.run(100);
    expect(
      world.r1.reservations.map(({ flow: f, interface: i, nextHop, flowspec }) => [f, i, nextHop, flowspec]),
    ).toEqual(state);
    expect(world.r1.kernel.size).toBe(1);
    world.network.run(4 * L);
    expect(harm(world, since)).toEqual([]);
    expect(others.map(news)).toEqual(before);
    expect(world.onPath.map((node) => node.paths.length)).toEqual([1, 1, 1, 1]);
    world.hostA.input({ type: 'closeSender', flow: flow() });
    world.network.run(50);
    expect(world.nodes.every((node) => node.isEmpty)).toBe(true);
  });

  it('lets a RESV wait while the route of its path is not known yet', () => {
    const world = lab();
    establish(world);
    const since = world.network.sent.length;
    world.r1.kill();
    world.r1.holdRoutes = true;
    world.r1.restart();
    world.network.run(1.5 * R);
    expect(world.r1.reservations).toEqual([]);
    world.r1.holdRoutes = false;
    world.r1.answerRoutes();
    world.network.run(50);
    expect(world.r1.reservations).toMatchObject([{ state: 'installed' }]);
    expect(harm(world, since)).toEqual([]);
  });

  it.each(['stay', 'tear'])(
    'keeps what one sender has of a share that names a sender of its own which is not opened again (%s)',
    (then) => {
      const world = lab();
      const { destination, protocol, destinationPort, source, sourcePort } = flow();
      const own = { source: ip('10.0.12.1'), sourcePort: 9 };
      const reserve = (filters: readonly Filter[]) =>
        world.hostB.input({
          type: 'reserve',
          session: { destination, protocol, destinationPort },
          receiver: 'app',
          style: 'SE',
          descriptors: [{ filters, flowspec: controlledLoad(1_000) }],
          confirm: false,
        });
      world.hostA.input({ type: 'openSender', flow: flow(), tspec: tspec(1_000) });
      world.r1.input({ type: 'openSender', flow: { ...flow(), ...own }, tspec: tspec(1_000) });
      reserve([{ source, sourcePort }, own]);
      world.network.run(R);
      world.r1.kill();
      world.r1.restart();
      world.network.run(R);
      // Of the two that the share was for, the one that did not come back is given up after L, or is torn before.
      if (then === 'tear') reserve([{ source, sourcePort }]);
      world.network.run(2 * L);
      expect(world.r1.reservations).toMatchObject([{ flow: flow(), state: 'installed' }]);
      expect([...world.r1.kernel.keys()]).toEqual(['17 10.2.0.2:5004 SE on eth1']);
      expect([...world.r1.journal.keys()]).toContain('resv 17 10.2.0.2:5004 SE via 10.0.12.2');
    },
  );

  it("as the sender's host keeps reservations until its senders are open again", () => {
    const world = lab();
    establish(world);
    const since = world.network.sent.length;
    world.hostA.kill();
    world.hostA.restart();
    world.network.run(2 * R);
    world.hostA.input({ type: 'openSender', flow: flow(), tspec: tspec(2_500_000) });
    world.network.run(50);
    expect(world.hostA.reservations).toMatchObject([{ state: 'installed', flowspec: controlledLoad(2_500_000) }]);
    world.network.run(2 * L);
    expect(harm(world, since)).toEqual([]);
    expect([world.r1, world.r2].map(news)).toEqual([2, 2]);
  });

  it("as the sender's host answers with ResvErr 3 when the sender stays closed", () => {
    const world = lab();
    establish(world);
    world.hostA.kill();
    world.hostA.restart();
    world.network.run(L - 1);
    expect(world.network.messages('resvErr')).toEqual([]);
    world.network.run(1);
    expect(world.network.messages('resvErr', 'host-a').map(({ view }) => view.errorSpec.errorCode)).toEqual([3]);
  });

  it("as the receiver's host answers PATH again when its receivers are open", () => {
    const world = lab();
    establish(world);
    const since = world.network.sent.length;
    world.hostB.kill();
    world.hostB.restart();
    world.network.run(50);
    world.hostB.input({ type: 'openReceiver', flow: flow(), flowspec: controlledLoad(2_500_000), confirm: false });
    world.network.run(2 * L);
    expect(harm(world, since)).toEqual([]);
    expect([world.hostA, world.r1, world.r2].map(news)).toEqual([2, 2, 2]);
  });

  it('does not bring back what was torn, one of several reservations of a RESV included', () => {
    const world = lab();
    establish(world, flow(1));
    establish(world, flow(2));
    world.hostB.input({ type: 'closeReceiver', flow: flow(1) });
    world.network.run(50);
    expect([...world.r1.journal.keys()].sort()).toEqual([
      'path 17 10.1.0.2:5004 > 10.2.0.2:1',
      'path 17 10.1.0.2:5004 > 10.2.0.2:2',
      'resv 17 10.1.0.2:5004 > 10.2.0.2:2 via 10.0.12.2',
    ]);
    world.r1.kill();
    world.r1.restart();
    world.network.run(50);
    expect(world.r1.reservations.map((each) => each.flow.destinationPort)).toEqual([2]);
  });

  it('remembers a change and not the refused one', () => {
    const world = lab();
    establish(world, flow(), 1_000_000);
    world.hostB.input({ type: 'openReceiver', flow: flow(), flowspec: controlledLoad(2_000_000), confirm: false });
    world.network.run(50);
    world.r1.verdict = () => ({ errorCode: 1, errorValue: 2 });
    world.hostB.input({ type: 'openReceiver', flow: flow(), flowspec: controlledLoad(3_000_000), confirm: false });
    world.network.run(50);
    world.r1.verdict = () => 'install';
    world.r1.kill();
    world.r1.restart();
    world.network.run(50);
    expect(world.r1.reservations).toMatchObject([{ flowspec: controlledLoad(2_000_000) }]);
  });

  it('gives up a reservation whose flow left by another way in the meantime', () => {
    const world = lab();
    establish(world);
    world.r1.kill();
    world.r1.routes.set('10.2.0.2', world.throughR3);
    world.r1.restart();
    world.network.run(50);
    expect([...world.r1.kernel.keys()]).toEqual(['17 10.1.0.2:5004 > 10.2.0.2:5004 on eth2']);
    expect([...world.r1.journal.keys()].sort()).toEqual([
      'path 17 10.1.0.2:5004 > 10.2.0.2:5004',
      'resv 17 10.1.0.2:5004 > 10.2.0.2:5004 via 10.0.13.3',
    ]);
  });
});
