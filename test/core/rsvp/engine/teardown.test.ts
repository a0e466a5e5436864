import { describe, expect, it } from 'vitest';
import { altered, controlledLoad, establish, flow, lab, L, tspec } from './network.ts';

describe('teardown', () => {
  it('by the sender removes everything at once, everywhere', () => {
    const world = lab();
    establish(world);
    world.hostA.input({ type: 'closeSender', flow: flow() });
    world.network.run(50);
    expect(world.onPath.every((node) => node.isEmpty)).toBe(true);
    expect(
      world.network
        .messages('pathTear')
        .map(({ node, send, view }) => [node, send.source, send.destination, send.routerAlert, view.hop.address]),
    ).toEqual([
      ['host-a', '10.1.0.2', '10.2.0.2', true, '10.1.0.2'],
      ['r1', '10.1.0.2', '10.2.0.2', true, '10.0.12.1'],
      ['r2', '10.1.0.2', '10.2.0.2', true, '10.2.0.1'],
    ]);
    expect(world.hostA.eventsOf('pathDown')).toMatchObject([{ cause: 'closed' }]);
    expect(world.r1.eventsOf('pathDown')).toMatchObject([{ cause: 'tear' }]);
    expect(world.r1.eventsOf('resvDown')).toMatchObject([{ cause: 'pathDown' }]);
  });

  it('by the receiver removes the reservations at once and leaves the path', () => {
    const world = lab();
    establish(world);
    world.hostB.input({ type: 'closeReceiver', flow: flow() });
    world.network.run(50);
    expect(world.onPath.map((node) => [node.paths.length, node.reservations.length, node.kernel.size])).toEqual(
      Array(4).fill([1, 0, 0]),
    );
    expect(world.network.messages('resvTear').map(({ node, send }) => [node, send.destination])).toEqual([
      ['host-b', '10.2.0.1'],
      ['r2', '10.0.12.1'],
      ['r1', '10.1.0.2'],
    ]);
    expect(world.hostB.eventsOf('resvDown')).toMatchObject([{ cause: 'closed' }]);
    expect(world.hostA.eventsOf('resvDown')).toMatchObject([{ cause: 'tear' }]);
  });

  it('that is lost is repaired by time-out', () => {
    const world = lab();
    establish(world);
    world.links.hostA.loss = 1;
    world.hostA.input({ type: 'closeSender', flow: flow() });
    world.network.run(50);
    expect(world.r1.paths).toHaveLength(1);
    world.network.run(L);
    expect(world.onPath.every((node) => node.isEmpty)).toBe(true);
  });

  it('while an install is unanswered removes it, and the late answer is ignored', () => {
    const world = lab();
    world.r1.verdict = () => 'hold';
    establish(world);
    world.hostB.input({ type: 'closeReceiver', flow: flow() });
    const outputs = () => world.r1.input({ type: 'installed', installId: world.r1.installs[0]!.installId });
    world.network.run(50);
    expect(world.r1.reservations).toEqual([]);
    expect(outputs()).toEqual([]);
    expect(world.r1.eventsOf('resvUp')).toEqual([]);
    expect(world.network.messages('resv', 'r1')).toEqual([]);
    expect(world.r1.kernel.size).toBe(0);
  });

  it('asks the driver to remove what an unanswered install may have left', () => {
    const world = lab();
    world.r1.verdict = () => 'hold';
    establish(world);
    const { session, interface: name, style, filters } = world.r1.installs[0]!;
    const share = { session, interface: name, style, filters };
    expect(share).toMatchObject({ interface: 'eth1', style: 'FF', filters: [{ source: '10.1.0.2' }] });
    const outputs = [...world.r1.input({ type: 'interfaces', interfaces: [world.r1.interfaces.get('eth0')!] })];
    expect(outputs).toContainEqual({ type: 'remove', ...share });
  });

  it('from another hop than the one that PATH came from is ignored', () => {
    const world = lab();
    establish(world);
    world.hostA.input({ type: 'closeSender', flow: flow() });
    const tear = world.network.messages('pathTear', 'host-a')[0]!.send;
    const again = lab();
    establish(again);
    again.r2.input({ ...tear, type: 'packet', interface: 'eth1' });
    expect(again.r2.paths).toHaveLength(1);
    expect(again.r2.dropped['tearFromAnotherHop']).toBe(1);
  });

  it('and a change that overtakes an unanswered install end with the latest word', () => {
    const world = lab();
    world.r1.verdict = () => 'hold';
    establish(world, flow(), 1_000_000);
    world.hostB.input({ type: 'openReceiver', flow: flow(), flowspec: controlledLoad(2_000_000), confirm: false });
    world.network.run(50);
    const [first, second] = world.r1.installs;
    expect(second!.flowspec).toEqual(controlledLoad(2_000_000));
    world.r1.answerInstall(first!, 'install');
    expect(world.r1.reservations).toMatchObject([{ state: 'installing' }]);
    world.r1.answerInstall(second!, 'install');
    world.network.run(50);
    expect(world.hostA.reservations).toMatchObject([{ state: 'installed', flowspec: controlledLoad(2_000_000) }]);
    expect(world.network.messages('resv', 'r1')).toHaveLength(1);
  });

  it('of a sender that never had an answer from routing leaves nothing', () => {
    const world = lab();
    world.hostA.holdRoutes = true;
    world.hostA.input({ type: 'openSender', flow: flow(), tspec: tspec(1_000) });
    world.hostA.input({ type: 'closeSender', flow: flow() });
    world.hostA.answerRoutes();
    world.network.run(50);
    expect(world.hostA.isEmpty).toBe(true);
    expect(world.network.sent).toEqual([]);
  });

  it.each([0, 1])('of a path whose TTL has shrunk to %d reaches the next node, which had it before', (ttl) => {
    const world = lab();
    establish(world);
    const path = world.network.messages('path', 'host-a')[0]!;
    world.r1.input({ ...altered(path, 'eth0', (message) => message), ttl });
    world.hostA.input({ type: 'closeSender', flow: flow() });
    world.network.run(50);
    expect(world.r2.paths).toEqual([]);
    expect(world.network.messages('pathTear', 'r1').map(({ send, view }) => [send.ttl, view.sendTtl])).toEqual([
      [1, 1],
    ]);
  });
});
