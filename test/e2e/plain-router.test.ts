import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_LAB } from '../../src/lab/default-lab.ts';
import { requires } from '../support/requires.ts';
import { Headroom } from './headroom.ts';

describe.skipIf(requires('root', 'ip', 'tc', 'nft'))('a router whose agent is stopped in order', () => {
  const headroom = new Headroom('kernel', {}, { options: (node) => (node === 'r2' ? ['--remove-on-exit'] : []) });
  beforeAll(() => headroom.start(), 60_000);
  afterAll(() => headroom.stop(), 30_000);

  const stopAgent = async (node: string): Promise<void> => {
    const agent = headroom.lab.agent(node)!;
    const ended = once(agent, 'exit');
    agent.kill('SIGTERM');
    await ended;
    await headroom.until(`the server knows that ${node} has no agent`, 15_000, async () => {
      return (await headroom.call('GET', `/v1/agents/${node}`)).body.state === 'silent';
    });
  };
  const reservation = async (id: string) => (await headroom.call('GET', `/v1/reservations/${id}`)).body;
  it('lets PATH pass as a plain router: the receiver sees the break bit, it is on the reservation, and it goes again', async () => {
    const { body: topology, headers } = await headroom.call('GET', '/v1/topology');
    expect(topology.nodes).toHaveLength(DEFAULT_LAB.nodes.length);
    const optional = {
      ...DEFAULT_LAB,
      nodes: DEFAULT_LAB.nodes.map((node) => (node.name === 'r2' ? { ...node, agent: 'optional' as const } : node)),
    };
    const stored = await headroom.call('PUT', '/v1/topology', optional, { 'if-match': headers.get('etag')! });
    expect(stored.status).toBe(200);

    const before = (await headroom.book(5004, 5_000_000)).body.id as string;
    await headroom.reaches(before, 'active');
    expect((await reservation(before)).paths[0]).toMatchObject({ nonRsvpHop: false });

    await stopAgent('r2');
    expect(await headroom.ruleset('r2')).not.toContain('headroom');
    expect(await headroom.classes('r2', 'eth0')).toEqual([]);
    await headroom.until(
      'the break is on the reservation',
      20_000,
      async () => (await reservation(before)).paths[0].nonRsvpHop === true,
    );
    expect((await reservation(before)).state).toBe('active');

    // One that is made while r2 is a plain router.
    const meanwhile = (await headroom.book(5005, 5_000_000)).body.id as string;
    await headroom.reaches(meanwhile, 'active');
    await headroom.until(
      'it is on the new one, too',
      20_000,
      async () => (await reservation(meanwhile)).paths[0].nonRsvpHop === true,
    );
    const receiver = (await headroom.rsvpState('host-b')).body.engine.paths as {
      flow: { destinationPort: number };
      previousHop: string;
      adspec: { general: { breakBit: boolean } };
    }[];
    for (const port of [5004, 5005]) {
      expect(receiver.find(({ flow }) => flow.destinationPort === port)).toMatchObject({
        previousHop: '10.12.0.1',
        adspec: { general: { breakBit: true } },
      });
    }
    expect((await headroom.classes('r1', 'eth1')).length).toBe(2);

    headroom.lab.startAgent('r2');
    await headroom.agentsConnected();
    for (const id of [before, meanwhile]) {
      await headroom.until(
        'the break is gone',
        20_000,
        async () => (await reservation(id)).paths[0].nonRsvpHop === false,
      );
      await headroom.reaches(id, 'active');
      const seen = await headroom.eventsOf(
        id,
        ({ type, reservation: { paths } }) => type === 'reservation.nonRsvpHop' && !paths[0]!.nonRsvpHop,
      );
      expect(seen.filter(({ type }) => type === 'reservation.nonRsvpHop')).toHaveLength(2);
    }
    expect((await headroom.classes('r2', 'eth0')).length).toBe(2);
  }, 120_000);
});
