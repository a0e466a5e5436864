import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EngineInput } from '../../../../src/core/rsvp/engine/types.ts';
import { encodeMessage, decodeMessage } from '../../../../src/core/rsvp/wire/codec.ts';
import { establish, flow, ip, lab, tspec, type Lab, type Sent } from './network.ts';

/** One of every kind of message that reaches r1, with the interface it comes in on. */
function samples(): { readonly sent: Sent; readonly interface: string }[] {
  const world = lab();
  establish(world);
  world.r2.verdict = () => ({ errorCode: 1, errorValue: 2 });
  world.hostA.verdict = () => ({ errorCode: 1, errorValue: 2 });
  establish(world, flow(2));
  world.r2.verdict = () => 'install';
  establish(world, flow(3));
  world.r2.routes.clear();
  establish(world, flow(4));
  world.hostB.input({ type: 'closeReceiver', flow: flow() });
  world.network.run(50);
  world.hostA.input({ type: 'closeSender', flow: flow() });
  world.network.run(50);
  const kinds = new Map<string, { sent: Sent; interface: string }>();
  for (const sent of world.network.sent) {
    if (sent.node === 'host-a') kinds.set(sent.view.kind, { sent, interface: 'eth0' });
    if (sent.node === 'r2' && sent.send.interface === 'eth1') kinds.set(sent.view.kind, { sent, interface: 'eth1' });
  }
  return [...kinds.values()];
}
const all = samples();

const packet = ({ sent, interface: name }: (typeof all)[number], bytes: Uint8Array): EngineInput => ({
  type: 'packet',
  interface: name,
  source: sent.send.source,
  destination: sent.send.destination,
  ttl: sent.send.ttl,
  bytes,
});
const checksummed = (bytes: Uint8Array): Uint8Array => {
  const copy = bytes.slice();
  copy.fill(0, 2, 4);
  const decoded = decodeMessage(copy);
  return decoded.ok ? encodeMessage(decoded.value.message).slice() : copy;
};
const empties = (world: Lab): void => {
  for (const port of [5004, 2, 3, 4]) world.hostA.input({ type: 'closeSender', flow: flow(port) });
  for (const port of [5004, 2, 3, 4]) world.hostB.input({ type: 'closeReceiver', flow: flow(port) });
  // The longest R that is believed of a neighbour is an hour.
  world.network.run(40 * 3_600_000);
  expect(world.nodes.map((node) => node.isEmpty)).toEqual([true, true, true, true, true]);
};

describe('damaged messages', () => {
  it('cover every type of message', () => {
    expect(all.map(({ sent }) => sent.view.kind).sort()).toEqual(
      ['path', 'pathErr', 'pathTear', 'resv', 'resvConf', 'resvErr', 'resvTear'].sort(),
    );
  });

  it('cut at every offset are counted and change nothing', () => {
    const world = lab();
    establish(world);
    const events = world.r1.events.length;
    let cuts = 0;
    for (const sample of all) {
      const { bytes } = sample.sent.send;
      for (let length = 0; length < bytes.length; length++, cuts++) {
        expect(world.r1.input(packet(sample, bytes.slice(0, length)))).toEqual([]);
      }
    }
    const dropped = Object.values(world.r1.dropped).reduce((sum, n) => sum + n, 0);
    expect(dropped).toBe(cuts);
    expect(world.r1.events).toHaveLength(events);
  });

  it('of random bytes never throw', () => {
    const world = lab();
    establish(world);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.constantFrom(...all), (bytes, sample) => {
        world.r1.input(packet(sample, bytes));
        const header = Uint8Array.of(0x10, 1 + ((bytes[0] ?? 0) % 7), 0, 0, 64, 0, 0, 8 + (bytes.length & ~3));
        header[6] = (8 + (bytes.length & ~3)) >> 8;
        const framed = new Uint8Array(8 + (bytes.length & ~3));
        framed.set(header);
        framed.set(bytes.subarray(0, framed.length - 8), 8);
        world.r1.input(packet(sample, framed));
      }),
      { numRuns: 2_000, seed: 4 },
    );
    expect(world.r1.reservations).toHaveLength(1);
    empties(world);
  });

  it('with single bytes changed under a right checksum never throw, and whatever they made times out', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 60 }), (changes) => {
        const world = lab();
        establish(world);
        for (const [which, at, value] of changes) {
          const sample = all[which % all.length]!;
          const bytes = sample.sent.send.bytes.slice();
          bytes[at % bytes.length] = value;
          world.r1.input(packet(sample, checksummed(bytes)));
          world.network.run(5);
        }
        empties(world);
      }),
      { numRuns: 30, seed: 11 },
    );
  });

  it('on an interface that does not exist, or for another node, are counted', () => {
    const world = lab();
    establish(world);
    const resv = all.find(({ sent }) => sent.view.kind === 'resv')!;
    world.r1.input({ ...(packet(resv, resv.sent.send.bytes) as { type: 'packet' }), interface: 'eth7' } as never);
    world.r1.input({
      ...(packet(resv, resv.sent.send.bytes) as { type: 'packet' }),
      destination: ip('9.9.9.9'),
    } as never);
    expect(world.r1.dropped).toMatchObject({ unknownInterface: 1, notForThisNode: 1 });
  });

  it('do not stop the next good one', () => {
    const world = lab();
    for (const sample of all) world.r1.input(packet(sample, sample.sent.send.bytes.slice(3)));
    world.hostA.input({ type: 'openSender', flow: flow(), tspec: tspec(1_000) });
    world.network.run(50);
    expect(world.hostB.paths).toHaveLength(1);
  });
});
