import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TopologyInput } from '../../src/core/network/document.ts';
import { DEFAULT_LAB } from '../../src/lab/default-lab.ts';
import { requires } from '../support/requires.ts';
import { Headroom, output, wrote } from './headroom.ts';

const FULL = process.env['FULL'] === '1';
const MTU = 1500;
const FRAME = MTU + 14;
/** What the reservation says of its smallest packet decides how much a frame's header adds to the books: here next to nothing. */
const SMALLEST = 1500;
/** For the way beyond the queue and for a machine that is busy. */
const BESIDE_MICROS = 50_000;

interface Report {
  readonly end: {
    readonly streams: readonly { readonly sender: { readonly max_rtt: number } }[];
    readonly sum_received: { readonly bits_per_second: number };
  };
}

/** Two hosts and a router whose cables carry 4 Gbit/s. */
const fastLab = (): TopologyInput => {
  const [first] = DEFAULT_LAB.cables!;
  const cable = (a: string, b: string, end: string) => ({
    ...first!,
    a: { node: a, interface: 'eth0' },
    b: { node: b, interface: end },
    capacityBitsPerSecond: 4e9,
  });
  const host = (name: string, ...addresses: string[]) => ({
    name,
    agent: 'required' as const,
    interfaces: addresses.map((address, i) => ({ name: `eth${i}`, addresses: [address] })),
  });
  return {
    nodes: [host('host-a', '10.1.0.2/24'), host('host-b', '10.2.0.2/24'), host('r1', '10.1.0.1/24', '10.2.0.1/24')],
    cables: [cable('host-a', 'r1', 'eth0'), cable('host-b', 'r1', 'eth1')],
  };
};

const controls = FULL ? ['cubic', 'reno', 'bbr'] : ['cubic'];
const cases = (rates: readonly (readonly [number, number])[]) =>
  rates.flatMap(([rate, seconds]) => controls.map((control) => [rate, FULL ? 3 * seconds : seconds, control] as const));

describe.skipIf(requires('root', 'ip', 'tc', 'nft', 'iperf3')).each([
  // Of 64 kbit/s a second carries five packets: it takes some seconds until the start no longer counts.
  {
    where: 'through the default lab',
    topology: DEFAULT_LAB,
    runs: cases([
      [64_000, 12],
      [300_000, 5],
      [1e6, 6],
      [5e6, 3],
      [20e6, 3],
    ]),
  },
  {
    where: 'by fast cables',
    topology: fastLab(),
    runs: cases([
      [100e6, 3],
      [1e9, 3],
    ]),
  },
])('TCP in a reservation, $where', ({ topology, runs }) => {
  const headroom = new Headroom('kernel', {}, { topology });
  beforeAll(() => headroom.start(), 60_000);
  afterAll(() => headroom.stop(), 30_000);
  let port = 6600;

  it.each(runs)(
    'gets 0.9 of %i bit/s in payload within %i s of %s, and waits 100 ms or four packets at most',
    async (rate, seconds, control) => {
      const on = ++port;
      const { status, body } = await headroom.book(on, rate, {
        flow: {
          protocol: 'tcp',
          source: { address: '10.1.0.2', port: on },
          destination: { address: '10.2.0.2', port: on },
        },
        qos: { serviceType: 'controlledLoad', tokenRateBitsPerSecond: rate, minPolicedUnitBytes: SMALLEST },
      });
      expect([status, body]).toMatchObject([201, {}]);
      await headroom.reaches(body.id as string, 'active');
      const server = headroom.spawn('host-b', 'iperf3', '-s', '-1', '-p', String(on), '--forceflush');
      const ended = output(server);
      await wrote(server, /listening/i);
      const own = ['-B', '10.1.0.2', '--cport', String(on), '-C', control];
      const times = ['-t', String(seconds), '-i', '0.1'];
      const text = await output(
        headroom.spawn('host-a', 'iperf3', '-J', '-c', '10.2.0.2', '-p', String(on), ...own, ...times),
      );
      await ended;
      const { end } = JSON.parse(text) as Report;
      expect(end.sum_received.bits_per_second / rate).toBeGreaterThanOrEqual(0.9);
      const longest = Math.max(100_000, (4 * FRAME * 8e6) / rate);
      expect(end.streams[0]!.sender.max_rtt).toBeLessThanOrEqual(longest + BESIDE_MICROS);
      expect((await headroom.call('DELETE', `/v1/reservations/${body.id}`)).status).toBe(204);
    },
    60_000,
  );
});
