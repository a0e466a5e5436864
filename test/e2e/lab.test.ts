import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/lab/commands.ts';
import { requires } from '../support/requires.ts';
import { Headroom, output, wrote, type Answer } from './headroom.ts';

const RATE = 20_000_000;

describe.skipIf(requires('root', 'ip', 'tc', 'nft', 'iperf3', 'tshark', 'tcpdump'))('a booked flow in the lab', () => {
  const headroom = new Headroom('kernel');
  beforeAll(() => headroom.start(), 60_000);
  afterAll(() => headroom.stop(), 30_000);

  const active = async (port: number, bitsPerSecond = RATE): Promise<string> => {
    const { status, body } = await headroom.book(port, bitsPerSecond);
    expect([status, body]).toMatchObject([201, {}]);
    await headroom.reaches(body.id as string, 'active');
    return body.id as string;
  };
  const release = async (id: string): Promise<void> => {
    expect((await headroom.call('DELETE', `/v1/reservations/${id}`)).status).toBe(204);
    await headroom.reaches(id, 'ended');
  };
  const bookedOn = async (link: string): Promise<number> =>
    (await headroom.call('GET', `/v1/links/${encodeURIComponent(link)}`)).body.bookedBitsPerSecond as number;

  it('PATH and RESV on the wire between r1 and r2 are what RFC 2205 says', async () => {
    const file = join(headroom.folder, 'r1.pcap');
    const capture = headroom.spawn(
      'r1',
      'tcpdump',
      '-Z',
      'root',
      '-n',
      '-U',
      '--immediate-mode',
      '-i',
      'eth1',
      '-w',
      file,
      'ip proto 46',
    );
    await wrote(capture, /listening on/);
    const id = await active(5004);
    await headroom.until('ResvConf has arrived', 10_000, async () => {
      const { body } = await headroom.call('GET', `/v1/reservations/${id}`);
      return body.signaling.confirmedAt !== null;
    });
    await release(id);
    const ended = output(capture);
    capture.kill('SIGINT');
    await ended;
    const frames = dissect(await run('tshark', ['-r', file, '-V', '-O', 'ip,rsvp', '-o', 'ip.check_checksum:TRUE']));
    expect(frames.map(({ type }) => type)).toContain('PATH');
    const first = (type: string): Frame => frames.find((frame) => frame.type === type)!;
    expect(first('PATH')).toMatchObject({ source: '10.1.0.2', destination: '10.2.0.2', routerAlert: true });
    expect(first('RESV')).toMatchObject({ source: '10.12.0.2', destination: '10.12.0.1' });
    expect(first('CONFIRM')).toMatchObject({ destination: '10.2.0.2' });
    expect(frames.some(({ type }) => type.includes('TEAR'))).toBe(true);
    for (const frame of frames) {
      expect(frame.sendTtl, frame.text).toBe(frame.ttl);
      expect(frame.checksums, frame.text).toEqual(['correct', 'Good']);
      expect(frame.text).not.toMatch(/[Mm]alformed/);
    }
  }, 30_000);

  it('a reserved flow survives a flood that an unreserved one does not', async () => {
    const unprotected = await lossOfFlow(headroom, 6100);
    const id = await active(6200);
    const guarded = await lossOfFlow(headroom, 6200);
    await release(id);
    expect(unprotected).toBeGreaterThan(30);
    expect(guarded).toBeLessThan(0.1);
  }, 60_000);

  it('three reservations fit on r1–r2 and three more by r3, the seventh is refused with everything one needs to know', async () => {
    const ids = [await active(5101), await active(5102), await active(5103)];
    const around = [await active(5104), await active(5105), await active(5106)];
    const { status, headers, body } = await headroom.book(5107, RATE);
    expect(status).toBe(409);
    expect(headers.get('content-type')).toContain('application/problem+json');
    expect(body.code).toBe('BANDWIDTH_UNAVAILABLE');
    const [reason] = body.reasons;
    expect(reason).toMatchObject({
      reason: 'BANDWIDTH_UNAVAILABLE',
      link: 'r1:eth1',
      requestedBitsPerSecond: 20_233_334,
      availableBitsPerSecond: 75_000_000 - 3 * 20_233_334,
    });
    expect([...reason.conflicting].sort()).toEqual([...ids].sort());
    const [lower] = body.alternatives;
    expect(body.alternatives).toHaveLength(1);
    expect(lower.kind).toBe('rate');
    const less = await headroom.book(5108, lower.tokenRateBitsPerSecond as number);
    expect(less.status).toBe(201);
    await headroom.reaches(less.body.id as string, 'active');
    await release(less.body.id as string);

    const { body: links } = await headroom.call('GET', '/v1/links');
    for (const link of links.items) expect(link.bookedBitsPerSecond).toBeLessThanOrEqual(link.reservableBitsPerSecond);
    for (const [host, device, capacity, flows] of [
      ['host-a', 'eth0', 1e9, 6],
      ['r1', 'eth1', 1e8, 3],
      ['r1', 'eth2', 1e8, 3],
      ['r3', 'eth1', 1e8, 3],
      ['r2', 'eth0', 1e9, 6],
    ] as const) {
      const classes = await headroom.classes(host, device);
      expect(classes).toHaveLength(flows);
      expect(await headroom.sumOfChildren(host, device)).toBeLessThanOrEqual(capacity);
    }
    await Promise.all([...ids, ...around].map(release));
  }, 30_000);

  it('a booking that needs the room of a release a moment before becomes active', async () => {
    let ids = [await active(5201), await active(5202), await active(5203)];
    for (let round = 0; round < 5; round++) {
      const [released, booked] = await Promise.all([
        headroom.call('DELETE', `/v1/reservations/${ids[0]}`),
        headroom
          .until('the release is sent first', 1_000, async () => true)
          .then(() => headroom.book(5210 + round, RATE)),
      ]);
      expect(released.status).toBe(204);
      const answer = booked.status === 201 ? booked : await headroom.book(5210 + round, RATE);
      expect(answer.status, JSON.stringify(answer.body)).toBe(201);
      await headroom.reaches(answer.body.id as string, 'active');
      ids = [...ids.slice(1), answer.body.id as string];
    }
    await Promise.all(ids.map(release));
  }, 30_000);

  it('a release leaves nothing on any hop within two seconds', async () => {
    const id = await active(5301);
    expect((await headroom.ruleset('r1')).includes('5301')).toBe(true);
    expect((await headroom.call('DELETE', `/v1/reservations/${id}`)).status).toBe(204);
    const hops = [
      ['host-a', 'eth0'],
      ['r1', 'eth1'],
      ['r2', 'eth0'],
    ] as const;
    await headroom.until('classes, map entries and RSVP state are gone', 2_000, async () => {
      for (const [host, device] of hops) {
        if ((await headroom.classes(host, device)).length > 0) return false;
        if ((await headroom.ruleset(host)).includes('5301')) return false;
      }
      for (const node of ['host-a', 'r1', 'r2', 'host-b']) {
        const { engine } = (await headroom.rsvpState(node)).body;
        if (engine.paths.length > 0 || engine.reservations.length > 0) return false;
      }
      return true;
    });
    expect(await bookedOn('r1:eth1')).toBe(0);
  });

  it('a window ends by itself', async () => {
    const end = new Date(Date.now() + 1_500).toISOString();
    const { status, body } = await headroom.book(5401, RATE, { window: { end } });
    expect([status, body]).toMatchObject([201, { window: { end } }]);
    const ended = await headroom.reaches(body.id as string, 'ended');
    expect(ended.endReason).toBe('expired');
    expect(await headroom.classes('r1', 'eth1')).toEqual([]);
  });

  it('capacity holds also while nothing is reserved', async () => {
    const result = JSON.parse(
      await iperf(headroom, 6300, ['-u', '-b', '200M', '-l', '1200', '-t', '2', '--pacing-timer', '100']),
    );
    expect(result.end.sum_received?.bits_per_second ?? received(result)).toBeLessThan(100e6);
  }, 20_000);

  it('traffic stays protected while the server is dead, and the restarted one knows the same reservations', async () => {
    const id = await active(5501);
    let before: Answer['body'];
    await headroom.until('the agents have told where PATH goes', 5_000, async () => {
      before = (await headroom.call('GET', `/v1/reservations/${id}`)).body;
      return before.paths[0].actualHops.length === 3;
    });
    await headroom.stopServer('SIGKILL');
    expect(await lossOfFlow(headroom, 5501)).toBeLessThan(0.1);
    expect(await headroom.classes('r1', 'eth1')).toHaveLength(1);
    await headroom.startServer();
    await headroom.agentsConnected();
    const after = (await headroom.call('GET', `/v1/reservations/${id}`)).body;
    expect(after).toMatchObject({ id, state: 'active', flow: before.flow, paths: before.paths });
    const { body: list } = await headroom.call('GET', '/v1/reservations?state=active');
    expect(list.items.map((r: { id: string }) => r.id)).toEqual([id]);
    expect(await bookedOn('r1:eth1')).toBe(20_233_334);
    expect(await headroom.classes('r1', 'eth1')).toHaveLength(1);
    await release(id);
  }, 60_000);

  it('a killed router agent comes back from its journal; its classes stay and nothing is torn', async () => {
    const id = await active(5601);
    const errorsReceived = (): Promise<unknown> =>
      Promise.all(
        ['host-a', 'r2', 'host-b'].map(async (node) => {
          const { ResvErr = 0, PathErr = 0 } = (await headroom.rsvpState(node)).body.engine.counters.received;
          return { node, ResvErr, PathErr };
        }),
      );
    const errors = await errorsReceived();
    const classes = await headroom.exec('r1', 'tc', 'class', 'show', 'dev', 'eth1');
    await headroom.killAgent('r1');
    // PATH that passed r1 untouched would show r2 a previous hop that is none.
    const counted = async (node: string): Promise<{ sent: { Path: number }; received: { Path: number } }> =>
      (await headroom.rsvpState(node)).body.engine.counters;
    const [sender, next] = [await counted('host-a'), await counted('r2')];
    const { body: another } = await headroom.book(5602, 5_000_000);
    await headroom.until('host-a has sent the PATH of another flow twice', 10_000, async () => {
      return (await counted('host-a')).sent.Path >= sender.sent.Path + 2;
    });
    expect((await counted('r2')).received.Path).toBe(next.received.Path);
    expect(await headroom.exec('r1', 'tc', 'class', 'show', 'dev', 'eth1')).toBe(classes);
    headroom.lab.startAgent('r1');
    await headroom.agentsConnected();
    await headroom.until('r1 has its RSVP state again', 10_000, async () => {
      const { status, body } = await headroom.rsvpState('r1');
      return status === 200 && body.engine.paths.length === 2 && body.engine.reservations.length === 2;
    });
    await headroom.reaches(another.id as string, 'active');
    expect(await errorsReceived()).toEqual(errors);
    await release(another.id as string);
    expect(await headroom.exec('r1', 'tc', 'class', 'show', 'dev', 'eth1')).toBe(classes);
    expect((await headroom.call('GET', `/v1/reservations/${id}`)).body.state).toBe('active');
    await release(id);
  }, 40_000);

  it('a host whose cable is pulled has its state timed out elsewhere, and all comes back with the cable', async () => {
    const id = await active(5701);
    await headroom.exec('host-a', 'ip', 'link', 'set', 'eth0', 'down');
    try {
      await headroom.until('every other node has let go', 30_000, async () => {
        for (const node of ['r1', 'r2', 'host-b']) {
          const { engine } = (await headroom.rsvpState(node)).body;
          if (engine.paths.length > 0 || engine.reservations.length > 0) return false;
        }
        return (await headroom.classes('r1', 'eth1')).length + (await headroom.classes('r2', 'eth0')).length === 0;
      });
      // By itself: nobody has taken the assignments away.
      expect((await headroom.call('GET', `/v1/reservations/${id}`)).body.state).toBe('degraded');
      const { body: agent } = await headroom.call('GET', '/v1/agents/r2');
      expect(agent.assignments).toBe(1);
      // What RSVP has let go does not come back with an agent that compares everything.
      await headroom.restartAgent('r2');
      expect(await headroom.classes('r2', 'eth0')).toEqual([]);
    } finally {
      await headroom.exec('host-a', 'ip', 'link', 'set', 'eth0', 'up');
    }
    await headroom.reaches(id, 'active', 30_000);
    expect(await headroom.classes('r2', 'eth0')).toHaveLength(1);
    await release(id);
  }, 90_000);
});

interface Frame {
  readonly text: string;
  readonly type: string;
  readonly source: string;
  readonly destination: string;
  readonly ttl: string;
  readonly sendTtl: string;
  readonly routerAlert: boolean;
  /** RSVP's, then the IP header's. */
  readonly checksums: readonly string[];
}

/** What tshark says of each frame. */
const dissect = (text: string): Frame[] =>
  text
    .split(/^Frame /m)
    .slice(1)
    .map((frame) => {
      const field = (pattern: RegExp): string => pattern.exec(frame)?.[1] ?? '';
      return {
        text: frame,
        type: field(/Message Type: (.*?) Message/),
        source: field(/Source Address: (\S+)/),
        destination: field(/Destination Address: (\S+)/),
        ttl: field(/Time to Live: (\d+)/),
        sendTtl: field(/Sending TTL: (\d+)/),
        routerAlert: frame.includes('Router Alert'),
        checksums: [field(/Message Checksum: .*\[(\w+)/), field(/Header checksum status: (\w+)/)],
      };
    });

/** One client against a server that ends with it. */
async function iperf(headroom: Headroom, port: number, client: string[]): Promise<string> {
  const server = headroom.spawn('host-b', 'iperf3', '-s', '-1', '-p', String(port), '--forceflush');
  await wrote(server, /listening/i);
  const ended = output(server);
  const text = await output(
    headroom.spawn(
      'host-a',
      'iperf3',
      '-c',
      '10.2.0.2',
      '-B',
      '10.1.0.2',
      '--cport',
      String(port),
      '-p',
      String(port),
      '-J',
      ...client,
    ),
  );
  await ended;
  return text;
}

const received = (result: { end: { sum: { bits_per_second: number; lost_percent: number } } }): number =>
  result.end.sum.bits_per_second * (1 - result.end.sum.lost_percent / 100);

/** Per cent of a 19 Mbit/s flow that is lost beside a flood of 200 Mbit/s from the same host. */
async function lossOfFlow(headroom: Headroom, port: number): Promise<number> {
  const floodServer = headroom.spawn('host-b', 'iperf3', '-s', '-1', '-p', '7000', '--forceflush');
  await wrote(floodServer, /listening/i);
  const flood = headroom.spawn(
    'host-a', 'iperf3', '-c', '10.2.0.2', '-p', '7000', '-u', '-b', '200M', '-l', '1200', '-t', '6', '--pacing-timer', '100', '--forceflush', '-i', '0.2',
  ); // prettier-ignore
  const floodEnded = Promise.all([output(flood), output(floodServer)]);
  await wrote(flood, /Mbits\/sec/);
  const text = await iperf(headroom, port, ['-u', '-b', '19M', '-l', '1200', '-t', '3', '--pacing-timer', '5000']);
  await floodEnded;
  const { end, error } = JSON.parse(text);
  if (error) throw new Error(error as string);
  return end.sum.lost_percent as number;
}
