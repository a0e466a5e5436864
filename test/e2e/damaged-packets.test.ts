import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/core/base/random.ts';
import { decodeMessage } from '../../src/core/rsvp/wire/codec.ts';
import { encodeIpv4, IPPROTO_RSVP } from '../../src/core/rsvp/wire/ip-packet.ts';
import { MESSAGE_TYPE } from '../../src/core/rsvp/wire/message.ts';
import { networkPacket } from '../../src/formats/link-layer.ts';
import { captureFiles, framesOf, rsvpMessages } from '../support/captures.ts';
import { ip } from '../support/network.ts';
import { requires } from '../support/requires.ts';
import { Headroom, output, wrote } from './headroom.ts';

const SENDER = resolve(import.meta.dirname, 'send_packets.py');
const RANDOM_MESSAGES = 300;
/** Of one capture; the longest are floods of the same kind. */
const MESSAGES_OF_A_FILE = 200;

/** Where packets are put in, whom they reach with router alert (on their way to host-b) and without. */
const WAYS = [
  { from: 'host-a', to: 'r1', neighbour: ip('10.1.0.1') },
  { from: 'r1', to: 'r2', neighbour: ip('10.12.0.2') },
  { from: 'r2', to: 'host-b', neighbour: ip('10.2.0.2') },
] as const;

interface State {
  readonly engine: {
    readonly counters: { readonly dropped: Record<string, number> };
    readonly paths: readonly { readonly flow: unknown }[];
    readonly reservations: readonly { readonly flow: unknown }[];
  };
  readonly transport: { readonly dropped: Record<string, number> };
}

describe.skipIf(requires('root', 'ip', 'tc', 'nft', 'tcpdump', 'python3'))('damaged RSVP packets', () => {
  const headroom = new Headroom('kernel');
  beforeAll(() => headroom.start(), 60_000);
  afterAll(() => headroom.stop(), 30_000);

  const stateOf = async (node: string): Promise<State> => (await headroom.rsvpState(node)).body as State;
  const dropped = (state: State): number =>
    [...Object.values(state.engine.counters.dropped), ...Object.values(state.transport.dropped)].reduce(
      (sum, n) => sum + n,
      0,
    );
  const ours = (state: State): string[] =>
    [...state.engine.paths, ...state.engine.reservations].map(lasting).filter((text) => text.includes('5004'));

  it('are counted with a reason on every hop, and what is reserved stays', async () => {
    const file = join(headroom.folder, 'valid.pcap');
    const capture = headroom.spawn(
      ...['r1', 'tcpdump', '-Z', 'root', '-n', '-U', '--immediate-mode', '-i', 'eth0', '-w', file, 'ip proto 46'],
    );
    await wrote(capture, /listening on/);
    const { body } = await headroom.book(5004, 20_000_000);
    const id = body.id as string;
    await headroom.reaches(id, 'active');
    await headroom.until('ResvConf has arrived', 10_000, async () => {
      const { body: now } = await headroom.call('GET', `/v1/reservations/${id}`);
      return now.signaling.confirmedAt !== null && now.paths[0].actualHops.length > 0;
    });
    const ended = output(capture);
    capture.kill('SIGINT');
    await ended;
    const valid = messagesOf(readFileSync(file));
    const [path, resv] = [MESSAGE_TYPE.path, MESSAGE_TYPE.resv].map((type) => valid.find((one) => one[1] === type));

    const random = seededRandom(46);
    const damaged = [
      ...[path!, resv!].flatMap((message) => [...message.keys()].map((length) => message.subarray(0, length))),
      ...Array.from({ length: RANDOM_MESSAGES }, () =>
        Uint8Array.from({ length: Math.floor(random() * 400) }, () => Math.floor(random() * 256)),
      ),
    ];
    const captured = captureFiles().flatMap((name) =>
      rsvpMessages(name)
        .slice(0, MESSAGES_OF_A_FILE)
        .map(({ bytes }) => bytes),
    );
    const refused = captured.filter((bytes) => !decodeMessage(bytes).ok);
    expect(refused.length).toBeGreaterThan(0);

    const reservation = async (): Promise<unknown> => (await headroom.call('GET', `/v1/reservations/${id}`)).body;
    const classes = (): Promise<unknown> =>
      Promise.all([headroom.classes('host-a', 'eth0'), headroom.classes('r1', 'eth1'), headroom.classes('r2', 'eth0')]);
    const before = { reservation: await reservation(), classes: await classes() };

    for (const { from, to, neighbour } of WAYS) {
      const start = await stateOf(to);
      expect(ours(start).length).toBeGreaterThan(0);
      const packets = [...damaged, ...refused].flatMap((payload) => [
        packet(payload, ip('10.2.0.2'), true),
        packet(payload, neighbour, false),
      ]);
      const sender = headroom.spawn(from, '/usr/bin/python3', SENDER);
      const sent = output(sender);
      sender.stdin?.end(packets.map((one) => Buffer.from(one).toString('hex')).join('\n'));
      expect((await sent).trim()).toBe(String(packets.length));
      await headroom.until(`${to} has counted them all`, 20_000, async () => {
        return dropped(await stateOf(to)) - dropped(start) >= packets.length;
      });
      expect(ours(await stateOf(to))).toEqual(ours(start));
    }
    expect({ reservation: await reservation(), classes: await classes() }).toEqual(before);
    const agents = (await headroom.call('GET', '/v1/agents')).body.items as { id: string; state: string }[];
    expect(agents.map(({ state }) => state)).toEqual(agents.map(() => 'connected'));

    const next = await headroom.book(5005, 5_000_000);
    await headroom.reaches(next.body.id as string, 'active');
  }, 90_000);
});

const packet = (payload: Uint8Array, destination: ReturnType<typeof ip>, routerAlert: boolean): Uint8Array =>
  encodeIpv4({ source: ip('10.1.0.2'), destination, ttl: 63, protocol: IPPROTO_RSVP, routerAlert, payload });

const messagesOf = (bytes: Uint8Array): Uint8Array[] =>
  framesOf(bytes).flatMap((frame) => {
    const network = networkPacket(frame.linkType, frame.bytes);
    return network ? [network.bytes.subarray((network.bytes[0]! & 15) * 4)] : [];
  });

/** Without what every refresh moves. */
const lasting = (block: object): string =>
  JSON.stringify(block, (key, value: unknown) => (/Ms$|At$|expires|refresh/i.test(key) ? undefined : value));
