import { describe, expect, it } from 'vitest';
import { controlledLoad, ip, lab, L, R, tspec, type Lab } from './network.ts';
import type { FlowKey, StyleName } from '../../../../src/core/rsvp/engine/types.ts';

const SENDERS = 57;
const flows: readonly FlowKey[] = Array.from({ length: SENDERS }, (_, i) => ({
  destination: ip('10.2.0.2'),
  protocol: 17,
  destinationPort: 5004,
  source: ip('10.1.0.2'),
  sourcePort: 1_000 + i,
}));

function reserve(world: Lab, style: StyleName, rate: number, some = flows): void {
  const descriptors =
    style === 'FF'
      ? some.map((flow, i) => ({ filters: [flow], flowspec: controlledLoad(rate + i) }))
      : [{ filters: style === 'SE' ? some : [], flowspec: controlledLoad(rate) }];
  const { destination, protocol, destinationPort } = flows[0]!;
  const session = { destination, protocol, destinationPort };
  world.hostB.input({ type: 'reserve', session, receiver: 'app', style, descriptors, confirm: false });
}

function open(style: StyleName): Lab {
  const world = lab();
  for (const flow of flows) world.hostA.input({ type: 'openSender', flow, tspec: tspec(1_000) });
  world.network.run(50);
  reserve(world, style, 1_000_000);
  world.network.run(200);
  return world;
}

describe('many senders of one session behind one previous hop', () => {
  it.each(['FF', 'SE', 'WF'] as const)('are asked for in messages that fit a packet: %s', (style) => {
    const world = open(style);
    expect(world.hostA.reservations).toHaveLength(SENDERS);
    expect(world.hostA.reservations.every(({ state }) => state === 'installed')).toBe(true);
    const longest = Math.max(...world.network.messages('resv').map(({ send }) => send.bytes.length));
    expect(longest).toBeLessThanOrEqual(1_480);
    world.network.run(3 * L);
    expect(world.hostA.reservations).toHaveLength(SENDERS);
    expect(world.hostA.eventsOf('resvDown')).toEqual([]);
  });

  it.each(['FF', 'SE', 'WF'] as const)('refreshes say nothing new, in several messages as in one: %s', (style) => {
    const world = open(style);
    const before = [world.r1.installs.length, world.r1.events.length];
    world.network.run(20 * R);
    expect([world.r1.installs.length, world.r1.events.length]).toEqual(before);
  });

  it('change together in shared style: one flowspec in all messages', () => {
    const world = open('SE');
    reserve(world, 'SE', 2_000_000);
    world.network.run(200);
    for (const node of [world.hostA, world.r1, world.r2]) {
      expect([...node.kernel.values()], node.name).toEqual([controlledLoad(2_000_000)]);
    }
    const asked = world.network
      .messages('resv', 'r1')
      .slice(-3)
      .map(({ view }) => view.flowDescriptors[0]!.flowspec.flowspec.tspec.tokenRate);
    expect(asked).toEqual([2_000_000, 2_000_000, 2_000_000]);
  });

  it('leave one by one, and the others stay', () => {
    const world = open('SE');
    reserve(world, 'SE', 1_000_000, flows.slice(30));
    world.network.run(200);
    expect(world.hostA.reservations.map((each) => each.flow.sourcePort)).toEqual(
      flows.slice(30).map((flow) => flow.sourcePort),
    );
    for (const flow of flows) world.hostA.input({ type: 'closeSender', flow });
    const { destination, protocol, destinationPort } = flows[0]!;
    world.hostB.input({ type: 'release', session: { destination, protocol, destinationPort }, receiver: 'app' });
    world.network.run(200);
    expect(world.nodes.map((node) => node.isEmpty)).toEqual([true, true, true, true, true]);
  });
});
