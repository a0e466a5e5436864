import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { requires } from '../support/requires.ts';
import { Headroom, output, type Answer } from './headroom.ts';

const RATE = 20_000_000;
const DATAGRAMS = 100;
const DIRECT = ['host-a:eth0', 'r1:eth1', 'r2:eth0'];
const TOWARDS_B = '10.2.0.0/24';
const BOTH = ['nexthop', 'via', '10.12.0.2', 'dev', 'eth1', 'nexthop', 'via', '10.13.0.3', 'dev', 'eth2'];

describe.skipIf(requires('root', 'ip', 'tc', 'nft', 'python3'))('routes as kernels have them', () => {
  const headroom = new Headroom('kernel', { log: 'error' });
  const booked = new Set<string>();
  let port = 6100;
  beforeAll(() => headroom.start(), 60_000);
  afterAll(() => headroom.stop(), 30_000);
  afterEach(async () => {
    for (const id of booked) await headroom.call('DELETE', `/v1/reservations/${id}`);
    for (const id of booked) await headroom.reaches(id, 'ended');
    booked.clear();
  }, 60_000);

  const r1 = (...command: string[]): Promise<string> => headroom.exec('r1', ...command);
  const route = (...change: string[]): Promise<string> => r1('ip', 'route', ...change);
  /** The agent of r1 has told what the kernel of r1 says of the way to host-b. */
  const told = (what: string, says: (routes: Answer['body'][]) => boolean): Promise<void> =>
    headroom.until(`r1 tells of ${what}`, 15_000, async () => {
      const { routes } = (await headroom.call('GET', '/v1/agents/r1')).body;
      return says(routes.filter((each: { destination: string }) => each.destination === TOWARDS_B));
    });
  const book = async (): Promise<Answer> => {
    const answer = await headroom.book(++port, RATE);
    if (answer.status === 201) booked.add(answer.body.id as string);
    return answer;
  };
  const active = async (): Promise<Answer['body']> => {
    const { status, body } = await book();
    expect([status, body]).toMatchObject([201, {}]);
    return headroom.reaches(body.id as string, 'active');
  };
  const linksOf = ({ paths }: Answer['body']): string[] => paths[0].hops.map((hop: { link: string }) => hop.link);
  const shown = async (id: string): Promise<Answer['body']> =>
    (await headroom.call('GET', `/v1/reservations/${id}`)).body.paths[0];

  /** How many datagrams of the flow leave r1 by each interface. */
  async function ways(to: number): Promise<{ eth1: number; eth2: number }> {
    const rules = `table ip seen {
      chain out { type filter hook postrouting priority 300;
        udp dport ${to} oifname "eth1" counter comment "eth1"
        udp dport ${to} oifname "eth2" counter comment "eth2"
      }
    }`;
    await r1('nft', rules);
    const script = join(import.meta.dirname, 'send_datagrams.py');
    await headroom.exec('host-a', 'python3', script, '10.1.0.2', '10.2.0.2', String(to), String(DATAGRAMS));
    let text = '';
    const seen = (name: string): number => Number(new RegExp(`packets (\\d+) .*"${name}"`).exec(text)?.[1] ?? -1);
    await headroom.until('all datagrams have left r1', 15_000, async () => {
      text = await r1('nft', 'list', 'table', 'ip', 'seen');
      return seen('eth1') + seen('eth2') >= DATAGRAMS;
    });
    await r1('nft', 'delete', 'table', 'ip', 'seen');
    return { eth1: seen('eth1'), eth2: seen('eth2') };
  }

  /** While it lasts r1 sends to host-b by either of two next hops, and r3 onwards. */
  async function withMultipath(during: () => Promise<void>): Promise<void> {
    await route('add', TOWARDS_B, 'metric', '5', ...BOTH);
    try {
      await told('several next hops', (routes) => routes.some((each) => each.others?.length === 1));
      await during();
    } finally {
      await route('del', TOWARDS_B, 'metric', '5');
      await told('one next hop', (routes) => routes.every((each) => each.others === undefined));
    }
  }

  it.each([0, 1])(
    'multipath with hash policy %i: flows are pinned to one next hop, data and PATH',
    async (policy) => {
      await r1('sysctl', '-qw', `net.ipv4.fib_multipath_hash_policy=${policy}`);
      await withMultipath(async () => {
        for (let i = 0; i < 3; i++) {
          const body = await active();
          expect([body.paths[0].pinning, linksOf(body)]).toEqual(['pinned', DIRECT]);
          expect(await ways(body.flow.destination.port as number)).toEqual({ eth1: DATAGRAMS, eth2: 0 });
          expect((await shown(body.id as string)).deviation).toBeNull();
        }
      });
    },
    60_000,
  );

  it('a route that becomes multipath under a reservation: kept on its path, by mark as long as it lasts', async () => {
    const bodies = [await active(), await active(), await active()];
    expect(bodies.map((body) => body.paths[0].pinning)).toEqual(['routed', 'routed', 'routed']);
    const rules = async (): Promise<number> => (await r1('ip', 'rule')).split('proto 72').length - 1;
    await withMultipath(async () => {
      await headroom.until('r1 marks them', 15_000, async () => (await rules()) === 1);
      for (const { flow } of bodies) {
        expect(await ways(flow.destination.port as number)).toEqual({ eth1: DATAGRAMS, eth2: 0 });
      }
    });
    await headroom.until('r1 marks nothing', 15_000, async () => (await rules()) === 0);
    for (const { id, flow } of bodies) {
      expect(await ways(flow.destination.port as number)).toEqual({ eth1: DATAGRAMS, eth2: 0 });
      const { body } = await headroom.call('GET', `/v1/reservations/${id}`);
      expect([body.state, body.paths[0].deviation]).toEqual(['active', null]);
    }
  }, 60_000);

  it('multipath where the flow cannot be pinned: refused with the reason', async () => {
    await headroom.exec('r2', 'sysctl', '-qw', 'net.ipv4.conf.eth1.rp_filter=1', 'net.ipv4.conf.eth2.rp_filter=1');
    // Back to host-a neither way.
    await headroom.exec('r2', 'ip', 'route', 'add', '10.1.0.0/24', 'metric', '1', 'via', '10.2.0.2');
    await headroom.until('r2 tells of both', 15_000, async () => {
      const { interfaces, routes } = (await headroom.call('GET', '/v1/agents/r2')).body;
      const strict = interfaces.filter((each: { rpFilter: number }) => each.rpFilter === 1);
      return strict.length === 2 && routes.some((each: { metric: number }) => each.metric === 1);
    });
    await withMultipath(async () => {
      const { status, body } = await book();
      expect([status, body.code]).toEqual([409, 'NO_PATH']);
      expect(body.reasons[0]).toMatchObject({ reason: 'MULTIPATH', node: 'r1', destination: '10.2.0.2' });
      expect(body.reasons[0].detail).toMatch(/eth1 via 10.12.0.2 or eth2 via 10.13.0.3/);
      expect(body.reasons.slice(1)).toMatchObject([
        { reason: 'PINNING_UNAVAILABLE', node: 'r2', setting: 'rp_filter' },
      ]);
    });
    await headroom.exec('r2', 'ip', 'route', 'del', '10.1.0.0/24', 'metric', '1');
    await headroom.exec('r2', 'sysctl', '-qw', 'net.ipv4.conf.eth1.rp_filter=0', 'net.ipv4.conf.eth2.rp_filter=0');
  }, 60_000);

  it('routes that do not concern the topology are neither kept nor told, those that do are, by difference', async () => {
    const routes = async (): Promise<Answer['body']> => (await headroom.rsvpState('r1')).body.routes;
    const before = await routes();
    const batch = async (lines: readonly string[]): Promise<void> => {
      const child = headroom.spawn('r1', 'ip', '-batch', '-');
      const ended = output(child);
      child.stdin!.end(`${lines.join('\n')}\n`);
      await ended;
    };
    const foreign = Array.from({ length: 20_000 }, (_, i) => `100.${64 + (i >> 8)}.${i & 255}.0/24 via 10.12.0.2`);
    await batch(foreign.map((each) => `route add ${each}`));
    // One that concerns it, after all the others.
    await route('add', '10.2.0.128/25', 'via', '10.12.0.2');
    const seen = (count: number) => async (): Promise<boolean> => (await routes()).kept === count;
    await headroom.until('r1 keeps one more', 15_000, seen(before.kept + 1));
    expect(await routes()).toEqual({ kept: before.kept + 1, told: before.told + 1 });
    const churn = foreign.slice(0, 50).flatMap((each) => [`route del ${each}`, `route add ${each}`]);
    const changing = batch(churn);
    await active();
    await changing;
    await route('del', '10.2.0.128/25');
    await headroom.until('r1 keeps what it had', 15_000, seen(before.kept));
    expect(await routes()).toEqual({ kept: before.kept, told: before.told + 2 });
    // Read whole by the next process, too.
    await headroom.restartAgent('r1');
    await headroom.agentsConnected();
    expect(await routes()).toEqual({ kept: before.kept, told: before.kept });
    await batch(foreign.map((each) => `route del ${each}`));
  }, 90_000);

  it('a next hop with an IPv6 address: booked over its interface', async () => {
    const address = /inet6 (fe80::[0-9a-f:]+)/.exec(
      await headroom.exec('r2', 'ip', '-6', 'addr', 'show', 'dev', 'eth1'),
    );
    await route('add', TOWARDS_B, 'metric', '5', 'via', 'inet6', address![1]!, 'dev', 'eth1');
    await told('the IPv6 router', (routes) => routes.some((each) => each.gateway === address![1]));
    const body = await active();
    expect([body.paths[0].pinning, linksOf(body)]).toEqual(['routed', DIRECT]);
    expect(await ways(body.flow.destination.port as number)).toEqual({ eth1: DATAGRAMS, eth2: 0 });
    await headroom.until(
      'every agent has told',
      15_000,
      async () => (await shown(body.id as string)).actualHops.length === 3,
    );
    expect((await shown(body.id as string)).deviation).toBeNull();
    await route('del', TOWARDS_B, 'metric', '5');
  }, 60_000);
});
