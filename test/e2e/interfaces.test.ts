import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requires } from '../support/requires.ts';
import { foreignPath, sendAlong } from './foreign-path.ts';
import { Headroom } from './headroom.ts';

describe.skipIf(requires('root', 'ip', 'tc', 'nft', 'python3'))(
  'interfaces and routes that change under running agents',
  () => {
    const headroom = new Headroom('kernel');
    beforeAll(() => headroom.start(), 60_000);
    afterAll(() => headroom.stop(), 30_000);

    it('an interface that was renamed away and is back is shaped again', async () => {
      const queues = (): Promise<string> => headroom.exec('r1', 'tc', 'qdisc', 'show', 'dev', 'eth2');
      const shaped = async (): Promise<boolean> => (await queues()).includes('htb fff0:');
      // An agent that is connected is told its capacities next.
      await headroom.until('eth2 is shaped', 15_000, shaped);
      await headroom.exec('r1', 'ip', 'link', 'set', 'eth2', 'down');
      await headroom.exec('r1', 'ip', 'link', 'set', 'eth2', 'name', 'away');
      await headroom.exec('r1', 'tc', 'qdisc', 'del', 'dev', 'away', 'root');
      await headroom.exec('r1', 'ip', 'link', 'set', 'away', 'name', 'eth2');
      await headroom.exec('r1', 'ip', 'link', 'set', 'eth2', 'up');
      await headroom.until('eth2 is shaped again', 15_000, shaped);
    }, 60_000);

    it('addresses and routes that come and go end no agent', async () => {
      for (let i = 0; i < 20; i++) {
        await headroom.exec('r1', 'ip', 'address', 'add', `10.99.${i}.1/24`, 'dev', 'eth0');
        await headroom.exec('r1', 'ip', 'route', 'add', `10.98.${i}.0/24`, 'via', '10.12.0.2');
      }
      for (let i = 0; i < 20; i++) {
        await headroom.exec('r1', 'ip', 'route', 'del', `10.98.${i}.0/24`);
        await headroom.exec('r1', 'ip', 'address', 'del', `10.99.${i}.1/24`, 'dev', 'eth0');
      }
      const { body } = await headroom.book(5005, 5_000_000);
      await headroom.reaches(body.id as string, 'active');
    }, 60_000);

    /** What the reservation's path looks like on r2: where PATH came from, or null. */
    const previousHop = async (port: number): Promise<string | null> => {
      const { body } = await headroom.rsvpState('r2');
      const paths = body.engine.paths as { flow: { sourcePort: number }; previousHop: string }[];
      return paths.find(({ flow }) => flow.sourcePort === port)?.previousHop ?? null;
    };

    it('an interface whose address changes is a new previous hop, and what is reserved through it stays', async () => {
      const { body } = await headroom.book(5006, 5_000_000);
      await headroom.reaches(body.id as string, 'active');
      expect(await previousHop(5006)).toBe('10.12.0.1');
      const classes = await headroom.classes('r1', 'eth1');
      await headroom.exec('r1', 'sysctl', '-qw', 'net.ipv4.conf.eth1.promote_secondaries=1');
      await headroom.exec('r1', 'ip', 'address', 'add', '10.12.0.9/24', 'dev', 'eth1');
      await headroom.exec('r1', 'ip', 'address', 'del', '10.12.0.1/24', 'dev', 'eth1');
      await headroom.until(
        'r2 knows the new previous hop',
        15_000,
        async () => (await previousHop(5006)) === '10.12.0.9',
      );
      // RESV follows to the new address: r1 gets refreshes that came there, and its reservation does not time out.
      await headroom.until('r1 has a refresh by the new address', 15_000, async () => {
        const state = (await headroom.rsvpState('r1')).body.engine;
        return (state.reservations as { expiresInMs: number }[]).some(({ expiresInMs }) => expiresInMs > 4_500);
      });
      expect(await headroom.classes('r1', 'eth1')).toEqual(classes);
      const { body: agent } = await headroom.call('GET', '/v1/agents/r1');
      expect(
        (agent.interfaces as { name: string; addresses: string[] }[]).find(({ name }) => name === 'eth1')!.addresses,
      ).toEqual(['10.12.0.9/24']);
      expect((agent.mismatches as string[]).join()).toContain('10.12.0.1');

      await headroom.exec('r1', 'ip', 'address', 'add', '10.12.0.1/24', 'dev', 'eth1');
      await headroom.exec('r1', 'ip', 'address', 'del', '10.12.0.9/24', 'dev', 'eth1');
      await headroom.until(
        'r2 has the old previous hop again',
        15_000,
        async () => (await previousHop(5006)) === '10.12.0.1',
      );
      expect((await headroom.reaches(body.id as string, 'active')).state).toBe('active');
    }, 60_000);

    it('an interface that appears speaks RSVP, and one that disappears takes its state along', async () => {
      const interfaces = async (node: string): Promise<string[]> =>
        ((await headroom.call('GET', `/v1/agents/${node}`)).body.interfaces as { name: string }[]).map(
          ({ name }) => name,
        );
      await headroom.exec(
        'r1',
        'ip',
        'link',
        'add',
        'new0',
        'type',
        'veth',
        'peer',
        'name',
        'far0',
        'netns',
        headroom.namespace('r3'),
      );
      await headroom.exec('r1', 'ip', 'address', 'add', '10.77.0.1/24', 'dev', 'new0');
      await headroom.exec('r3', 'ip', 'address', 'add', '10.77.0.2/24', 'dev', 'far0');
      await headroom.exec('r3', 'ip', 'link', 'set', 'far0', 'up');
      await headroom.exec('r1', 'ip', 'link', 'set', 'new0', 'up');
      await headroom.until(
        'both agents have it',
        15_000,
        async () => (await interfaces('r1')).includes('new0') && (await interfaces('r3')).includes('far0'),
      );

      type Paths = { flow: { sourcePort: number }; incomingInterface: string; outgoingInterfaces: string[] }[];
      const path = async (node: string): Promise<Paths[number] | undefined> =>
        ((await headroom.rsvpState(node)).body.engine.paths as Paths).find(({ flow }) => flow.sourcePort === 7007);
      await headroom.exec('r1', 'ip', 'route', 'add', '10.2.0.0/24', 'via', '10.77.0.2', 'metric', '1');
      await sendAlong(headroom, [foreignPath(7007)]);
      await headroom.until(
        'PATH comes to r3 by far0',
        15_000,
        async () => (await path('r3'))?.incomingInterface === 'far0',
      );
      expect((await path('r1'))?.outgoingInterfaces).toEqual(['new0']);

      await headroom.exec('r1', 'ip', 'link', 'del', 'new0');
      await headroom.until(
        'PATH goes the old way',
        15_000,
        async () => (await path('r1'))?.outgoingInterfaces.join() === 'eth1',
      );
      await headroom.until(
        'PATH comes to r2 from r1',
        15_000,
        async () => (await path('r2'))?.incomingInterface === 'eth1',
      );
      await headroom.until(
        'both agents know that it is gone',
        15_000,
        async () => !(await interfaces('r1')).includes('new0') && !(await interfaces('r3')).includes('far0'),
      );
      const { body } = await headroom.book(5008, 5_000_000);
      await headroom.reaches(body.id as string, 'active');
    }, 90_000);
  },
);
