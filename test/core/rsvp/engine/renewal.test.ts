import { describe, expect, it } from 'vitest';
import { decodeMessage } from '../../../../src/core/rsvp/wire/codec.ts';
import type { RsvpMessage } from '../../../../src/core/rsvp/wire/message.ts';
import { establish, flow, lab } from './network.ts';

const [RESV_ERR, PATH_TEAR, RESV_TEAR] = [4, 5, 6];

function decoded(bytes: Uint8Array): RsvpMessage {
  const message = decodeMessage(bytes);
  if (!message.ok) throw new Error(JSON.stringify(message.error));
  return message.value.message;
}

const noRoom = { errorCode: 1, errorValue: 2 } as const;

describe('a way that is lost and comes back', () => {
  it('has its reservation back at once, since PATH names another previous hop (RFC 2205 3.6)', () => {
    const world = lab();
    establish(world);
    const direct = world.r1.routes.get('10.2.0.2')!;
    world.r1.routes.delete('10.2.0.2');
    world.r1.input({ type: 'routesChanged' });
    world.network.run(50);
    expect(world.r1.reservations).toEqual([]);
    world.r1.routes.set('10.2.0.2', direct);
    world.r1.input({ type: 'routesChanged' });
    world.network.run(50);
    expect(world.r1.reservations).toMatchObject([{ state: 'installed' }]);
    expect(world.hostA.reservations).toMatchObject([{ state: 'installed' }]);
    expect(world.r2.eventsOf('resvDown')).toEqual([]);
  });
});

describe('retry', () => {
  it('asks local admission again for what it refused, long before Kb · R', () => {
    const world = lab();
    world.r2.verdict = () => noRoom;
    establish(world);
    world.r2.verdict = () => 'install';
    world.r2.input({ type: 'retry', flow: flow() });
    world.network.run(50);
    expect(world.hostA.reservations).toMatchObject([{ state: 'installed' }]);
  });

  it('leaves what stands as it is', () => {
    const world = lab();
    establish(world);
    const installs = world.r2.installs.length;
    for (const node of world.nodes) node.input({ type: 'retry', flow: flow() });
    world.network.run(500);
    expect(world.r2.installs).toHaveLength(installs);
    expect(world.nodes.flatMap((node) => [...node.eventsOf('resvDown'), ...node.eventsOf('pathDown')])).toEqual([]);
  });
});

describe('abandon', () => {
  it('tears what a former way has left, both ways', () => {
    const world = lab();
    establish(world);
    world.r2.input({ type: 'abandon', flow: flow() });
    world.network.run(50);
    expect([world.r2.reservations, world.r1.reservations, world.hostA.reservations]).toEqual([[], [], []]);
    expect(world.r2.eventsOf('pathDown')).toMatchObject([{ cause: 'tear' }]);
    expect(world.hostB.eventsOf('pathDown')).toMatchObject([{ cause: 'tear' }]);
    expect([...world.r2.journal.keys()]).toEqual([]);
  });

  it('tells the next hop that its reservation was taken away, and the previous hop that nothing is asked for', () => {
    const world = lab();
    establish(world);
    const outputs = world.r2.input({ type: 'abandon', flow: flow() });
    const sent = outputs.flatMap((each) =>
      each.type === 'send' ? [[each.destination, decoded(each.bytes)] as const] : [],
    );
    expect(sent).toMatchObject([
      ['10.2.0.2', { type: RESV_ERR, objects: expect.arrayContaining([expect.objectContaining({ errorCode: 12 })]) }],
      ['10.0.12.1', { type: RESV_TEAR }],
      ['10.2.0.2', { type: PATH_TEAR }],
    ]);
  });

  it('is nothing to a flow that is not there, and to one that starts here', () => {
    const world = lab();
    establish(world);
    expect(world.r2.input({ type: 'abandon', flow: flow(1) })).toEqual([]);
    expect(world.hostA.input({ type: 'abandon', flow: flow() })).toEqual([]);
  });
});
