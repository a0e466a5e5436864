import { describe, expect, it } from 'vitest';
import type { IpAddress } from '../../../../../src/core/base/ip.ts';
import type { RsvpObject } from '../../../../../src/core/rsvp/wire/objects.ts';
import { encodeMessage } from '../../../../../src/core/rsvp/wire/codec.ts';
import type { RsvpMessage } from '../../../../../src/core/rsvp/wire/message.ts';
import { establish, lab } from '../network.ts';

const MAX_BYTES = 65_500;

const message = (type: number, objects: readonly RsvpObject[]): RsvpMessage => ({
  type,
  flags: 1,
  sendTtl: 255,
  objects,
});
const many = <T>(n: number, make: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => make(i));
const empty = (classNumber: number): RsvpObject => ({
  kind: 'unknown',
  classNumber,
  cType: 1,
  body: new Uint8Array(0),
});

const session = {
  kind: 'session',
  destination: '10.2.0.2' as IpAddress,
  protocol: 17,
  flags: 0,
  destinationPort: 1,
} as const;
const hop = { kind: 'rsvpHop', address: '10.1.0.2' as IpAddress, logicalInterfaceHandle: 0 } as const;
const id = (messageId: number) => ({ kind: 'messageId', flags: 1, epoch: 7, messageId }) as const;

/** A whole Bundle from the bytes of its parts. */
function bundle(parts: readonly Uint8Array[]): Uint8Array {
  const whole = Buffer.concat([encodeMessage(message(12, []), 'absent'), ...parts]);
  whole.writeUInt16BE(whole.length, 6);
  return new Uint8Array(whole);
}

/** Messages of about so many bytes that try to cost more than that. */
const cases: Record<string, (bytes: number) => Uint8Array> = {
  'a Path of empty objects to be ignored': (n) =>
    encodeMessage(
      message(
        1,
        many(n / 4, () => empty(0x83)),
      ),
    ),
  'a Path of empty objects to be passed on': (n) =>
    encodeMessage(message(1, [session, hop, ...many(n / 4, () => empty(0xc3))])),
  'a Srefresh of ids that nobody knows': (n) =>
    encodeMessage(message(15, [{ kind: 'messageIdList', flags: 0, epoch: 7, messageIds: many(n / 4, (i) => i) }])),
  'a Srefresh of one id in a list each': (n) =>
    encodeMessage(
      message(
        15,
        many(n / 12, (i) => ({ kind: 'messageIdList', flags: 0, epoch: 7, messageIds: [i] }) as const),
      ),
    ),
  'an Ack of everything': (n) =>
    encodeMessage(
      message(
        13,
        many(n / 12, (i) => ({ kind: 'messageIdAck', flags: 0, epoch: 102, messageId: i }) as const),
      ),
    ),
  'an Ack of NACKs': (n) =>
    encodeMessage(
      message(
        13,
        many(n / 12, (i) => ({ kind: 'messageIdNack', flags: 0, epoch: 102, messageId: i }) as const),
      ),
    ),
  'a Bundle of messages of nothing': (n) => bundle(many(n / 8, () => encodeMessage(message(1, [])))),
  'a Bundle of Bundles': (n) => {
    let inner = encodeMessage(message(1, []));
    for (let depth = 0; depth < 1_000 && inner.length + 8 < n; depth++) inner = bundle([inner]);
    return bundle(many(n / (inner.length + 8), () => inner));
  },
  'a Bundle of tears with ids': (n) => bundle(many(n / 80, (i) => encodeMessage(message(6, [id(i), session, hop])))),
  'a Bundle of Hellos': (n) =>
    bundle(
      many(n / 20, (i) =>
        encodeMessage(message(20, [{ kind: 'hello', ack: false, sourceInstance: i + 1, destinationInstance: 0 }])),
      ),
    ),
};

/** Processor time of one such message, the best of several; the engine is one in use. */
function cost(bytes: Uint8Array): number {
  const world = lab({ refreshReduction: true });
  establish(world);
  world.network.run(10_000);
  const { engine } = world.r1;
  let best = Infinity;
  for (let round = 0; round < 12; round++) {
    const start = process.cpuUsage();
    for (let i = 0; i < 3; i++) {
      const source = '10.1.0.2' as IpAddress;
      const destination = '10.1.0.1' as IpAddress;
      engine.handle(
        { type: 'packet', interface: 'eth0', source, destination, ttl: 255, bytes },
        world.network.now as never,
      );
    }
    const { user, system } = process.cpuUsage(start);
    best = Math.min(best, user + system);
  }
  return best;
}

describe('the work of a message is linear in its length', () => {
  it.each(Object.keys(cases))('%s', (name) => {
    const short = cases[name]!(MAX_BYTES / 8);
    const long = cases[name]!(MAX_BYTES);
    expect(long.length).toBeGreaterThan(6 * short.length);
    // Eight times the length: quadratic work would be 64 times as much. Below a millisecond nothing can be told.
    const [small, large] = [cost(short), cost(long)];
    expect(large).toBeLessThan(24 * Math.max(small, 1_000));
  });
});
