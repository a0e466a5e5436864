import { expect, test } from 'vitest';
import { pathTerms } from '../../../../src/core/admission/judge-path.ts';
import { BitsPerSecond } from '../../../../src/core/base/units.ts';
import { deviation } from '../../../../src/core/reservation/deviation.ts';
import type { Reservation } from '../../../../src/core/reservation/reservation.ts';
import { sendersOf } from '../../../../src/core/reservation/senders.ts';
import { AssignmentState } from '../../../../src/gen/headroom/v1/agent_channel_pb.ts';
import { MemoryCommitter } from '../../../support/memory-committer.ts';
import type { ScriptedAgent } from '../../../support/scripted-agent.ts';
import { happened, heardOut, labReservation, openChannel, topology, type Channel } from './channel-fixture.ts';

const { INSTALLED, CONFIRMED, FAILED, REMOVED, LOST, PATH } = AssignmentState;
const NODES = ['host-a', 'r1', 'r3', 'r2', 'host-b'];
const WAY: Record<string, { interface: string; nextHop: string }> = {
  'host-a': { interface: 'eth0', nextHop: '10.1.0.1' },
  r1: { interface: 'eth1', nextHop: '10.12.0.2' },
  r2: { interface: 'eth0', nextHop: '10.2.0.2' },
  r3: { interface: 'eth1', nextHop: '10.23.0.2' },
};
const FROM_A = { address: '10.1.0.2', port: 5004 };
const FROM_R3 = { address: '10.13.0.3', port: 5004 };

/** From host-a over r1 and r2, and from r3 over r2, to host-b. */
function shared(more: Partial<Reservation> = {}): Reservation {
  const base = labReservation(1);
  const hop = (node: string, name: string, bits = 1_000_000) => ({
    ...{ node, interface: name, link: `${node}:${name}` },
    bookedBitsPerSecond: BitsPerSecond(bits),
  });
  return {
    ...base,
    style: 'sharedExplicit',
    moreSenders: [
      {
        source: FROM_R3 as Reservation['flow']['source'],
        path: { ...base.path, nodes: ['r3', 'r2', 'host-b'], hops: [hop('r3', 'eth1'), hop('r2', 'eth0')] },
        actualHops: [],
        nonRsvpHop: false,
        adspecDeviation: null,
      },
    ],
    ...more,
  };
}
const { id } = shared();

type Agents = Record<string, ScriptedAgent>;

async function booked(reservation = shared()): Promise<{ channel: Channel; agents: Agents }> {
  const channel = await openChannel();
  const agents: Agents = {};
  for (const node of NODES) agents[node] = await channel.agent(node);
  channel.committer.book(reservation);
  await Promise.all(Object.values(agents).map((agent) => agent.until(() => agent.held.has(id))));
  return { channel, agents };
}

const say = (agents: Agents, node: string, state: AssignmentState, source: typeof FROM_A | null, more = {}): void =>
  agents[node]!.report(id, state, { ...WAY[node], ...(source ? { source } : {}), ...more });
const heard = (channel: Channel, agents: Agents) =>
  Promise.all(Object.values(agents).map((agent) => heardOut(channel, agent)));
const stored = (channel: Channel): Reservation => channel.committer.books.get(id)!;

/** Every node has installed every sender that passes it. Hosts of one sender need not say which. */
function install(agents: Agents): void {
  for (const node of ['host-a', 'r1']) say(agents, node, INSTALLED, null);
  say(agents, 'r3', INSTALLED, FROM_R3);
  for (const source of [FROM_A, FROM_R3]) say(agents, 'r2', INSTALLED, source);
}

async function active(reservation = shared()): Promise<{ channel: Channel; agents: Agents }> {
  const { channel, agents } = await booked(reservation);
  install(agents);
  await happened(channel.committer, 'hopsInstalled active');
  return { channel, agents };
}

test.each([
  ['sharedExplicit', 1_000_000n],
  ['fixedFilter', 2_000_000n],
] as const)(
  'in style %s each node is told the senders that pass it, once, and what it holds',
  async (style, together) => {
    const { agents } = await booked(shared({ style }));
    const told = (node: string) => {
      const [assignment, ...more] = agents[node]!.updates.flatMap(({ upserts }) => upserts);
      expect(more).toEqual([]);
      const { flow, ownSources, isSender, isReceiver, bookedBitsPerSecond, style: its } = assignment!;
      const ends = flow!.source ? [flow!.source] : flow!.sources;
      return [ends.map(({ address }) => address), ownSources, isSender, isReceiver, bookedBitsPerSecond, its];
    };
    const [a, r3] = [FROM_A.address, FROM_R3.address];
    const alone = style === 'fixedFilter' ? '' : style;
    expect(told('host-a')).toEqual([[a], [], true, false, 1_000_000n, alone]);
    expect(told('r1')).toEqual([[a], [], false, false, 1_000_000n, alone]);
    expect(told('r3')).toEqual([[r3], [], true, false, 1_000_000n, alone]);
    expect(told('r2')).toEqual([[a, r3], [], false, false, together, style]);
    expect(told('host-b')).toEqual([[a, r3], [], false, true, 0n, style]);
  },
);

test('active when every node has installed every sender that passes it; confirmed when all of them are', async () => {
  const { channel, agents } = await booked();
  for (const node of ['host-a', 'r1']) say(agents, node, INSTALLED, null);
  say(agents, 'r3', INSTALLED, FROM_R3);
  say(agents, 'r2', INSTALLED, FROM_A);
  say(agents, 'r2', PATH, FROM_R3);
  await heard(channel, agents);
  expect(stored(channel).state).toBe('establishing');
  expect(channel.registry.hops.waitingFor(stored(channel))).toBe(
    'r2 has seen PATH for 10.13.0.3:5004 but has not installed it',
  );
  say(agents, 'r2', INSTALLED, FROM_R3);
  await happened(channel.committer, 'hopsInstalled active');
  say(agents, 'host-b', CONFIRMED, FROM_A);
  await heard(channel, agents);
  expect(stored(channel).confirmedAt).toBeNull();
  say(agents, 'host-b', CONFIRMED, FROM_R3);
  await happened(channel.committer, 'confirmed active');
  expect(sendersOf(stored(channel)).map(({ actualHops }) => actualHops.map((hop) => hop.link))).toEqual([
    ['host-a:eth0', 'r1:eth1', 'r2:eth0'],
    ['r3:eth1', 'r2:eth0'],
  ]);
});

test('a sender of nobody changes nothing', async () => {
  const { channel, agents } = await active();
  say(agents, 'r2', LOST, { address: '10.13.0.3', port: 9 });
  say(agents, 'r1', LOST, FROM_R3);
  await heard(channel, agents);
  expect(stored(channel).state).toBe('active');
});

test('one sender that fails fails the reservation, and is named', async () => {
  const { channel, agents } = await booked();
  say(agents, 'r2', FAILED, FROM_R3, {
    failure: { errorCode: 1, errorValue: 2, errorNode: '10.23.0.2', detail: 'no class left' },
  });
  await happened(channel.committer, 'signallingFailed releasing');
  expect(stored(channel)).toMatchObject({
    endReason: 'failed',
    failure: {
      errorNode: 'r2',
      detail: 'r2 refused the reservation for 10.13.0.3:5004 (admission control failure, 1/2): no class left',
    },
  });
});

test('degraded while one sender is lost somewhere, with its name; active again when it is back', async () => {
  const { channel, agents } = await active();
  say(agents, 'r2', LOST, FROM_R3, { failure: { errorCode: 0, errorValue: 0, errorNode: '', detail: 'timed out' } });
  await happened(channel.committer, 'hopLost degraded');
  expect(stored(channel).stateReason).toBe('r2 has lost it for 10.13.0.3:5004 (timed out)');
  say(agents, 'r2', INSTALLED, FROM_A);
  await heard(channel, agents);
  expect(stored(channel).state).toBe('degraded');
  say(agents, 'r2', INSTALLED, FROM_R3);
  await heard(channel, agents);
  expect(stored(channel).state).toBe('active');
});

test('what it is degraded for follows when that is over and something else is still lost', async () => {
  const { channel, agents } = await active();
  const reason = (): string | null => stored(channel).stateReason;
  const lost = (detail: string) => ({ failure: { errorCode: 0, errorValue: 0, errorNode: '', detail } });
  say(agents, 'r3', LOST, FROM_R3, lost('interface'));
  await happened(channel.committer, 'hopLost degraded');
  expect(reason()).toBe('r3 has lost it for 10.13.0.3:5004 (interface)');
  // Nearer to the first sender, but not what it began with.
  say(agents, 'r1', LOST, FROM_A, lost('timed out'));
  await heard(channel, agents);
  expect(reason()).toBe('r3 has lost it for 10.13.0.3:5004 (interface)');
  say(agents, 'r3', INSTALLED, FROM_R3);
  await heard(channel, agents);
  expect([stored(channel).state, reason()]).toEqual(['degraded', 'r1 has lost it for 10.1.0.2:5004 (timed out)']);
  expect(channel.committer.history.filter((line) => line === 'hopLost degraded')).toHaveLength(2);
});

test('wire and books are compared for each sender', async () => {
  const { channel, agents } = await booked();
  say(agents, 'r1', PATH, null, { interface: 'eth2', nextHop: '10.13.0.3' });
  await happened(channel.committer, 'pathObserved establishing');
  say(agents, 'host-b', PATH, FROM_R3, { recordedRoute: ['10.2.0.1', '10.12.0.1', '10.23.0.3'], nonRsvpHop: true });
  await heard(channel, agents);
  expect(sendersOf(stored(channel)).map(deviation)).toEqual([
    'r1 sends over r1:eth2 instead of r1:eth1',
    'r1 has passed it on, which is not on its path',
  ]);
  say(agents, 'r1', INSTALLED, null);
  say(agents, 'host-a', INSTALLED, null);
  say(agents, 'r3', INSTALLED, FROM_R3);
  for (const source of [FROM_A, FROM_R3]) say(agents, 'r2', INSTALLED, source);
  await happened(channel.committer, 'hopsInstalled active');
  await heard(channel, agents);
  expect(sendersOf(stored(channel)).map(({ nonRsvpHop }) => nonRsvpHop)).toEqual([false, true]);
});

test('ended when every node on any path has removed it; one word a node is enough', async () => {
  const { channel, agents } = await active();
  await channel.committer.transition(id, { type: 'releaseRequested', inOrder: true });
  for (const node of NODES) await agents[node]!.until(() => !agents[node]!.held.has(id));
  for (const node of ['host-a', 'r1', 'r2', 'host-b']) agents[node]!.report(id, REMOVED);
  await heard(channel, agents);
  expect(stored(channel).state).toBe('releasing');
  agents['r3']!.report(id, REMOVED);
  await happened(channel.committer, 'removed ended');
});

test('an agent that comes back with it has it for all senders, one without it for none', async () => {
  const { channel, agents } = await active();
  const revision = agents['r2']!.held.get(id)!;
  agents['r2']!.close();
  const held = [{ reservationId: id, revision, state: INSTALLED }];
  const again = await channel.agent('r2', { held });
  await heardOut(channel, again);
  expect(stored(channel).state).toBe('active');
  again.close();
  const empty = await channel.agent('r2');
  await heardOut(channel, empty);
  expect(stored(channel)).toMatchObject({
    state: 'degraded',
    stateReason: 'r2 has lost it for 10.1.0.2:5004 (its agent came back without it)',
  });
});

test('a server that starts again takes up what it had told the agents', async () => {
  const before = { ...shared(), state: 'active' as const };
  const channel = await openChannel({ committer: new MemoryCommitter(topology(), 'epoch-1', [before]) });
  const agents: Agents = {};
  for (const node of NODES) agents[node] = await channel.agent(node);
  await Promise.all(Object.values(agents).map((agent) => agent.until(() => agent.held.has(id))));
  install(agents);
  await heard(channel, agents);
  expect(stored(channel).state).toBe('active');
});

test('what ADSPEC of one sender says is compared with its own path', async () => {
  const { channel, agents } = await active();
  const links = topology().links.filter(({ id: link }) => ['r3:eth1', 'r2:eth0'].includes(link));
  const { maxPacketBytes } = shared().qos;
  const { errors, propagationMicros } = pathTerms(links, { maxPacketBytes });
  const advertised = {
    ...{ minLatencyMicros: propagationMicros, pathMtuBytes: 1500 },
    ...{ cTotalBytes: errors.rateDependent, dTotalMicros: errors.rateIndependent },
  };
  say(agents, 'host-b', INSTALLED, FROM_R3, { advertised });
  await heard(channel, agents);
  expect(sendersOf(stored(channel)).map((each) => each.adspecDeviation)).toEqual([null, null]);
  say(agents, 'host-b', INSTALLED, FROM_A, { advertised });
  await happened(channel.committer, 'adspecObserved active');
  expect(sendersOf(stored(channel)).map((each) => each.adspecDeviation)).toEqual([
    expect.stringMatching(/^ADSPEC and books differ: .* C 6028 bytes instead of 9042/),
    null,
  ]);
});
