import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_LAB } from '../../src/lab/default-lab.ts';
import { run } from '../../src/lab/commands.ts';
import { requires } from '../support/requires.ts';
import { Headroom, output, wrote, type Answer } from './headroom.ts';

const RATE = 20_000_000;
const DATAGRAMS = 200;
const NODES = ['host-a', 'r1', 'r2', 'r3', 'host-b'];

describe.skipIf(requires('root', 'ip', 'tc', 'nft', 'tshark', 'tcpdump', 'python3'))('a pinned flow in the lab', () => {
  const headroom = new Headroom('kernel', {}, { options: (node) => (node === 'r3' ? ['--remove-on-exit'] : []) });
  const booked = new Set<string>();
  beforeAll(() => headroom.start(), 60_000);
  afterAll(() => headroom.stop(), 30_000);
  afterEach(async () => {
    await Promise.all([...booked].map(release));
  }, 30_000);

  const book = async (port: number, source = '10.1.0.2', more: object = {}): Promise<Answer> => {
    const answer = await headroom.book(port, RATE, {
      flow: {
        protocol: 'udp',
        source: { address: source, port },
        destination: { address: '10.2.0.2', port },
      },
      ...more,
    });
    if (answer.status === 201) booked.add(answer.body.id as string);
    return answer;
  };
  const active = async (port: number, pinning: string, source?: string): Promise<Answer['body']> => {
    const { status, body } = await book(port, source);
    expect([status, body]).toMatchObject([201, { paths: [{ pinning }] }]);
    return headroom.reaches(body.id as string, 'active');
  };
  const release = async (id: string): Promise<void> => {
    expect((await headroom.call('DELETE', `/v1/reservations/${id}`)).status).toBe(204);
    await headroom.reaches(id, 'ended');
    booked.delete(id);
  };
  const fill = async (): Promise<void> => {
    for (const port of [5101, 5102, 5103]) await active(port, 'routed');
  };

  /** Rules, routes and tables of ours on a node, as text; empty where there are none. */
  const steering = async (node: string): Promise<string> => {
    const rules = (await headroom.exec(node, 'ip', 'rule')).split('\n').filter((line) => line.includes('proto 72'));
    const routes = await headroom.exec(node, 'ip', 'route', 'show', 'table', 'all', 'proto', '72');
    const tables = await headroom.exec(node, 'nft', 'list', 'tables');
    const marks = tables.includes('headroom_steering')
      ? await headroom.exec(node, 'nft', '-a', 'list', 'table', 'inet', 'headroom_steering')
      : '';
    return [...rules, routes, marks]
      .map((text) => text.trim())
      .filter((text) => text !== '')
      .join('\n');
  };
  const expectNoTrace = async (): Promise<void> => {
    for (const node of NODES) expect([node, await steering(node)]).toEqual([node, '']);
  };

  /** Packets that pass an interface while something happens. */
  async function passing(
    places: readonly (readonly [string, string])[],
    filter: string,
    during: () => Promise<void>,
    enough: (files: readonly string[]) => Promise<boolean>,
  ): Promise<readonly string[]> {
    const captures = places.map(([node, device]) => {
      const file = join(headroom.folder, `${node}-${device}-${captureCount++}.pcap`);
      const command = ['tcpdump', '-Z', 'root', '-n', '-U', '--immediate-mode', '-i', device, '-w', file, filter];
      return { file, child: headroom.spawn(node, ...command) };
    });
    await Promise.all(captures.map(({ child }) => wrote(child, /listening on/)));
    const files = captures.map(({ file }) => file);
    await during();
    await headroom.until('the packets have been seen', 5_000, () => enough(files));
    await Promise.all(
      captures.map(({ child }) => {
        const ended = output(child);
        child.kill('SIGINT');
        return ended;
      }),
    );
    return files;
  }
  let captureCount = 0;

  const count = async (file: string, filter: string): Promise<number> => {
    const text = await run('tshark', ['-r', file, '-Y', filter, '-T', 'fields', '-e', 'frame.number']);
    return text.split('\n').filter((line) => line !== '').length;
  };

  /** How many of the flow's datagrams pass r1–r2 and r1–r3. */
  async function waysOf(node: string, source: string, port: number): Promise<{ direct: number; around: number }> {
    const filter = `udp and dst host 10.2.0.2 and dst port ${port}`;
    const all = async (files: readonly string[]): Promise<number> => {
      const counts = await Promise.all(files.map((file) => count(file, 'udp')));
      return counts.reduce((sum, each) => sum + each, 0);
    };
    const files = await passing(
      [
        ['r1', 'eth1'],
        ['r1', 'eth2'],
      ],
      filter,
      async () => {
        const script = join(import.meta.dirname, 'send_datagrams.py');
        await headroom.exec(node, 'python3', script, source, '10.2.0.2', String(port), String(DATAGRAMS));
      },
      async (files) => (await all(files)) >= DATAGRAMS,
    );
    return { direct: await count(files[0]!, 'udp'), around: await count(files[1]!, 'udp') };
  }

  it('the fourth takes r1–r3–r2 with PATH and data, what is not reserved stays, the seventh is refused', async () => {
    await fill();
    let fourth: Answer['body'];
    const session = 'rsvp.msg == 1 && rsvp.session.port == 5104';
    const [direct, around, entry] = await passing(
      [
        ['r1', 'eth1'],
        ['r1', 'eth2'],
        ['r2', 'eth2'],
      ],
      'ip proto 46',
      async () => {
        fourth = await active(5104, 'pinned');
      },
      async (files) => (await count(files[2]!, session)) > 0,
    );
    expect(await count(direct!, session)).toBe(0);
    expect(await count(around!, session)).toBeGreaterThan(0);
    expect(await count(entry!, session)).toBeGreaterThan(0);
    // Into r2: r3 has taken itself off the explicit route, and everyone before r2 has written down where it sends.
    const path = await run('tshark', ['-r', entry!, '-Y', session, '-V', '-O', 'rsvp', '-c', '1']);
    expect(path).toMatch(/EXPLICIT ROUTE: IPv4 10\.23\.0\.2\S*, IPv4 10\.2\.0\.2/);
    expect(path).toMatch(/RECORD ROUTE: IPv4 10\.23\.0\.3\S*, IPv4 10\.13\.0\.1\S*, IPv4 10\.1\.0\.2/);
    expect(fourth.paths[0]).toMatchObject({
      pinning: 'pinned',
      explicitRoute: ['10.1.0.1', '10.13.0.3', '10.23.0.2', '10.2.0.2'],
      enforcement: 'kernel',
    });
    expect(fourth.paths[0].hops.map((hop: { link: string }) => hop.link)).toEqual([
      'host-a:eth0',
      'r1:eth2',
      'r3:eth1',
      'r2:eth0',
    ]);
    await headroom.until('the agents have told where PATH goes', 5_000, async () => {
      fourth = (await headroom.call('GET', `/v1/reservations/${fourth.id}`)).body;
      return fourth.paths[0].actualHops.length === 4;
    });
    expect(fourth.paths[0].deviation).toBeNull();
    expect(await headroom.classes('r3', 'eth1')).toHaveLength(1);

    expect(await waysOf('host-a', '10.1.0.2', 5104)).toEqual({ direct: 0, around: DATAGRAMS });
    expect(await waysOf('host-a', '10.1.0.2', 5101)).toEqual({ direct: DATAGRAMS, around: 0 });
    expect(await waysOf('host-a', '10.1.0.2', 5999)).toEqual({ direct: DATAGRAMS, around: 0 });

    await active(5105, 'pinned');
    await active(5106, 'pinned');
    const { status, body } = await book(5107);
    expect([status, body.code]).toEqual([409, 'BANDWIDTH_UNAVAILABLE']);
    expect(body.reasons.map((reason: { reason: string }) => reason.reason)).toEqual(['BANDWIDTH_UNAVAILABLE']);

    await Promise.all([...booked].map(release));
    await expectNoTrace();
  }, 90_000);

  it('what a router itself sends takes the pinned way too', async () => {
    await fill();
    await active(5204, 'pinned', '10.1.0.1');
    expect(await waysOf('r1', '10.1.0.1', 5204)).toEqual({ direct: 0, around: DATAGRAMS });
    expect(await waysOf('r1', '10.1.0.1', 5999)).toEqual({ direct: DATAGRAMS, around: 0 });
    await Promise.all([...booked].map(release));
    await expectNoTrace();
  }, 60_000);

  it('strict reverse-path filtering on r2 is shown and refuses the pin by name, until it is taken off', async () => {
    await fill();
    const shown = async (): Promise<number> => {
      const { body } = await headroom.call('GET', '/v1/agents/r2');
      return body.interfaces.find((each: { name: string }) => each.name === 'eth2').rpFilter as number;
    };
    const set = async (mode: 0 | 1): Promise<void> => {
      await headroom.exec('r2', 'sysctl', '-qw', `net.ipv4.conf.eth2.rp_filter=${mode}`);
      await headroom.until(`rp_filter ${mode} is shown`, 5_000, async () => (await shown()) === mode);
    };
    expect(await shown()).toBe(0);
    await set(1);
    const { status, body } = await book(5304);
    expect([status, body.code]).toEqual([409, 'BANDWIDTH_UNAVAILABLE']);
    expect(body.reasons).toContainEqual({
      reason: 'PINNING_UNAVAILABLE',
      node: 'r2',
      interface: 'eth2',
      setting: 'rp_filter',
      detail: expect.stringMatching(/rp_filter is 1 \(strict\)/),
    });
    const way = body.alternatives.find((each: { kind: string }) => each.kind === 'path');
    expect(way).toMatchObject({ needs: 'PINNING', obstacles: [{ node: 'r2', interface: 'eth2' }] });
    await set(0);
    await active(5304, 'pinned');
  }, 60_000);

  it('marks, rules, routes and tables of others stay as they are', async () => {
    await fill();
    await headroom.exec('r1', 'ip', 'rule', 'add', 'fwmark', '0xcd/0xff', 'lookup', '77', 'pref', '100');
    await headroom.exec('r1', 'ip', 'route', 'add', '192.0.2.0/24', 'via', '10.12.0.2', 'table', '77');
    // A neighbour of ours could have this table: what others put there is theirs.
    await headroom.exec('r1', 'ip', 'route', 'add', '198.51.100.0/24', 'via', '10.12.0.2', 'table', '42001');
    const theirs = [
      'table inet foreign {',
      ' chain marking { type filter hook prerouting priority mangle; udp dport 5404 meta mark set 0xab0000cc; }',
      ' chain seen { type filter hook postrouting priority mangle;',
      '  udp dport 5404 meta mark & 0xff00ffff == 0xab0000cc counter; }',
      '}',
    ].join('\n');
    const loading = headroom.spawn('r1', 'nft', '-f', '-');
    const loaded = output(loading);
    loading.stdin!.end(theirs);
    await loaded;
    await active(5404, 'pinned');
    expect(await waysOf('host-a', '10.1.0.2', 5404)).toEqual({ direct: 0, around: DATAGRAMS });
    expect(await headroom.exec('r1', 'nft', 'list', 'table', 'inet', 'foreign')).toContain(
      `counter packets ${DATAGRAMS} `,
    );
    await Promise.all([...booked].map(release));
    await expectNoTrace();
    expect(await headroom.exec('r1', 'ip', 'rule')).toContain('fwmark 0xcd/0xff lookup 77');
    expect(await headroom.exec('r1', 'ip', 'route', 'show', 'table', '77')).toContain('192.0.2.0/24');
    expect(await headroom.exec('r1', 'ip', 'route', 'show', 'table', '42001')).toContain('198.51.100.0/24');
    expect(await headroom.exec('r1', 'nft', 'list', 'tables')).toContain('table inet foreign');
  }, 60_000);

  it('outlives a killed agent untouched, and what somebody takes away is put back', async () => {
    await fill();
    await active(5504, 'pinned');
    const before = await steering('r1');
    expect(before).toContain('fwmark');
    await headroom.killAgent('r1');
    expect(await waysOf('host-a', '10.1.0.2', 5504)).toEqual({ direct: 0, around: DATAGRAMS });
    headroom.lab.startAgent('r1');
    await headroom.agentsConnected();
    // Handles included: nothing was made anew.
    expect(await steering('r1')).toBe(before);
    await headroom.exec('r1', 'ip', 'rule', 'del', 'pref', '21000');
    await headroom.exec('r1', 'ip', 'route', 'flush', 'table', '42001', 'proto', '72');
    await headroom.until('rule and route are back', 5_000, async () => (await steering('r1')) === before);
    await Promise.all([...booked].map(release));
    await expectNoTrace();
  }, 60_000);

  it('a pinned flow whose link fails is degraded, and back on its path with the link', async () => {
    await fill();
    const { id } = await active(5604, 'pinned');
    await headroom.exec('r3', 'ip', 'link', 'set', 'eth1', 'down');
    await headroom.reaches(id as string, 'degraded', 30_000);
    await headroom.exec('r3', 'ip', 'link', 'set', 'eth1', 'up');
    await headroom.reaches(id as string, 'active', 30_000);
    expect(await waysOf('host-a', '10.1.0.2', 5604)).toEqual({ direct: 0, around: DATAGRAMS });
    expect((await headroom.call('GET', `/v1/reservations/${id}`)).body.paths[0].deviation).toBeNull();
    await Promise.all([...booked].map(release));
    await expectNoTrace();
  }, 120_000);

  it('a router without an agent refuses the pin by name; who allows it gets the path unpinned, steered where it can be', async () => {
    const { headers } = await headroom.call('GET', '/v1/topology');
    const nodes = DEFAULT_LAB.nodes.map((node) => (node.name === 'r3' ? { ...node, agent: 'optional' } : node));
    const stored = await headroom.call(
      'PUT',
      '/v1/topology',
      { ...DEFAULT_LAB, nodes },
      { 'if-match': headers.get('etag')! },
    );
    expect(stored.status).toBe(200);
    const agent = headroom.lab.agent('r3')!;
    const ended = once(agent, 'exit');
    agent.kill('SIGTERM');
    await ended;
    await headroom.until('r3 is a plain router', 15_000, async () => {
      return (await headroom.call('GET', '/v1/agents/r3')).body.state === 'silent';
    });
    await fill();
    const refused = await book(5704);
    expect([refused.status, refused.body.code]).toEqual([409, 'BANDWIDTH_UNAVAILABLE']);
    expect(refused.body.reasons.slice(1)).toEqual([
      { reason: 'PINNING_UNAVAILABLE', node: 'r3', interface: null, setting: 'agent', detail: 'r3 has no agent' },
    ]);
    const { status, body } = await book(5704, '10.1.0.2', { constraints: { allowUnpinned: true } });
    expect([status, body.paths[0].pinning]).toEqual([201, 'unpinned']);
    await headroom.reaches(body.id as string, 'active');
    expect(await waysOf('host-a', '10.1.0.2', 5704)).toEqual({ direct: 0, around: DATAGRAMS });
    const shown = (await headroom.call('GET', `/v1/reservations/${body.id}`)).body.paths[0];
    expect([shown.deviation, shown.enforcement]).toEqual([null, 'kernel']);
    await Promise.all([...booked].map(release));
    await expectNoTrace();
  }, 90_000);
});
