import { execFile, type ChildProcess } from 'node:child_process';
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requires } from '../support/requires.ts';
import { Headroom, output, PROGRAM, wrote, type Answer } from './headroom.ts';

const M = 1_000_000;
const HOPS = [
  ['host-a', 'eth0'],
  ['r1', 'eth1'],
  ['r2', 'eth0'],
] as const;
const NODES = ['host-a', 'r1', 'r2', 'host-b'] as const;

describe.skipIf(requires('root', 'ip', 'tc', 'nft', 'iperf3'))('a change of rate in place', () => {
  const headroom = new Headroom('kernel');
  beforeAll(() => headroom.start(), 60_000);
  afterAll(() => headroom.stop(), 30_000);

  const get = async (id: string): Promise<Answer['body']> =>
    (await headroom.call('GET', `/v1/reservations/${id}`)).body;
  /**
   * The bucket is large enough for what iperf3 sends at once after it had to wait for a processor: else the flow would not
   * keep to its own Tspec.
   */
  const active = async (port: number, bits: number, more: Record<string, unknown> = {}): Promise<string> => {
    const qos = {
      ...{ serviceType: 'controlledLoad', tokenRateBitsPerSecond: bits, tokenBucketBytes: 250_000 },
      ...{ minPolicedUnitBytes: 1200, maxPacketBytes: 1500 },
    };
    const { status, body } = await headroom.book(port, bits, { qos, ...more });
    expect([status, body]).toMatchObject([201, {}]);
    await headroom.reaches(body.id as string, 'active');
    return body.id as string;
  };
  const release = async (...ids: string[]): Promise<void> => {
    for (const id of ids) expect((await headroom.call('DELETE', `/v1/reservations/${id}`)).status).toBe(204);
    for (const id of ids) await headroom.reaches(id, 'ended');
  };
  const patch = async (id: string, qos: Record<string, unknown>): Promise<Answer> => {
    const headers = { 'if-match': `"${(await get(id)).etag}"`, 'content-type': 'application/merge-patch+json' };
    const answer = await headroom.call('PATCH', `/v1/reservations/${id}`, { qos }, headers);
    // What agents have told meanwhile moves the tag, too.
    return answer.status === 412 ? patch(id, qos) : answer;
  };
  const settled = async (id: string, timeoutMs = 15_000): Promise<Answer['body']> => {
    let last: Answer['body'] = null;
    await headroom.until(`the change of ${id} has settled`, timeoutMs, async () => {
      last = await get(id);
      return last.change === null || last.change.state === 'failed';
    });
    return last;
  };
  const changed = async (id: string, bits: number): Promise<void> => {
    expect(await patch(id, { tokenRateBitsPerSecond: bits })).toMatchObject({ status: 200 });
    expect(await settled(id)).toMatchObject({ change: null, state: 'active', qos: { tokenRateBitsPerSecond: bits } });
  };
  /** What every hop's kernel has, as the books have it. */
  const kernelHas = async (...rates: number[]): Promise<void> => {
    for (const [host, device] of HOPS) {
      const classes = await headroom.classes(host, device);
      // Frames are 14 bytes larger than packets of 1,200; tc tells whole kbit/s.
      const expected = rates.map((rate) => Math.ceil((rate * 1214) / 1200 / 1000) * 1000);
      expect(classes.map(({ rate }) => rate).sort(), `${host} ${device}`).toEqual(expected.sort());
    }
  };
  const booked = async (): Promise<number[]> => {
    const { body } = await headroom.call('GET', '/v1/links');
    const links = body.items as { id: string; bookedBitsPerSecond: number }[];
    return HOPS.map(([host, device]) => links.find(({ id }) => id === `${host}:${device}`)!.bookedBitsPerSecond);
  };
  /** Messages sent by any node that a change must not provoke. */
  const tearsAndErrors = async (): Promise<Record<string, number>> => {
    const found: Record<string, number> = {};
    for (const node of NODES) {
      const { sent } = (await headroom.rsvpState(node)).body.engine.counters as { sent: Record<string, number> };
      for (const [type, count] of Object.entries(sent)) {
        if (/Tear|Err/.test(type)) found[`${node} ${type}`] = count;
      }
    }
    return found;
  };
  const iperfServer = async (port: number): Promise<ChildProcess> => {
    const server = headroom.spawn('host-b', 'iperf3', '-s', '-1', '-p', String(port), '--forceflush');
    await wrote(server, /listening/i);
    return server;
  };
  /** Datagrams of a port that a host's IP layer has seen: what a receiving program is too slow for is no loss of the network. */
  const datagrams = async (host: string, port: number): Promise<number> => {
    const text = await headroom.exec(host, 'nft', 'list', 'table', 'inet', 'measure');
    return Number(new RegExp(`dport ${port} counter packets (\\d+)`).exec(text)?.[1] ?? NaN);
  };
  const count = async (port: number): Promise<void> => {
    for (const [host, hook] of [
      ['host-a', 'output'],
      ['host-b', 'input'],
    ] as const) {
      await headroom.exec(host, 'nft', 'add table inet measure');
      await headroom.exec(host, 'nft', `add chain inet measure ${hook} { type filter hook ${hook} priority 300; }`);
      await headroom.exec(host, 'nft', `add rule inet measure ${hook} udp dport ${port} counter`);
    }
  };
  /** A flow of the reservation on the port; how much of it was lost between the hosts, in per cent, when it has ended. */
  const flow = async (
    port: number,
    rate: string,
    seconds: number,
  ): Promise<{ running: Promise<void>; loss: Promise<number> }> => {
    const before = [await datagrams('host-a', port), await datagrams('host-b', port)];
    const server = await iperfServer(port);
    const served = output(server);
    const client = headroom.spawn(
      'host-a', 'iperf3', '-c', '10.2.0.2', '-B', '10.1.0.2', '--cport', String(port), '-p', String(port),
      '-u', '-b', rate, '-l', '1200', '-t', String(seconds), '--pacing-timer', '5000', '--forceflush', '-i', '0.5',
    ); // prettier-ignore
    const told = output(client);
    const lost = async (): Promise<number> => {
      const [text] = await Promise.all([told, served]);
      const [sent, arrived] = [await datagrams('host-a', port), await datagrams('host-b', port)];
      if (!text.includes('receiver') || sent - before[0]! < 1000) throw new Error(`${sent} sent, ${text}`);
      return 100 * (1 - (arrived - before[1]!) / (sent - before[0]!));
    };
    return { running: wrote(client, /Mbits\/sec/), loss: lost() };
  };
  const nothingLost = async (...losses: number[]): Promise<void> => {
    const queues = HOPS.map(([host, device]) => headroom.exec(host, 'tc', '-s', 'class', 'show', 'dev', device));
    const where = (await Promise.all(queues)).join('\n');
    for (const loss of losses) expect(loss, `${losses.join(', ')} %\n${where}`).toBeLessThan(0.1);
  };
  /** 200 Mbit/s of best effort over links of 100, until `stop`. */
  const flood = async (): Promise<{ stop: () => Promise<void> }> => {
    const server = await iperfServer(7000);
    const client = headroom.spawn(
      'host-a', 'iperf3', '-c', '10.2.0.2', '-p', '7000', '-u', '-b', '200M', '-l', '1200', '-t', '120', '--pacing-timer', '100', '--forceflush', '-i', '0.2',
    ); // prettier-ignore
    const ended = Promise.all([output(client), output(server)]);
    await wrote(client, /Mbits\/sec/);
    return {
      stop: async () => {
        client.kill('SIGKILL');
        server.kill('SIGKILL');
        await ended;
      },
    };
  };

  it('10 → 20 → 5 Mbit/s: no packet of a flow below the rate in force is lost beside a flood, nothing is torn', async () => {
    await count(6400);
    const id = await active(6400, 10 * M);
    await kernelHas(10 * M);
    const minors = () =>
      Promise.all(HOPS.map(async ([host, device]) => (await headroom.classes(host, device)).map(({ minor }) => minor)));
    const before = await minors();
    const beside = await flood();
    const losses: number[] = [];
    try {
      const up = await flow(6400, '9.5M', 5);
      await up.running;
      await changed(id, 20 * M);
      await kernelHas(20 * M);
      losses.push(await up.loss);

      const at20 = await flow(6400, '19M', 4);
      losses.push(await at20.loss);

      const down = await flow(6400, '4.7M', 5);
      await down.running;
      await changed(id, 5 * M);
      await kernelHas(5 * M);
      losses.push(await down.loss);
    } finally {
      await beside.stop();
    }
    await nothingLost(...losses);
    expect(await minors()).toEqual(before);
    expect(await tearsAndErrors()).toEqual({});
    for (const node of NODES) {
      const { engine } = (await headroom.rsvpState(node)).body;
      expect(engine.paths[0].tspec.tokenRate).toBe((5 * M) / 8);
      if (node !== 'host-b') expect(engine.reservations[0].flowspec.tspec.tokenRate).toBe((5 * M) / 8);
    }
    await release(id);
    await kernelHas();
  }, 90_000);

  it('that has no room is refused, and leaves the flow, the books and every class as they were', async () => {
    await count(6401);
    const [id, other] = [await active(6401, 10 * M), await active(6402, 60 * M)];
    const before = [await get(id), await booked(), await tearsAndErrors()];
    const beside = await flood();
    try {
      const running = await flow(6401, '9.5M', 3);
      await running.running;
      const { status, body } = await patch(id, { tokenRateBitsPerSecond: 20 * M });
      expect([status, body.code]).toEqual([409, 'BANDWIDTH_UNAVAILABLE']);
      expect(body.reasons[0]).toMatchObject({ link: 'r1:eth1', conflicting: [other] });
      await nothingLost(await running.loss);
    } finally {
      await beside.stop();
    }
    expect([await get(id), await booked(), await tearsAndErrors()]).toEqual(before);
    await kernelHas(10 * M, 60 * M);
    await release(id, other);
  }, 60_000);

  it('two that swap their rates on a full link never have classes for more than it carries', async () => {
    const [one, two] = [await active(6403, 48 * M), await active(6404, 25 * M)];
    let sampling = true;
    const sums: number[] = [];
    const sampler = (async () => {
      while (sampling) sums.push(await headroom.sumOfChildren('r1', 'eth1'));
    })();
    try {
      for (const [down, up] of [
        [one, two],
        [two, one],
      ] as const) {
        await changed(down, 25 * M);
        await changed(up, 48 * M);
      }
      await kernelHas(48 * M, 25 * M);
      // At once: the one that grows is refused until every hop has let the other shrink.
      expect((await patch(one, { tokenRateBitsPerSecond: 25 * M })).status).toBe(200);
      await headroom.until('the room is free', 10_000, async () => {
        const { status } = await patch(two, { tokenRateBitsPerSecond: 48 * M });
        return status === 200;
      });
      expect((await settled(two)).change).toBeNull();
      expect(sums.length).toBeGreaterThan(3);
    } finally {
      sampling = false;
      await sampler;
    }
    for (const sum of sums) expect(sum).toBeLessThanOrEqual(100 * M);
    expect(await headroom.sumOfChildren('r1', 'eth1')).toBeLessThanOrEqual(100 * M);
    await release(one, two);
  }, 60_000);

  it('of guaranteed service with a peak rate changes bucket, R and the token bucket of the leaf', async () => {
    const qos = {
      ...{ serviceType: 'guaranteed', tokenRateBitsPerSecond: 5 * M, tokenBucketBytes: 15_000 },
      ...{ peakRateBitsPerSecond: 30 * M, minPolicedUnitBytes: 1200, maxPacketBytes: 1500, maxDelayMicros: 40_000 },
    };
    const id = await active(6405, 0, { qos });
    expect((await patch(id, { maxDelayMicros: 20_000, peakRateBitsPerSecond: 40 * M })).status).toBe(200);
    const after = await settled(id);
    expect(after).toMatchObject({ change: null, qos: { maxDelayMicros: 20_000, peakRateBitsPerSecond: 40 * M } });
    expect(after.paths[0].delayBoundMicros).toBeLessThanOrEqual(20_000);
    for (const [host, device] of HOPS) {
      const [first] = await headroom.classes(host, device);
      const hop = after.paths[0].hops.find((each: { node: string }) => each.node === host);
      expect(first!.rate).toBe(Math.ceil(hop.bookedBitsPerSecond / 1000) * 1000);
      expect(await headroom.exec(host, 'tc', 'qdisc', 'show', 'dev', device)).toMatch(/qdisc tbf .*rate 404\d\dKbit/);
    }
    const { rspec } = (await headroom.rsvpState('host-a')).body.engine.reservations[0].flowspec;
    expect(rspec.rate * 8).toBeGreaterThan(5 * M);
    await release(id);
  }, 30_000);

  it('from the command line, with progress, and with the reasons where it is refused', async () => {
    const id = await active(6408, 10 * M);
    const cli = (...args: string[]): Promise<{ status: number; stdout: string; stderr: string }> =>
      new Promise((done) => {
        const env = { ...process.env, HEADROOM_URL: headroom.url };
        execFile(process.execPath, [PROGRAM, 'reservation', 'modify', id, ...args], { env }, (error, stdout, stderr) =>
          done({ status: error ? Number(error.code) : 0, stdout, stderr }),
        );
      });
    const told = await cli('--rate', '20M', '--label', 'shift=late', '--wait', '--json');
    expect(told).toMatchObject({ status: 0, stderr: '' });
    expect(JSON.parse(told.stdout)).toMatchObject({
      ...{ id, change: null, labels: { shift: 'late' } },
      qos: { tokenRateBitsPerSecond: 20 * M },
    });
    await kernelHas(20 * M);
    const slower = await cli('--rate', '15M', '--remove-label', 'shift', '--wait');
    expect(slower).toMatchObject({ status: 0, stderr: expect.stringMatching(/applying[^]*active, 15 Mbit\/s/) });
    expect(slower.stdout).toContain('controlledLoad 15 Mbit/s');
    const refused = await cli('--rate', '90M');
    expect(refused).toMatchObject({
      status: 3,
      stdout: '',
      stderr: expect.stringContaining('r1:eth1: 91.05 Mbit/s asked'),
    });
    expect(await cli('--rate', '9M', '--if-match', 'other')).toMatchObject({ status: 3 });
    expect(await cli('--peak', '1M')).toMatchObject({ status: 2, stderr: expect.stringContaining('qos.peakRate') });
    await release(id);
  }, 60_000);

  it('survives an agent that dies before it hears of it, and a server that dies in the middle', async () => {
    await count(6406);
    const id = await active(6406, 10 * M);
    const beside = await flood();
    try {
      const running = await flow(6406, '9.5M', 8);
      await running.running;
      await headroom.killAgent('r1');
      expect((await patch(id, { tokenRateBitsPerSecond: 20 * M })).body.change).toMatchObject({ state: 'applying' });
      await headroom.stopServer('SIGKILL');
      await headroom.startServer();
      expect(await get(id)).toMatchObject({
        qos: { tokenRateBitsPerSecond: 10 * M },
        change: { state: 'applying', requested: { qos: { tokenRateBitsPerSecond: 20 * M } } },
      });
      expect(await booked()).toEqual(HOPS.map(() => Math.ceil((20 * M * 1214) / 1200)));
      headroom.lab.startAgent('r1');
      expect(await settled(id, 25_000)).toMatchObject({ change: null, qos: { tokenRateBitsPerSecond: 20 * M } });
      await kernelHas(20 * M);
      await nothingLost(await running.loss);
    } finally {
      await beside.stop();
    }
    await headroom.reaches(id, 'active');
    await release(id);
  }, 90_000);

  it('that a hop refuses leaves a running flow alone, and the old rate comes back on every hop', async () => {
    await count(6409);
    const id = await active(6409, 10 * M);
    const socket = join(headroom.folder, 'agent.sock');
    // r1 comes back from its journal and cannot hear of the change: RESV asks it for more than it knows of.
    await headroom.killAgent('r1');
    renameSync(socket, `${socket}.away`);
    const beside = await flood();
    try {
      headroom.lab.startAgent('r1');
      const running = await flow(6409, '9.5M', 6);
      await running.running;
      expect((await patch(id, { tokenRateBitsPerSecond: 20 * M })).status).toBe(200);
      await headroom.until('r1 has refused it', 15_000, async () => (await get(id)).change.state === 'reverting');
      expect((await get(id)).change.reasons).toMatchObject([{ reason: 'REFUSED', errorCode: 1, errorNode: 'r1' }]);
      expect(await booked()).toEqual(HOPS.map(() => Math.ceil((20 * M * 1214) / 1200)));
      renameSync(`${socket}.away`, socket);
      const failed = await settled(id, 20_000);
      expect(failed).toMatchObject({ change: { state: 'failed' }, qos: { tokenRateBitsPerSecond: 10 * M } });
      await kernelHas(10 * M);
      expect(await booked()).toEqual(HOPS.map(() => Math.ceil((10 * M * 1214) / 1200)));
      await nothingLost(await running.loss);
    } finally {
      await beside.stop();
    }
    expect((await get(id)).state).toBe('active');
    await changed(id, 15 * M);
    await kernelHas(15 * M);
    await release(id);
  }, 90_000);

  it('that a hop does not take in time is taken back everywhere, with the reason kept', async () => {
    const id = await active(6407, 10 * M);
    headroom.lab.agent('r1')!.kill('SIGSTOP');
    try {
      expect((await patch(id, { tokenRateBitsPerSecond: 20 * M })).status).toBe(200);
      await headroom.until('it is given up', 45_000, async () => (await get(id)).change.state === 'reverting');
      expect((await patch(id, { tokenRateBitsPerSecond: 11 * M })).status).toBe(409);
      expect(await booked()).toEqual(HOPS.map(() => Math.ceil((20 * M * 1214) / 1200)));
    } finally {
      headroom.lab.agent('r1')!.kill('SIGCONT');
    }
    const failed = await settled(id, 30_000);
    expect(failed.change).toMatchObject({ state: 'failed', reasons: [{ reason: 'TIMED_OUT' }] });
    expect(failed.change.reasons[0].detail).toContain('r1');
    await kernelHas(10 * M);
    expect(await booked()).toEqual(HOPS.map(() => Math.ceil((10 * M * 1214) / 1200)));
    await headroom.reaches(id, 'active', 30_000);
    await changed(id, 12 * M);
    await kernelHas(12 * M);
    await release(id);
  }, 150_000);
});
