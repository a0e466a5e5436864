import { describe, expect, it } from 'vitest';
import { encodeMessage } from '../../../../../src/core/rsvp/wire/codec.ts';
import { establish, ip, lab, type Lab } from '../network.ts';

function hello({ r1 }: Lab, sourceInstance: number): void {
  const object = { kind: 'hello', ack: false, sourceInstance, destinationInstance: 0 } as const;
  const bytes = encodeMessage({ type: 20, flags: 0, sendTtl: 1, objects: [object] }).slice();
  r1.input({ type: 'packet', interface: 'eth0', source: ip('10.1.0.2'), destination: ip('10.1.0.1'), ttl: 1, bytes });
}

describe('Hello from another instance each time (RFC 3209 5.3)', () => {
  it('is believed once a second: each time all state is sent again', () => {
    const world = lab();
    establish(world);
    world.network.run(10_000);
    const resvs = world.network.messages('resv', 'r1').length;
    hello(world, 1);
    for (let instance = 2; instance < 1_000; instance++) hello(world, instance % 3 === 0 ? 0 : instance);
    expect(world.r1.eventsOf('neighbourChanged')).toHaveLength(1);
    expect(world.network.messages('resv', 'r1').length - resvs).toBeLessThan(3);
    expect(world.r1.dropped['helloChangesTooOften']).toBeGreaterThan(900);
    world.network.run(1_001);
    hello(world, 5_000);
    expect(world.r1.eventsOf('neighbourChanged')).toHaveLength(2);
  });
});
