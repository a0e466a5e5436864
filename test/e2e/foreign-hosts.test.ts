import type { ChildProcess } from 'node:child_process';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Millis } from '../../src/core/base/units.ts';
import { decodeMessage, encodeMessage } from '../../src/core/rsvp/wire/codec.ts';
import { encodeIpv4, IPPROTO_RSVP, parseIpv4 } from '../../src/core/rsvp/wire/ip-packet.ts';
import type { RsvpMessage } from '../../src/core/rsvp/wire/message.ts';
import type { RsvpObject } from '../../src/core/rsvp/wire/objects.ts';
import { DEFAULT_LAB } from '../../src/lab/default-lab.ts';
import { ip } from '../support/network.ts';
import { requires } from '../support/requires.ts';
import { Headroom, wrote } from './headroom.ts';

const PEER = resolve(import.meta.dirname, 'rsvp_peer.py');
const [PATH, RESV, RESV_ERR, RESV_TEAR] = [1, 2, 4, 6] as const;
const [FROM, TO] = ['10.1.0.2', '10.2.0.2'] as const;
const PREEMPTED = 12;
/** From the release to the end, by the events' own times. */
const PROMISED_MS = 5_000;

const strangers = {
  ...DEFAULT_LAB,
  nodes: DEFAULT_LAB.nodes.map((node) => (node.name.startsWith('host-') ? { ...node, agent: 'none' as const } : node)),
};

const session = (port: number) =>
  ({ kind: 'session', destination: ip(TO), protocol: 17, flags: 0, destinationPort: port }) as const;
const hop = (address: string) => ({ kind: 'rsvpHop', address: ip(address), logicalInterfaceHandle: 0 }) as const;
const timeValues = { kind: 'timeValues', refreshPeriod: Millis(1_000) } as const;
const tspec = {
  tokenRate: 250_000,
  tokenBucket: 3_000,
  peakRate: Infinity,
  minPolicedUnit: 1_200,
  maxPacketSize: 1_500,
};

const pathOf = (port: number): readonly RsvpObject[] => [
  session(port),
  hop(FROM),
  timeValues,
  { kind: 'senderTemplate', source: ip(FROM), sourcePort: port },
  { kind: 'senderTspec', tspec } as RsvpObject,
];
const resvOf = (port: number): readonly RsvpObject[] => [
  session(port),
  hop(TO),
  timeValues,
  { kind: 'resvConfirm', receiver: ip(TO) },
  { kind: 'style', flags: 0, optionVector: 0x0a },
  { kind: 'flowspec', flowspec: { service: 'controlledLoad', tspec } } as RsvpObject,
  { kind: 'filterSpec', source: ip(FROM), sourcePort: port },
];

/** One that refreshes what it has said every second, as long as it has not heard of its end. */
class Peer {
  readonly heard: RsvpMessage[] = [];
  readonly #process: ChildProcess;
  readonly #timer: NodeJS.Timeout;
  #said: string | null = null;

  constructor(headroom: Headroom, host: string, heard: (message: RsvpMessage) => void = () => undefined) {
    this.#process = headroom.spawn(host, '/usr/bin/python3', PEER);
    createInterface({ input: this.#process.stdout! }).on('line', (line) => {
      if (!/^[0-9a-f]+$/.test(line)) return;
      const packet = parseIpv4(new Uint8Array(Buffer.from(line, 'hex')));
      const message = packet.ok ? decodeMessage(packet.value.payload) : packet;
      if (!message.ok) throw new Error(JSON.stringify(message.error));
      this.heard.push(message.value.message);
      heard(message.value.message);
    });
    this.#timer = setInterval(() => this.#refresh(), 1_000);
  }

  ready(): Promise<void> {
    return wrote(this.#process, /listening/);
  }

  says(type: number, source: string, destination: string, objects: readonly RsvpObject[]): void {
    const payload = encodeMessage({ type, flags: 0, sendTtl: 64, objects });
    const around = { source: ip(source), destination: ip(destination), ttl: 64, protocol: IPPROTO_RSVP };
    this.#said = Buffer.from(encodeIpv4({ ...around, payload, routerAlert: type === PATH })).toString('hex');
    this.#refresh();
  }

  count(type: number): number {
    return this.heard.filter((message) => message.type === type).length;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#process.kill();
  }

  #refresh(): void {
    if (this.#said !== null) this.#process.stdin!.write(`${this.#said}\n`);
  }
}

/** Both hosts speak RSVP without an agent of ours; r1 and r2 have agents. */
describe.skipIf(requires('root', 'ip', 'tc', 'nft', 'python3'))('a booked flow between hosts that are not ours', () => {
  const headroom = new Headroom('kernel', {}, { topology: strangers });
  const peers: Peer[] = [];
  beforeAll(() => headroom.start(), 60_000);
  afterAll(async () => {
    for (const peer of peers) peer.close();
    await headroom.stop();
  }, 30_000);

  it('is torn both ways and told to the receiver when it is released, though both go on asking', async () => {
    const port = 5004;
    const booked = await headroom.book(port, 2_000_000);
    expect([booked.status, booked.body]).toMatchObject([201, {}]);
    const id = booked.body.id as string;
    const sender = new Peer(headroom, 'host-a');
    const receiver = new Peer(headroom, 'host-b', ({ type }) => {
      if (type === PATH) receiver.says(RESV, TO, '10.2.0.1', resvOf(port));
    });
    peers.push(sender, receiver);
    await Promise.all([sender.ready(), receiver.ready()]);
    sender.says(PATH, FROM, TO, pathOf(port));
    await headroom.reaches(id, 'active');
    await headroom.until('the sender hears of the reservation', 15_000, () => Promise.resolve(sender.count(RESV) > 0));

    const released = await headroom.call('DELETE', `/v1/reservations/${id}`);
    expect(released.status).toBe(204);
    await headroom.reaches(id, 'ended');
    const events = await headroom.eventsOf(id, ({ reservation }) => reservation.state === 'ended');
    const at = (state: string): number =>
      Date.parse(events.find(({ reservation }) => reservation.state === state)!.time);
    expect(at('ended') - at('releasing')).toBeLessThan(PROMISED_MS);
    await headroom.until('both are told', 15_000, () => {
      return Promise.resolve(sender.count(RESV_TEAR) > 0 && receiver.count(RESV_ERR) > 0);
    });
    const error = receiver.heard.find(({ type }) => type === RESV_ERR)!;
    expect(error.objects).toContainEqual(expect.objectContaining({ kind: 'errorSpec', errorCode: PREEMPTED }));

    // Both ask again: the receiver is refused, and the sender hears no more of a reservation.
    const [errors, resvs] = [receiver.count(RESV_ERR), sender.count(RESV)];
    await headroom.until('what is asked for again is refused', 15_000, () => {
      return Promise.resolve(receiver.count(RESV_ERR) >= errors + 2);
    });
    expect(sender.count(RESV)).toBe(resvs);
    for (const [router, device] of [
      ['r1', 'eth1'],
      ['r2', 'eth0'],
    ] as const) {
      expect(await headroom.classes(router, device)).toEqual([]);
      const { reservations } = (await headroom.rsvpState(router)).body.engine as { reservations: { state: string }[] };
      expect(reservations.filter(({ state }) => state === 'installed')).toEqual([]);
    }

    // The same flow booked once more is what they ask for all the time.
    const again = await headroom.book(port, 2_000_000);
    await headroom.reaches(again.body.id as string, 'active', 30_000);
  }, 90_000);
});
