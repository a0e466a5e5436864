import { describe, expect, it } from 'vitest';
import type { RsvpMessage } from '../../../../../src/core/rsvp/wire/message.ts';
import { altered, controlledLoad, establish, flow, L, lab, R, type Lab } from '../network.ts';

/** The last Path of host-a, or the last of a flow to that port, as it reaches r1 with another id. */
function pathWithId(world: Lab, messageId: number, port?: number) {
  const last = world.network
    .messages('path', 'host-a')
    .findLast(
      ({ view }) =>
        view.extensions?.messageId !== undefined && (port === undefined || view.session.destinationPort === port),
    )!;
  return altered(last, 'eth0', (message) => ({
    ...message,
    objects: message.objects.map((object) => (object.kind === 'messageId' ? { ...object, messageId } : object)),
  }));
}

describe('a message out of order (RFC 2961 4.5)', () => {
  it('is told by the state that a later one made; once that is gone none is', () => {
    const world = lab({ refreshReduction: true });
    establish(world);
    world.network.run(10_000);
    world.r1.input(pathWithId(world, 1_000_000));
    world.network.run(1_000);
    world.r1.input(pathWithId(world, 999_999));
    expect(world.r1.dropped).toMatchObject({ outOfOrder: 1 });
    world.network.run(2 * L);
    expect(world.r1.paths).toHaveLength(1);
    expect(world.r1.kernel.size).toBe(1);
  });

  it('is told by serial numbers, so that ids may wrap', () => {
    const world = lab({ refreshReduction: true });
    establish(world);
    world.network.run(10_000);
    world.r1.input(pathWithId(world, 0xffff_ffff));
    expect(world.r1.dropped).toMatchObject({ outOfOrder: 1 });
    world.r1.input(pathWithId(world, 0x7fff_ffff));
    world.r1.input(pathWithId(world, 0xffff_fffe));
    world.r1.input(pathWithId(world, 3));
    expect(world.r1.dropped).toMatchObject({ outOfOrder: 1 });
  });

  it('does not put other contents under an id that stands for the state: it is a refresh', () => {
    const world = lab({ refreshReduction: true });
    establish(world, undefined, 9_000);
    world.network.run(10_000);
    const last = world.network.messages('resv', 'r1').findLast(({ view }) => view.extensions?.messageId !== undefined)!;
    const damaged = altered(last, 'eth0', (message) => ({
      ...message,
      objects: message.objects.map((object) =>
        object.kind === 'flowspec' ? { ...object, flowspec: controlledLoad(1_000) } : object,
      ),
    }));
    world.hostA.input(damaged);
    world.network.run(3 * L);
    expect([...world.hostA.kernel.values()]).toEqual([controlledLoad(9_000)]);
  });
});

describe('an id that a neighbour uses for a second state', () => {
  it('stands for that from then on, also when the first one goes', () => {
    const world = lab({ refreshReduction: true });
    for (const port of [1, 2]) establish(world, flow(port));
    world.network.run(R);
    world.r1.input(pathWithId(world, 5_000, 1));
    world.r1.input(pathWithId(world, 5_000, 2));
    world.hostA.input({ type: 'closeSender', flow: flow(1) });
    const tear = world.network.messages('pathTear', 'host-a').at(-1)!;
    const withoutId = (message: RsvpMessage) => ({
      ...message,
      objects: message.objects.filter(({ kind }) => kind !== 'messageId'),
    });
    world.r1.input(altered(tear, 'eth0', withoutId));
    expect(world.r1.paths).toHaveLength(1);
    world.network.run(1_000);
    const summary = world.network.messages('srefresh', 'host-a').at(-1)!;
    const list = {
      kind: 'messageIdList',
      flags: 0,
      epoch: world.r1.neighbours[0]!.epoch!,
      messageIds: [5_000],
    } as const;
    const acks = world.network.messages('ack', 'r1').length;
    world.r1.input(altered(summary, 'eth0', (message) => ({ ...message, objects: [list] })));
    world.network.run(1_000);
    expect(world.network.messages('ack', 'r1').slice(acks)).toEqual([]);
    // Refreshed by it, and by nothing else.
    world.hostA.kill();
    world.network.run(L - 2_000);
    expect(world.r1.paths).toHaveLength(1);
  });
});
