import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_LAB } from '../../src/lab/default-lab.ts';
import { requires } from '../support/requires.ts';
import { Headroom, output, wrote, type Answer } from './headroom.ts';

const RATE = 20_000_000;
/** Frames are 14 bytes larger than packets of 1,000. */
const BOOKED = RATE * 1.014;
const DATAGRAMS = 1_500;
const SCRIPT = join(import.meta.dirname, 'send_datagrams.py');

/** The default lab with a third host at r1, so that two senders share r1–r2. */
const LAB = {
  nodes: [
    ...DEFAULT_LAB.nodes.map((node) =>
      node.name === 'r1'
        ? { ...node, interfaces: [...node.interfaces, { name: 'eth3', addresses: ['10.3.0.1/24'] }] }
        : node,
    ),
    { name: 'host-c', agent: 'required' as const, interfaces: [{ name: 'eth0', addresses: ['10.3.0.2/24'] }] },
  ],
  cables: [
    ...DEFAULT_LAB.cables!,
    { ...DEFAULT_LAB.cables![0]!, a: { node: 'host-c', interface: 'eth0' }, b: { node: 'r1', interface: 'eth3' } },
  ],
};
const SENDERS = [
  ['host-a', '10.1.0.2'],
  ['host-c', '10.3.0.2'],
] as const;

describe.skipIf(requires('root', 'ip', 'tc', 'nft', 'iperf3', 'python3'))('two senders to one receiver', () => {
  const headroom = new Headroom('kernel', {}, { topology: LAB });
  beforeAll(() => headroom.start(), 60_000);
  afterAll(() => headroom.stop(), 30_000);

  const body = (port: number, style: string, bits = RATE): object => ({
    flow: {
      protocol: 'udp',
      sources: SENDERS.map(([, address]) => ({ address, port })),
      destination: { address: '10.2.0.2', port },
    },
    qos: {
      ...{ serviceType: 'controlledLoad', tokenRateBitsPerSecond: bits, tokenBucketBytes: 250_000 },
      ...{ minPolicedUnitBytes: 1000, maxPacketBytes: 1500 },
    },
    signaling: { style },
  });
  const active = async (port: number, style: string): Promise<Answer['body']> => {
    const booked = await headroom.call('POST', '/v1/reservations', body(port, style));
    expect([booked.status, booked.body]).toMatchObject([201, {}]);
    await headroom.reaches(booked.body.id as string, 'active');
    await headroom.until('confirmed, with the way of both', 10_000, async () => {
      const now = (await headroom.call('GET', `/v1/reservations/${booked.body.id}`)).body;
      const paths = now.paths as { hops: unknown[]; actualHops: unknown[] }[];
      return now.signaling.confirmedAt !== null && paths.every((p) => p.actualHops.length === p.hops.length);
    });
    return (await headroom.call('GET', `/v1/reservations/${booked.body.id}`)).body;
  };
  const release = async (id: string): Promise<void> => {
    expect((await headroom.call('DELETE', `/v1/reservations/${id}`)).status).toBe(204);
    await headroom.reaches(id, 'ended');
  };
  const bookedOn = async (link: string): Promise<number> =>
    (await headroom.call('GET', `/v1/links/${encodeURIComponent(link)}`)).body.bookedBitsPerSecond as number;
  const rates = async (host: string, device: string): Promise<number[]> =>
    (await headroom.classes(host, device)).map(({ rate }) => Math.round(rate / 1e5) / 10);
  const stylesAt = async (node: string): Promise<string[]> =>
    ((await headroom.rsvpState(node)).body.engine.reservations as { style: string }[]).map(({ style }) => style);

  const counterOf = async (host: string, rule: string): Promise<number> => {
    const text = await headroom.exec(host, 'nft', 'list', 'table', 'inet', 'measure');
    return Number(new RegExp(`${rule} counter packets (\\d+)`).exec(text)?.[1] ?? NaN);
  };
  const RULES = SENDERS.map(([, address]) => `ip saddr ${address} udp dport 6500`);
  const counted = (): Promise<number[]> => Promise.all(RULES.map((rule) => counterOf('host-b', rule)));

  /** Per cent of what each sender sent at the same time that did not reach host-b; `third`: from a port that nobody named. */
  async function losses(third = false): Promise<number[]> {
    const before = await counted();
    const port = third ? ['6501'] : [];
    await Promise.all(
      SENDERS.map(([host, address]) =>
        headroom.exec(host, 'python3', SCRIPT, address, '10.2.0.2', '6500', String(DATAGRAMS), ...port),
      ),
    );
    let last = -1;
    // What queues still hold arrives late; beside a flood nothing else tells when all is through.
    await headroom.until('no more of it arrives', 10_000, async () => {
      const now = (await counted()).reduce((a, b) => a + b);
      await new Promise((next) => setTimeout(next, 200));
      return now === (last = (await counted()).reduce((a, b) => a + b));
    });
    expect(last).toBeGreaterThan(0);
    return (await counted()).map((now, i) => 100 * (1 - (now - before[i]!) / DATAGRAMS));
  }

  const besideFlood = async <T>(work: () => Promise<T>): Promise<T> => {
    const server = headroom.spawn('host-b', 'iperf3', '-s', '-1', '-p', '7000', '--forceflush');
    await wrote(server, /listening/i);
    const flood = headroom.spawn(
      'host-a', 'iperf3', '-c', '10.2.0.2', '-p', '7000', '-u', '-b', '200M', '-l', '1200', '-t', '120', '--pacing-timer', '100', '--forceflush', '-i', '0.2',
    ); // prettier-ignore
    const ended = Promise.all([output(flood), output(server)]);
    await wrote(flood, /Mbits\/sec/);
    try {
      return await work();
    } finally {
      flood.kill('SIGKILL');
      server.kill('SIGKILL');
      await ended;
    }
  };

  const gone = async (): Promise<void> => {
    for (const [host, device] of [
      ['host-a', 'eth0'],
      ['host-c', 'eth0'],
      ['r1', 'eth1'],
      ['r2', 'eth0'],
    ] as const) {
      expect(await rates(host, device), `${host} ${device}`).toEqual([]);
      expect(await headroom.ruleset(host)).not.toContain('10.2.0.2 . 6500');
    }
    for (const node of ['host-a', 'host-b', 'host-c', 'r1', 'r2']) {
      const { engine } = (await headroom.rsvpState(node)).body;
      expect([engine.paths, engine.reservations], node).toEqual([[], []]);
    }
    expect(await bookedOn('r1:eth1')).toBe(0);
  };

  it('WF, then SE, then FF: one share or one for each, in the books, on the wire and in the kernel', async () => {
    await headroom.exec('host-b', 'nft', 'add table inet measure');
    await headroom.exec('host-b', 'nft', 'add chain inet measure input { type filter hook input priority 300; }');
    for (const rule of RULES) await headroom.exec('host-b', 'nft', `add rule inet measure input ${rule} counter`);

    for (const [style, wire, shares] of [
      ['wildcardFilter', 'WF', 1],
      ['sharedExplicit', 'SE', 1],
      ['fixedFilter', 'FF', 2],
    ] as const) {
      const reservation = await active(6500, style);
      expect(reservation.signaling.style).toBe(style);
      expect(reservation.paths.map((path: { source: string }) => path.source)).toEqual(SENDERS.map(([, a]) => a));
      for (const path of reservation.paths) expect([path.deviation, path.adspecDeviation]).toEqual([null, null]);
      for (const [link, count] of [
        ['host-a:eth0', 1],
        ['host-c:eth0', 1],
        ['r1:eth1', shares],
        ['r2:eth0', shares],
      ] as const) {
        expect(Math.abs((await bookedOn(link)) - count * BOOKED), `${style} ${link}`).toBeLessThan(10);
      }
      for (const [host, device, count] of [
        ['host-a', 'eth0', 1],
        ['host-c', 'eth0', 1],
        ['r1', 'eth1', shares],
        ['r2', 'eth0', shares],
      ] as const) {
        expect(await rates(host, device), `${style} ${host}`).toEqual(Array(count).fill(20.3));
      }
      for (const node of ['r1', 'r2']) expect(await stylesAt(node), node).toEqual([wire, wire]);

      const lost = await besideFlood(async () => {
        const named = await losses();
        return { named, others: style === 'sharedExplicit' ? await losses(true) : [] };
      });
      for (const loss of lost.named) expect(loss, `${style}: ${JSON.stringify(lost)}`).toBeLessThan(0.1);
      for (const loss of lost.others) expect(loss, 'ports that SE does not name').toBeGreaterThan(10);
      await release(reservation.id as string);
      await gone();
    }
    for (const loss of await besideFlood(() => losses())) expect(loss).toBeGreaterThan(10);
  }, 120_000);

  it('share what one of them alone would take, and are refused where each of them would need its own', async () => {
    const shared = await active(6510, 'sharedExplicit');
    const wanted = 30_000_000;
    const validated = async (style: string) =>
      headroom.call('POST', '/v1/reservations?validateOnly=true', body(6511, style, wanted));
    expect((await validated('sharedExplicit')).status).toBe(200);
    const refused = await validated('fixedFilter');
    expect([refused.status, refused.body]).toMatchObject([
      409,
      { code: 'BANDWIDTH_UNAVAILABLE', reasons: [{ link: 'r1:eth1', requestedBitsPerSecond: 2 * wanted * 1.014 }] },
    ]);
    // Styles do not mix in one session.
    for (const style of ['fixedFilter', 'wildcardFilter', 'sharedExplicit']) {
      const other = await headroom.call('POST', '/v1/reservations', body(6510, style));
      expect([other.status, other.body.code], style).toEqual([
        409,
        expect.stringMatching(/FLOW_CONFLICT|ALREADY_EXISTS/),
      ]);
    }
    expect((await headroom.call('GET', `/v1/reservations/${shared.id}`)).body.state).toBe('active');
    await release(shared.id as string);
  }, 60_000);

  it('one sender that is cut off takes nothing from the other', async () => {
    const reservation = await active(6520, 'sharedExplicit');
    await headroom.exec('host-c', 'ip', 'link', 'set', 'eth0', 'down');
    await headroom.reaches(reservation.id as string, 'degraded', 30_000);
    const filters = async (): Promise<string[]> => {
      const { engine } = (await headroom.rsvpState('r2')).body;
      const flows = (engine.reservations as { flow: { source: string; destinationPort: number } }[]).map((r) => r.flow);
      return flows.filter(({ destinationPort }) => destinationPort === 6520).map(({ source }) => source);
    };
    await headroom.until('its state has timed out', 30_000, async () => (await filters()).join() === '10.1.0.2');
    expect(await rates('r1', 'eth1')).toEqual([20.3]);
    await headroom.exec('host-c', 'ip', 'link', 'set', 'eth0', 'up');
    await headroom.reaches(reservation.id as string, 'active', 30_000);
    expect((await filters()).sort()).toEqual(['10.1.0.2', '10.3.0.2']);
    await release(reservation.id as string);
  }, 120_000);
});
