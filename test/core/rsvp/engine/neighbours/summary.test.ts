import { describe, expect, it } from 'vitest';
import { MonotonicMs } from '../../../../../src/core/base/units.ts';
import { controlledLoad, establish, flow, lab, L, R, tspec, type Node } from '../network.ts';

const armed = (node: Node): Record<string, number> =>
  Object.fromEntries(
    node.engine.snapshot(MonotonicMs(node.network.now)).timers.map(({ kind, count }) => [kind, count] as const),
  );

describe('state that summaries refresh', () => {
  it('has no refresh timers of its own', () => {
    const world = lab({ refreshReduction: true });
    establish(world);
    world.network.run(R);
    expect(armed(world.r1)).toEqual({ 'path expiry': 1, 'reservation expiry': 1, 'summary refresh': 2 });
    world.network.run(10 * L);
    expect(armed(world.r1)).toEqual({ 'path expiry': 1, 'reservation expiry': 1, 'summary refresh': 2 });
    expect(world.onPath.map((node) => node.paths.length)).toEqual([1, 1, 1, 1]);
  });

  it('is refreshed by messages again once the neighbour takes no summaries any more', () => {
    const world = lab({ refreshReduction: true });
    establish(world);
    world.network.run(R);
    world.r2.refreshReduction = false;
    world.r2.kill();
    world.r2.restart();
    world.network.run(R);
    expect(armed(world.r1)).toMatchObject({ 'path refresh': 1, 'summary refresh': 1 });
    expect(armed(world.hostB)).toMatchObject({ 'reservation refresh': 1 });
    world.network.run(10 * L);
    expect(world.onPath.map((node) => node.paths.length)).toEqual([1, 1, 1, 1]);
    expect(world.onPath.map((node) => node.reservations.length)).toEqual([1, 1, 1, 0]);
  });

  it('is asked for whole, once, where it is gone (RFC 2961 5.3)', () => {
    const world = lab({ refreshReduction: true });
    establish(world);
    world.network.run(R);
    world.network.loses = (sent) => sent.node === 'r1' && sent.view.kind === 'pathTear';
    world.hostA.input({ type: 'closeSender', flow: world.r1.paths[0]!.flow });
    world.network.run(1_000);
    expect([world.r1, world.r2].map((node) => node.paths.length)).toEqual([0, 1]);
    const resvs = world.network.messages('resv', 'r2').length;
    world.network.run(2 * R);
    const nacks = world.network.messages('ack', 'r1').flatMap(({ view }) => view.acks);
    expect(nacks.filter(({ kind }) => kind === 'messageIdNack')).toHaveLength(1);
    expect(world.network.messages('resv', 'r2')).toHaveLength(resvs + 1);
    expect(world.hostB.eventsOf('resvError')).toMatchObject([{ errorCode: 3 }]);
    world.network.run(2 * L);
    expect(world.nodes.map((node) => node.isEmpty)).toEqual(world.nodes.map(() => true));
  });

  it.each(['FF', 'SE', 'WF'] as const)('leaves nothing remembered of it where the senders leave first: %s', (style) => {
    const world = lab({ refreshReduction: true });
    const senders = [flow(5004, 1), flow(5004, 2)];
    const remembered = (): number[] =>
      world.onPath.flatMap((node) =>
        node.engine.snapshot(MonotonicMs(world.network.now)).neighbours.map((row) => row.remembered),
      );
    establish(world, flow(7));
    world.network.run(R);
    const settled = remembered();
    for (const each of senders) world.hostA.input({ type: 'openSender', flow: each, tspec: tspec(1_000) });
    const descriptors = [{ filters: style === 'WF' ? [] : senders, flowspec: controlledLoad(1_000) }];
    world.hostB.input({ type: 'reserve', session: flow(), receiver: 'app', style, descriptors, confirm: true });
    world.network.run(R);
    expect(remembered()).not.toEqual(settled);
    for (const each of senders) world.hostA.input({ type: 'closeSender', flow: each });
    world.network.run(R);
    expect(remembered()).toEqual(settled);
    world.hostB.input({ type: 'release', session: flow(), receiver: 'app' });
    world.network.run(2 * L);
    expect(remembered()).toEqual(settled);
  });
});
