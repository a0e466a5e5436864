import { resolve } from 'node:path';
import type { RsvpMessage } from '../../src/core/rsvp/wire/message.ts';
import { encodeMessage } from '../../src/core/rsvp/wire/codec.ts';
import { encodeIpv4, IPPROTO_RSVP } from '../../src/core/rsvp/wire/ip-packet.ts';
import { expect } from 'vitest';
import { ip } from '../support/network.ts';
import { output, type Headroom } from './headroom.ts';

const SENDER = resolve(import.meta.dirname, 'send_packets.py');

/** A Path of host-a to host-b that no reservation of ours stands behind; each port is a session and sender of its own. */
export const foreignPath = (port: number): Uint8Array =>
  encodeMessage({
    type: 1,
    flags: 0,
    sendTtl: 64,
    objects: [
      { kind: 'session', destination: ip('10.2.0.2'), protocol: 17, flags: 0, destinationPort: port },
      { kind: 'rsvpHop', address: ip('10.1.0.2'), logicalInterfaceHandle: 0 },
      { kind: 'timeValues', refreshPeriod: 30_000 },
      { kind: 'senderTemplate', source: ip('10.1.0.2'), sourcePort: port },
      {
        kind: 'senderTspec',
        tspec: { tokenRate: 1_000, tokenBucket: 3_000, peakRate: Infinity, minPolicedUnit: 128, maxPacketSize: 1_500 },
      },
    ],
  } as RsvpMessage);

/** Sends messages from host-a to host-b with router alert, as fast as it can. Resolves with messages a second. */
export async function sendAlong(headroom: Headroom, messages: readonly Uint8Array[]): Promise<number> {
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
}
