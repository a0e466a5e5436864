import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Millis } from '../../src/core/base/units.ts';
import { encodeMessage } from '../../src/core/rsvp/wire/codec.ts';
import { encodeIpv4, IPPROTO_RSVP } from '../../src/core/rsvp/wire/ip-packet.ts';
import type { RsvpObject } from '../../src/core/rsvp/wire/objects.ts';
import { ip } from '../support/network.ts';
import { requires } from '../support/requires.ts';
import { Headroom, output } from './headroom.ts';

const SENDER = resolve(import.meta.dirname, 'send_packets.py');
const STYLE_FF = 0x0a;
const [PATH_ERR, RESV, RESV_ERR, RESV_TEAR] = [3, 2, 4, 6] as const;

const sender = ip('10.1.0.2');
const receiver = ip('10.2.0.2');
const session = { kind: 'session', destination: receiver, protocol: 17, flags: 0, destinationPort: 5004 } as const;
const style = { kind: 'style', flags: 0, optionVector: STYLE_FF } as const;
const filter = { kind: 'filterSpec', source: sender, sourcePort: 5004 } as const;
const hop = (address: string) => ({ kind: 'rsvpHop', address: ip(address), logicalInterfaceHandle: 0 }) as const;
const error = (errorCode: number, errorValue: number) =>
  ({ kind: 'errorSpec', errorNode: ip('10.12.0.2'), flags: 0, errorCode, errorValue }) as const;
const flowspec = (rate: number, more: object = {}) =>
  ({
    kind: 'flowspec',
    flowspec: {
      service: 'controlledLoad',
      tspec: {
        tokenRate: rate,
        tokenBucket: 15_000,
        peakRate: Infinity,
        minPolicedUnit: 128,
        maxPacketSize: 1_500,
        ...more,
      },
    },
  }) as RsvpObject;
const timeValues = { kind: 'timeValues', refreshPeriod: Millis(10_000) } as const;
const resv = (by: string, what: RsvpObject): RsvpObject[] => [session, hop(by), timeValues, style, what, filter];

/** One message as a packet, in hexadecimal digits. */
function packet(type: number, source: string, destination: string, objects: readonly RsvpObject[]): string {
  const payload = encodeMessage({ type, flags: 0, sendTtl: 255, objects });
  const around = {
    source: ip(source),
    destination: ip(destination),
    ttl: 255,
    protocol: IPPROTO_RSVP,
    routerAlert: false,
  };
  return Buffer.from(encodeIpv4({ ...around, payload })).toString('hex');
}

/** r3 is a node that the flow from host-a over r1 and r2 to host-b does not pass: whatever it says is a stranger's. */
describe.skipIf(requires('root', 'ip', 'tc', 'nft', 'python3'))('strangers that speak RSVP', () => {
  const headroom = new Headroom('kernel', {}, { refreshPeriodMs: 30_000 });
  beforeAll(() => headroom.start(), 60_000);
  afterAll(() => headroom.stop(), 30_000);

  const dropped = async (node: string): Promise<Record<string, number>> =>
    (await headroom.rsvpState(node)).body.engine.counters.dropped as Record<string, number>;
  const send = async (from: string, packets: readonly string[]): Promise<void> => {
    const child = headroom.spawn(from, '/usr/bin/python3', SENDER);
    const sent = output(child);
    child.stdin!.end(packets.join('\n'));
    expect((await sent).trim()).toBe(String(packets.length));
  };
  const grows = (node: string, reason: string, before: Record<string, number>, by: number): Promise<void> =>
    headroom.until(`${node} has counted ${reason}`, 15_000, async () => {
      return ((await dropped(node))[reason] ?? 0) - (before[reason] ?? 0) >= by;
    });

  it('change nothing of a reservation: it stays active as it was booked', async () => {
    const { body } = await headroom.book(5004, 8_000_000);
    const id = body.id as string;
    await headroom.reaches(id, 'active');
    const classes = () => Promise.all([headroom.classes('r1', 'eth1'), headroom.classes('r2', 'eth0')]);
    const before = { r1: await dropped('r1'), r2: await dropped('r2'), classes: await classes() };

    await send('r3', [
      // To r1's address towards r2, by its link to r3: RESV and tear in the name of r2 and in its own.
      packet(RESV_TEAR, '10.13.0.3', '10.12.0.1', [session, hop('10.12.0.2'), style, filter]),
      packet(RESV_TEAR, '10.12.0.2', '10.12.0.1', [session, hop('10.12.0.2'), style, filter]),
      packet(RESV, '10.13.0.3', '10.12.0.1', resv('10.12.0.2', flowspec(1_000))),
      packet(PATH_ERR, '10.13.0.3', '10.13.0.1', [session, error(24, 5), { ...filter, kind: 'senderTemplate' }]),
      packet(PATH_ERR, '10.13.0.3', '10.12.0.1', [session, error(24, 5), { ...filter, kind: 'senderTemplate' }]),
      packet(RESV_ERR, '10.23.0.3', '10.12.0.2', [
        session,
        hop('10.23.0.3'),
        error(21, 0),
        style,
        flowspec(1_000_000),
        filter,
      ]),
    ]);
    await grows('r1', 'tearFromAnotherHop', before.r1, 2);
    await grows('r1', 'errorFromAnotherHop', before.r1, 2);
    await grows('r1', 'resvOnWrongInterface', before.r1, 1);
    await grows('r2', 'errorFromAnotherHop', before.r2, 1);

    // The receiver's host asks for more than is booked: refused by r2, told in its log. Its own RESV has been repeated for
    // the last time before, so that nothing takes the request back.
    await headroom.until('host-b repeats its RESV no more', 15_000, async () => {
      const timers = (await headroom.rsvpState('host-b')).body.engine.timers as { kind: string }[];
      return !timers.some(({ kind }) => kind === 'reservation refresh');
    });
    await send('host-b', [
      packet(RESV, '10.2.0.2', '10.2.0.1', resv('10.2.0.2', flowspec(2_000_000))),
      packet(RESV, '10.2.0.2', '10.2.0.1', resv('10.2.0.2', flowspec(1_000, { maxPacketSize: 9_000 }))),
    ]);
    await headroom.until('r2 has told of it', 15_000, async () => {
      return Promise.resolve(/RESV was refused here, the reservation stays/.test(headroom.agentLog('r2')));
    });
    // What comes after it has been heard: a second booking goes its whole way.
    const next = await headroom.book(5005, 1_000_000);
    await headroom.reaches(next.body.id as string, 'active');
    const { body: now } = await headroom.call('GET', `/v1/reservations/${id}`);
    expect(now).toMatchObject({ state: 'active', stateReason: null });
    const later = await classes();
    for (const [i, known] of before.classes.entries()) expect(later[i]).toEqual(expect.arrayContaining(known));
  }, 90_000);
});
