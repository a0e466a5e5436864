import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RsvpMessage } from '../../src/core/rsvp/wire/message.ts';
import { encodeMessage } from '../../src/core/rsvp/wire/codec.ts';
import { encodeIpv4, IPPROTO_RSVP } from '../../src/core/rsvp/wire/ip-packet.ts';
import { ip } from '../support/network.ts';
import { requires } from '../support/requires.ts';
import { Headroom, output } from './headroom.ts';

const SENDER = resolve(import.meta.dirname, 'send_packets.py');
const EACH = 5_000;

/** A Path of its own session. */
const path = (n: number): Uint8Array => {
  const message: RsvpMessage = {
    type: 1,
    flags: 0,
    sendTtl: 64,
    objects: [
      { kind: 'session', destination: ip('10.2.0.2'), protocol: 17, flags: 0, destinationPort: 10_000 + n },
      { kind: 'rsvpHop', address: ip('10.1.0.2'), logicalInterfaceHandle: 0 },
      { kind: 'timeValues', refreshPeriod: 30_000 },
      { kind: 'senderTemplate', source: ip('10.1.0.2'), sourcePort: 10_000 + n },
      {
        kind: 'senderTspec',
        tspec: { tokenRate: 1_000, tokenBucket: 3_000, peakRate: Infinity, minPolicedUnit: 128, maxPacketSize: 1_500 },
      },
    ],
  } as RsvpMessage;
  return encodeMessage(message);
};

interface Counters {
  readonly received: Readonly<Record<string, number>>;
  readonly dropped: Readonly<Record<string, number>>;
}

describe.skipIf(requires('root', 'ip', 'tc', 'nft', 'python3'))('a flood of RSVP messages', () => {
  const headroom = new Headroom('kernel', {}, { refreshPeriodMs: 30_000 });
  beforeAll(() => headroom.start(), 60_000);
  afterAll(() => headroom.stop(), 30_000);

  const counters = async (): Promise<Counters> => (await headroom.rsvpState('r1')).body.engine.counters as Counters;
  const driver = async (): Promise<{ malformed: number; overflow: number }> =>
    (await headroom.rsvpState('r1')).body.transport.dropped as { malformed: number; overflow: number };

  const grown = (
    after: Readonly<Record<string, number>>,
    from: Readonly<Record<string, number>>,
    key: string,
  ): number => (after[key] ?? 0) - (from[key] ?? 0);

  /** From host-a to host-b with router alert, in one go. Resolves with messages a second. */
  const flood = async (messages: readonly Uint8Array[]): Promise<number> => {
    const around = {
      source: ip('10.1.0.2'),
      destination: ip('10.2.0.2'),
      ttl: 64,
      protocol: IPPROTO_RSVP,
      routerAlert: true,
    };
    const packets = messages.map((payload) => Buffer.from(encodeIpv4({ ...around, payload })).toString('hex'));
    const sender = headroom.spawn('host-a', '/usr/bin/python3', SENDER, '--flood');
    const sent = output(sender);
    sender.stdin!.end(packets.join('\n'));
    const [count, seconds] = (await sent).trim().split(' ').map(Number);
    expect(count).toBe(messages.length);
    return count! / seconds!;
  };

  it('as fast as a host can send them: each of 20,000 is counted, none is lost in our own queue', async () => {
    const messages = Array.from({ length: EACH }, (_, n) => {
      const good = path(n);
      const badChecksum = good.slice();
      badChecksum[2]! ^= 0x55;
      const unknownType = encodeMessage({ type: 99, flags: 0, sendTtl: 64, objects: [] } as unknown as RsvpMessage);
      return [good, badChecksum, unknownType, good.subarray(0, 6)];
    }).flat();
    const [before, driverBefore] = [await counters(), await driver()];
    const perSecond = await flood(messages);
    console.log(`sent ${Math.round(perSecond)} messages a second`);

    await headroom.until(
      'the last is counted',
      30_000,
      async () => grown((await counters()).dropped, before.dropped, 'tooShort') >= EACH,
    );
    const after = await counters();
    expect(await driver()).toEqual(driverBefore);
    expect(grown(after.received, before.received, 'Path')).toBe(EACH);
    for (const reason of ['badChecksum', 'notForThisNode', 'tooShort']) {
      expect([reason, grown(after.dropped, before.dropped, reason)]).toEqual([reason, EACH]);
    }
    expect(
      new Set(Object.keys(after.dropped).filter((reason) => grown(after.dropped, before.dropped, reason) > 0)),
    ).toEqual(new Set(['badChecksum', 'notForThisNode', 'tooShort']));
    const { body } = await headroom.rsvpState('r1');
    expect(body.engine.paths).toHaveLength(EACH);
  }, 90_000);

  it('what the queue has no room for, since the agent stands still, is counted: nothing is lost without a number', async () => {
    const [before, driverBefore] = [await counters(), await driver()];
    const broken = path(0);
    broken[2]! ^= 0x55;
    const count = 60_000;
    const agent = headroom.lab.agent('r1')!;
    agent.kill('SIGSTOP');
    try {
      await flood(Array.from({ length: count }, () => broken));
    } finally {
      agent.kill('SIGCONT');
    }
    const sum = async (): Promise<number> =>
      grown((await counters()).dropped, before.dropped, 'badChecksum') +
      (await driver()).overflow -
      driverBefore.overflow;
    await headroom.until('all are counted', 30_000, async () => (await sum()) >= count);
    expect(await sum()).toBe(count);
    expect((await driver()).overflow).toBeGreaterThan(driverBefore.overflow);
  }, 90_000);

  it('a reservation is made after it as ever', async () => {
    const { body } = await headroom.book(5004, 2_000_000);
    await headroom.reaches(body.id as string, 'active', 30_000);
  }, 60_000);
});
