import { spawn } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Bytes } from '../../../src/core/base/units.ts';
import { ip } from '../../support/network.ts';
import { requires } from '../../support/requires.ts';
import { flow, iface, inside, KernelProcess, Namespaces } from './namespace.ts';

const M = 1_000_000;

interface Report {
  readonly end: {
    readonly sum: { readonly lost_percent: number; readonly packets: number };
    readonly sum_received?: { readonly bits_per_second: number };
  };
}

/** One run of an iperf3 client against a one-shot server of its own; the client's report. */
async function iperf(from: string, to: string, port: number, args: readonly string[]): Promise<Report> {
  const server = spawn('ip', ['netns', 'exec', to, 'iperf3', '-s', '-1', '-p', String(port), '--forceflush']);
  await new Promise<void>((resolve, reject) => {
    server.stdout.on('data', (chunk) => {
      if (String(chunk).includes('Server listening')) resolve();
    });
    server.on('close', () => {
      reject(new Error('the iperf3 server ended'));
    });
  });
  const client = spawn('ip', ['netns', 'exec', from, 'iperf3', '-J', '-c', '10.2.0.2', '-p', String(port), ...args]);
  let text = '';
  client.stdout.on('data', (chunk) => (text += String(chunk)));
  await new Promise((resolve) => client.on('close', resolve));
  server.kill();
  return JSON.parse(text) as Report;
}

/** Asks again until it is so. @throws Error after ten seconds. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  const limit = performance.now() + 10_000;
  while (!(await condition())) {
    if (performance.now() > limit) throw new Error('not within ten seconds');
    await new Promise((next) => setTimeout(next, 5));
  }
}

describe.skipIf(requires('root', 'ip', 'tc', 'nft', 'iperf3', 'python3'))('traffic through a router', () => {
  const namespaces = new Namespaces();
  let a: string;
  let router: string;
  let b: string;
  let kernel: KernelProcess;

  beforeAll(async () => {
    a = namespaces.add('a');
    router = namespaces.add('r');
    b = namespaces.add('b');
    namespaces.cable(a, 'eth0', '10.1.0.2/24', router, 'eth0', '10.1.0.1/24');
    namespaces.cable(router, 'eth1', '10.2.0.1/24', b, 'eth0', '10.2.0.2/24');
    inside(a, 'ip', 'route', 'add', 'default', 'via', '10.1.0.1');
    inside(b, 'ip', 'route', 'add', 'default', 'via', '10.2.0.1');
    inside(router, 'sysctl', '-qw', 'net.ipv4.ip_forward=1');
    ({ kernel } = await KernelProcess.start(router));
    await kernel.call('reconcile', { interfaces: [iface('eth1', 100 * M)], flows: [] });
  });
  afterAll(async () => {
    await kernel.kill();
    namespaces.clean();
  });

  const reserved = flow(0x10, 20 * M, {
    burstBytes: Bytes(25_000),
    filters: [
      { protocol: 17, source: ip('10.1.0.2'), sourcePort: 4000, destination: ip('10.2.0.2'), destinationPort: 5301 },
    ],
  });
  /** 19 Mbit/s of payload beside a flood, each paced on a clock of its own. */
  const beside = async (): Promise<number> => {
    const flood = iperf(a, b, 5302, ['-u', '-b', '200M', '-l', '1200', '-t', '5', '--pacing-timer', '100']);
    const own = [
      '-u',
      '-b',
      '19M',
      '-l',
      '1200',
      '-t',
      '3',
      '--pacing-timer',
      '5000',
      '-B',
      '10.1.0.2',
      '--cport',
      '4000',
    ];
    const report = await iperf(a, b, 5301, own);
    await flood;
    return report.end.sum.lost_percent;
  };

  it('a reserved flow survives a flood that drowns it without its reservation', async () => {
    expect((await kernel.call('installEach', [reserved]))[0]).toEqual({ ok: true });
    expect(await beside()).toBeLessThan(0.1);
    const counters = (await kernel.call('stats', null)).find((one) => one.key === 'flow-16');
    expect(counters?.sentBytes).toBeGreaterThan(6 * M);
    await kernel.call('removeEach', ['flow-16']);
    expect(await beside()).toBeGreaterThan(30);
  }, 60_000);

  it('a TCP flow gets about its rate and no more, with and without a peak', async () => {
    const filters = [
      { protocol: 6, source: ip('10.1.0.2'), sourcePort: null, destination: ip('10.2.0.2'), destinationPort: 5303 },
    ];
    const tcp = async (): Promise<number> => {
      const flood = iperf(a, b, 5304, ['-u', '-b', '200M', '-l', '1200', '-t', '5', '--pacing-timer', '100']);
      const report = await iperf(a, b, 5303, ['-t', '3']);
      await flood;
      return report.end.sum_received?.bits_per_second ?? 0;
    };
    for (const peak of [null, 25 * M] as const) {
      const one = { ...reserved, filters, peakBitsPerSecond: peak as typeof reserved.peakBitsPerSecond };
      expect((await kernel.call('installEach', [one]))[0]).toEqual({ ok: true });
      const rate = await tcp();
      expect(rate).toBeGreaterThan(17 * M);
      expect(rate).toBeLessThan(21 * M);
    }
    await kernel.call('removeEach', ['flow-16']);
  }, 60_000);

  it('what waits in the queue of a reservation stays there while its rate, its bucket and its peak change', async () => {
    const filters = [
      { protocol: 17, source: ip('10.1.0.2'), sourcePort: 4007, destination: ip('10.2.0.2'), destinationPort: 5307 },
    ];
    // At 8 kbit/s the second packet waits for a second and more behind the first.
    const slow = flow(0x11, 8000, { key: 'slow', filters, burstBytes: Bytes(1514) });
    const state = async () => (await kernel.call('stats', null)).find((one) => one.key === 'slow')!;
    expect((await kernel.call('installEach', [slow]))[0]).toEqual({ ok: true });
    const send = [
      'import socket',
      's = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)',
      "s.bind(('10.1.0.2', 4007))",
      "for i in range(4): s.sendto(bytes(1400), ('10.2.0.2', 5307))",
    ].join('\n');
    inside(a, 'python3', '-c', send);
    await until(async () => (await state()).sentPackets > 0);
    expect((await state()).sentPackets).toBeLessThan(3);
    for (const [rate, peak] of [
      [16_000, null],
      [12_000, 24_000],
      [20 * M, null],
    ] as const) {
      const changed = {
        ...slow,
        rateBitsPerSecond: rate,
        peakBitsPerSecond: peak,
        burstBytes: Bytes(2000 + rate / 800),
      };
      expect((await kernel.call('installEach', [changed as typeof slow]))[0]).toEqual({ ok: true });
    }
    await until(async () => (await state()).sentPackets >= 4);
    expect(await state()).toMatchObject({ sentPackets: 4, droppedPackets: 0 });
    await kernel.call('removeEach', ['slow']);
  }, 60_000);

  it('the capacity holds while nothing is reserved, for what the machine itself sends too', async () => {
    for (const from of [a, router]) {
      const report = await iperf(from, b, 5305, ['-t', '2']);
      const rate = report.end.sum_received?.bits_per_second ?? 0;
      expect(rate).toBeGreaterThan(80 * M);
      expect(rate).toBeLessThan(101 * M);
    }
  }, 60_000);

  it('what the machine itself sends is put into its class as well', async () => {
    const filters = [{ ...reserved.filters[0]!, source: ip('10.2.0.1'), destinationPort: 5306 }];
    await kernel.call('installEach', [{ ...reserved, filters }]);
    const before = (await kernel.call('stats', null)).find((one) => one.key === 'flow-16')!.sentBytes;
    await iperf(router, b, 5306, ['-u', '-b', '5M', '-l', '1200', '-t', '1', '-B', '10.2.0.1', '--cport', '4000']);
    const after = (await kernel.call('stats', null)).find((one) => one.key === 'flow-16')!.sentBytes;
    expect(after - before).toBeGreaterThan(500_000);
    await kernel.call('removeEach', ['flow-16']);
  }, 60_000);
});
