import { describe, expect, test } from 'vitest';
import { EpochMs, Millis } from '../../../../src/core/base/units.ts';
import { MemoryCommitter } from '../../../support/memory-committer.ts';
import { heardOut, hello, labReservation, openChannel, topology, interfacesOf } from './channel-fixture.ts';

const silentNodes = (channel: Awaited<ReturnType<typeof openChannel>>): string[] =>
  [...channel.registry.unreachable().keys()].sort();

describe('who is unreachable', () => {
  test('an agent that never came, at once; one that was heard, exactly after 30 s', async () => {
    const channel = await openChannel();
    expect(silentNodes(channel)).toEqual(['host-a', 'host-b', 'r1', 'r2', 'r3']);
    expect(channel.registry.unreachable().get('r1')).toBeNull();
    const r1 = await channel.agent('r1');
    expect(silentNodes(channel)).not.toContain('r1');
    r1.close();
    await expect.poll(() => channel.registry.connected('r1')).toBe(false);
    channel.clock.ms = 29_999;
    expect(silentNodes(channel)).not.toContain('r1');
    expect(channel.registry.get('r1').state).toBe('silent');
    channel.clock.ms = 30_000;
    expect(channel.registry.unreachable().get('r1')).toBe(EpochMs(100_000));
  });

  test('an open stream without a message counts as silence, any message ends it', async () => {
    const channel = await openChannel();
    const r1 = await channel.agent('r1');
    channel.clock.ms = 30_000;
    expect(silentNodes(channel)).toContain('r1');
    expect(channel.registry.get('r1').state).toBe('silent');
    channel.committer.now = 130_000;
    r1.say({ case: 'heartbeat', value: { memoryBytes: 50_000_000n } });
    await heardOut(channel, r1);
    expect(silentNodes(channel)).not.toContain('r1');
    expect(channel.registry.get('r1')).toMatchObject({
      state: 'connected',
      memoryBytes: 50_000_000,
      lastSeenAt: 130_000,
    });
    channel.clock.ms = 59_999;
    expect(silentNodes(channel)).not.toContain('r1');
    channel.clock.ms = 60_000;
    expect(silentNodes(channel)).toContain('r1');
  });

  test('after a restart of the server, agents that held something have 30 s to come back', async () => {
    const committer = new MemoryCommitter(topology(), 'epoch-1', [labReservation(1)]);
    const channel = await openChannel({ committer });
    expect(silentNodes(channel)).toEqual(['r3']);
    channel.clock.ms = 30_000;
    expect(silentNodes(channel)).toEqual(['host-a', 'host-b', 'r1', 'r2', 'r3']);
  });

  test('optional agents and nodes without one are never missing', async () => {
    const committer = new MemoryCommitter(
      topology((lab) => ({
        ...lab,
        nodes: lab.nodes.map((node, i) => ({ ...node, agent: i % 2 === 0 ? 'optional' : 'none' })),
      })),
    );
    const channel = await openChannel({ committer });
    expect(silentNodes(channel)).toEqual([]);
    committer.putTopology(topology());
    expect(silentNodes(channel)).toHaveLength(5);
  });
});

describe('what agents report', () => {
  test('is compared with the topology, a sentence each', async () => {
    const channel = await openChannel();
    const r1 = await channel.agent('r1', {
      interfaces: [
        { name: 'eth0', addresses: ['10.1.0.1/16'], mtuBytes: 1400, up: true },
        {
          name: 'eth1',
          addresses: ['10.9.9.9/24', '10.2.0.2/24', 'nonsense'],
          mtuBytes: 1500,
          up: false,
          speedBitsPerSecond: 10_000_000n,
        },
      ],
      routes: [],
    });
    expect(channel.registry.get('r1').mismatches).toEqual([
      'interface eth1 was reported with an address that is none: "nonsense" is not an address with a prefix length',
      'eth0 has the address 10.1.0.1/16, the topology says 10.1.0.1/24',
      'eth0 has an MTU of 1400 bytes, the topology says 1500',
      'eth1 is down',
      'eth1 does not have the address 10.12.0.1/24; it has 10.9.9.9/24, 10.2.0.2/24',
      'link r1:eth1 has a capacity of 100000000 bit/s, eth1 runs at 10000000 bit/s',
      'eth2 is not on the host',
      'eth1 has the address 10.2.0.2, which the topology gives to host-b:eth0',
      'the host reports no routes',
    ]);
    r1.say({ case: 'interfaces', value: { interfaces: hello('r1').interfaces! } });
    r1.say({
      case: 'routes',
      value: { routes: [{ destination: '10.2.0.0/24', interface: 'eth1', gateway: '10.12.0.2' }] },
    });
    await heardOut(channel, r1);
    expect(channel.registry.get('r1').mismatches).toEqual([]);
    expect(channel.registry.routes().get('r1')).toEqual([
      { destination: { address: '10.2.0.0', length: 24 }, interface: 'eth1', gateway: '10.12.0.2', metric: 0 },
    ]);
  });

  test('a network as the lab has it agrees with itself', async () => {
    const channel = await openChannel();
    await channel.agent('r1');
    expect(channel.registry.get('r1')).toMatchObject({
      state: 'connected',
      mismatches: [],
      features: { enforces: true, rsvpTransport: 'raw', refreshPeriodMs: 1000 },
    });
    expect(channel.registry.enforces('r1')).toBe(true);
    expect(channel.registry.enforces('r2')).toBe(false);
    expect(channel.registry.list().map((each) => [each.id, each.state])).toEqual([
      ['host-a', 'never'],
      ['host-b', 'never'],
      ['r1', 'connected'],
      ['r2', 'never'],
      ['r3', 'never'],
    ]);
    expect(() => channel.registry.get('r9')).toThrow('no node is called "r9"');
  });
});

test('what admission needs of steering is what the agent says last', async () => {
  const channel = await openChannel();
  const steers = { steers: true, rsvpTransport: 'raw' };
  const strict = interfacesOf('r1').map((each) => ({ ...each, rpFilter: each.name === 'eth1' ? 1 : 2 }));
  const r1 = await channel.agent('r1', { features: steers, interfaces: strict });
  await channel.agent('r2', { features: { steeringProblem: 'no nft' } });
  expect(channel.registry.steering().get('r1')).toEqual({ missing: null, strictInterfaces: new Set(['eth1']) });
  expect(channel.registry.steering().get('r2')).toEqual({ missing: 'no nft', strictInterfaces: new Set() });
  expect(channel.registry.steering().has('r3')).toBe(false);
  expect(channel.registry.get('r1').interfaces.map(({ rpFilter }) => rpFilter)).toEqual([2, 1, 2]);
  r1.say({ case: 'interfaces', value: { interfaces: interfacesOf('r1') } });
  await heardOut(channel, r1);
  expect(channel.registry.steering().get('r1')?.strictInterfaces).toEqual(new Set());
  // It steers on while nobody hears it; whether it can be asked for more is told by its silence.
  r1.close();
  await channel.agent('r2');
  expect(channel.registry.steering().get('r1')?.missing).toBeNull();
});

describe('an agent’s own snapshot', () => {
  test('is asked over its stream', async () => {
    const channel = await openChannel();
    const r1 = await channel.agent('r1');
    const snapshot = channel.registry.rsvp('r1');
    await r1.until(() => r1.received.some(({ message }) => message.case === 'rsvpState'));
    const { message } = r1.received.at(-1)!;
    if (message.case !== 'rsvpState') throw new Error('no question came');
    r1.say({ case: 'rsvpState', value: { queryId: message.value.queryId, json: '{"paths":[]}' } });
    expect(await snapshot).toEqual({ paths: [] });
  });

  test('is unavailable where there is no stream, no answer, no JSON or the stream ends', async () => {
    const channel = await openChannel({ settings: { rsvpQueryTimeoutMs: Millis(20) } });
    const unavailable = (detail: RegExp): unknown =>
      expect.objectContaining({ code: 'UNAVAILABLE', message: expect.stringMatching(detail) as string });
    await expect(channel.registry.rsvp('r1')).rejects.toEqual(unavailable(/not connected/));
    await expect(channel.registry.rsvp('r9')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    const r1 = await channel.agent('r1');
    await expect(channel.registry.rsvp('r1')).rejects.toEqual(unavailable(/did not answer within 20 ms/));
    const patient = await openChannel();
    const r2 = await patient.agent('r2');
    const garbled = patient.registry.rsvp('r2');
    r2.say({ case: 'rsvpState', value: { queryId: 1n, json: '{' } });
    await expect(garbled).rejects.toEqual(unavailable(/not JSON/));
    const cut = patient.registry.rsvp('r2');
    r2.close();
    await expect(cut).rejects.toEqual(unavailable(/disconnected/));
    r1.close();
  });
});
