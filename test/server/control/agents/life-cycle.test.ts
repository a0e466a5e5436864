import { describe, expect, test } from 'vitest';
import { pathTerms } from '../../../../src/core/admission/judge-path.ts';
import { EpochMs, Millis } from '../../../../src/core/base/units.ts';
import { assignmentFor } from '../../../../src/core/reservation/assignment.ts';
import { deviation } from '../../../../src/core/reservation/deviation.ts';
import { AssignmentState } from '../../../../src/gen/headroom/v1/agent_channel_pb.ts';
import { MemoryCommitter } from '../../../support/memory-committer.ts';
import type { ScriptedAgent } from '../../../support/scripted-agent.ts';
import { happened, heardOut, labReservation, openChannel, PATH, topology, type Channel } from './channel-fixture.ts';

const { INSTALLED, CONFIRMED, FAILED, REMOVED, LOST, PATH: PATH_STATE, PENDING } = AssignmentState;
const id = labReservation(1).id;
const INTERFACE: Record<string, string> = { 'host-a': 'eth0', r1: 'eth1', r2: 'eth0' };
const NEXT_HOP: Record<string, string> = { 'host-a': '10.1.0.1', r1: '10.12.0.2', r2: '10.2.0.2' };

type Agents = Record<string, ScriptedAgent>;

async function withAgents(channel: Channel, nodes: readonly string[] = PATH): Promise<Agents> {
  const agents: Agents = {};
  for (const node of nodes) agents[node] = await channel.agent(node);
  return agents;
}

async function booked(channel: Channel, agents: Agents): Promise<void> {
  channel.committer.book(labReservation(1));
  await Promise.all(Object.values(agents).map((agent) => agent.until(() => agent.held.has(id))));
}

const install = (agents: Agents, ...nodes: readonly string[]): void => {
  for (const node of nodes) {
    agents[node]!.report(id, INSTALLED, { interface: INTERFACE[node] ?? '', nextHop: NEXT_HOP[node] ?? '' });
  }
};

async function active(channel: Channel): Promise<Agents> {
  const agents = await withAgents(channel);
  await booked(channel, agents);
  install(agents, 'host-a', 'r1', 'r2');
  await happened(channel.committer, 'hopsInstalled active');
  return agents;
}

const stateOf = (channel: Channel) => channel.committer.books.get(id)?.state;

test('active when the last hop has installed it, not before; then confirmed, with the way that PATH took', async () => {
  const channel = await openChannel();
  const agents = await withAgents(channel);
  await booked(channel, agents);
  agents['host-b']!.report(id, INSTALLED, { previousHop: '10.2.0.1' });
  install(agents, 'host-a', 'r2');
  await Promise.all(['host-a', 'r2', 'host-b'].map((node) => heardOut(channel, agents[node]!)));
  expect(stateOf(channel)).toBe('establishing');
  install(agents, 'r1');
  await happened(channel.committer, 'hopsInstalled active');
  agents['host-b']!.report(id, CONFIRMED);
  await happened(channel.committer, 'confirmed active');
  await happened(channel.committer, 'pathObserved active');
  const stored = channel.committer.books.get(id)!;
  expect(stored.actualHops).toEqual(
    stored.path.hops.map(({ node, interface: name, link }) => ({ node, interface: name, link })),
  );
  install(agents, 'host-a', 'r1', 'r2');
  await Promise.all(Object.values(agents).map((agent) => heardOut(channel, agent)));
  expect(channel.committer.history).toHaveLength(3);
});

test('a way that is not the admitted one is recorded before what follows from it', async () => {
  const channel = await openChannel();
  const agents = await withAgents(channel);
  await booked(channel, agents);
  install(agents, 'host-a', 'r2');
  agents['r1']!.report(id, INSTALLED, { interface: 'eth2', nextHop: '10.13.0.3' });
  await happened(channel.committer, 'hopsInstalled active');
  expect(channel.committer.history).toEqual(['pathObserved establishing', 'hopsInstalled active']);
  expect(channel.committer.books.get(id)!.actualHops.map((hop) => hop.link)).toEqual([
    'host-a:eth0',
    'r1:eth2',
    'r2:eth0',
  ]);
});

test('one node that sends PATH another way is enough to say so, whatever the others have told', async () => {
  const channel = await openChannel();
  const agents = await withAgents(channel);
  await booked(channel, agents);
  agents['r1']!.report(id, PATH_STATE, { interface: 'eth2', nextHop: '10.13.0.3' });
  await happened(channel.committer, 'pathObserved establishing');
  const stored = channel.committer.books.get(id)!;
  expect(stored.actualHops.map((hop) => hop.link)).toEqual(['r1:eth2']);
  expect(deviation(stored)).toBe('r1 sends over r1:eth2 instead of r1:eth1');
});

test('what RECORD_ROUTE has collected tells of nodes that are silent, and of one that is not on the path', async () => {
  const channel = await openChannel();
  const agents = await withAgents(channel);
  await booked(channel, agents);
  install(agents, 'host-a', 'r2');
  agents['host-b']!.report(id, INSTALLED, {
    previousHop: '10.2.0.1',
    recordedRoute: ['10.2.0.1', '10.12.0.1', '10.1.0.2'],
  });
  await happened(channel.committer, 'pathObserved establishing');
  expect(channel.committer.books.get(id)!.actualHops.map((hop) => hop.link)).toEqual([
    'host-a:eth0',
    'r1:eth1',
    'r2:eth0',
  ]);
  expect(deviation(channel.committer.books.get(id)!)).toBeNull();
  agents['host-b']!.report(id, CONFIRMED, { recordedRoute: ['10.2.0.1', '10.23.0.3', '10.12.0.1', '10.1.0.2'] });
  await happened(channel.committer, 'confirmed establishing');
  expect(deviation(channel.committer.books.get(id)!)).toBe('r3 has passed it on, which is not on its path');
});

test('a refusal on the way ends it, with the node named for the address that RSVP gave', async () => {
  const channel = await openChannel();
  const agents = await withAgents(channel);
  await booked(channel, agents);
  agents['host-b']!.report(id, FAILED, {
    failure: { errorCode: 1, errorValue: 2, errorNode: '10.12.0.2', detail: 'no class left on eth0' },
  });
  await happened(channel.committer, 'signallingFailed releasing');
  expect(channel.committer.books.get(id)).toMatchObject({
    endReason: 'failed',
    stateReason: 'r2 refused the reservation (admission control failure, 1/2): no class left on eth0',
    failure: { errorCode: 1, errorValue: 2, errorNode: 'r2' },
  });
});

test('a refusal by a node that is not on the path decides nothing, and where hops are lost it is degraded', async () => {
  const channel = await openChannel();
  const agents = await active(channel);
  const refused = { errorCode: 1, errorValue: 2, errorNode: '10.13.0.3', detail: 'RSVP refused the reservation' };
  agents['host-b']!.report(id, FAILED, { failure: refused });
  await heardOut(channel, agents['host-b']!);
  expect(stateOf(channel)).toBe('active');
  agents['r1']!.report(id, LOST, { failure: { detail: 'reservation state: interface' } });
  await happened(channel.committer, 'hopLost degraded');
  agents['host-b']!.report(id, FAILED, { failure: refused });
  await heardOut(channel, agents['host-b']!);
  expect(stateOf(channel)).toBe('degraded');
  install(agents, 'r1');
  await happened(channel.committer, 'hopsInstalled active');
});

test('a refusal of what is in force, by a node on its path, degrades it while there is hope', async () => {
  const channel = await openChannel();
  const agents = await active(channel);
  agents['r1']!.report(id, FAILED, { failure: { errorCode: 22, errorNode: 'r1', detail: 'no such device' } });
  await happened(channel.committer, 'hopLost degraded');
  expect(channel.committer.books.get(id)!.stateReason).toBe(
    'r1 refused the reservation (traffic control system error, 22/0): no such device',
  );
  install(agents, 'r1');
  await happened(channel.committer, 'hopsInstalled active');
});

test("an error from elsewhere ends nothing that stands: one message may be anybody's", async () => {
  const channel = await openChannel();
  const agents = await active(channel);
  channel.committer.history.length = 0;
  agents['host-b']!.report(id, FAILED, {
    failure: { errorCode: 21, errorValue: 0, errorNode: '10.12.0.2', detail: 'RSVP refused the reservation' },
  });
  await Promise.all(Object.values(agents).map((agent) => heardOut(channel, agent)));
  expect(channel.committer.history.filter((step) => /Failed|Lost/.test(step))).toEqual([]);
  expect(channel.committer.books.get(id)!.state).toBe('active');
  // A node's own refusal is another thing.
  agents['r2']!.report(id, FAILED, {
    failure: { errorCode: 22, errorValue: 0, errorNode: 'r2', detail: 'no class left' },
  });
  await happened(channel.committer, 'hopLost degraded');
});

test('a lost hop degrades it until the hop is back', async () => {
  const channel = await openChannel();
  const agents = await active(channel);
  agents['r2']!.report(id, LOST, { failure: { detail: 'path state: timeout' } });
  await happened(channel.committer, 'hopLost degraded');
  expect(channel.committer.books.get(id)!.stateReason).toBe('r2 has lost it (path state: timeout)');
  channel.committer.history.length = 0;
  install(agents, 'r2');
  await happened(channel.committer, 'hopsInstalled active');
});

test('a receiver that has lost it keeps it degraded, although every other hop has it', async () => {
  const channel = await openChannel();
  const agents = await active(channel);
  await happened(channel.committer, 'pathObserved active');
  channel.committer.history.length = 0;
  agents['host-b']!.report(id, LOST);
  await happened(channel.committer, 'hopLost degraded');
  install(agents, 'host-a', 'r1', 'r2');
  await Promise.all(Object.values(agents).map((agent) => heardOut(channel, agent)));
  expect(channel.committer.history).toEqual(['hopLost degraded']);
  agents['host-b']!.report(id, INSTALLED);
  await happened(channel.committer, 'hopsInstalled active');
});

test('what ends with its window was not lost', async () => {
  const channel = await openChannel();
  const agents = await withAgents(channel);
  channel.committer.book({ ...labReservation(1), window: { start: EpochMs(100_000), end: EpochMs(200_000) } });
  await Promise.all(Object.values(agents).map((agent) => agent.until(() => agent.held.has(id))));
  install(agents, 'host-a', 'r1', 'r2');
  await happened(channel.committer, 'pathObserved active');
  channel.committer.now = 199_500;
  agents['r1']!.report(id, LOST);
  await heardOut(channel, agents['r1']!);
  expect(stateOf(channel)).toBe('active');
});

test('a release ends when every node has removed it', async () => {
  const channel = await openChannel();
  const agents = await active(channel);
  await channel.committer.transition(id, { type: 'releaseRequested', inOrder: true });
  await Promise.all(Object.values(agents).map((agent) => agent.until(() => !agent.held.has(id))));
  for (const node of ['host-a', 'r1', 'host-b']) agents[node]!.report(id, REMOVED);
  // LOST of a neighbour's tear, on the way when the removal came.
  agents['r2']!.report(id, LOST);
  await Promise.all(Object.values(agents).map((agent) => heardOut(channel, agent)));
  expect(stateOf(channel)).toBe('releasing');
  agents['r2']!.report(id, REMOVED);
  await happened(channel.committer, 'removed ended');
});

test('an agent that was away when it was released says so with what it holds', async () => {
  const channel = await openChannel();
  const agents = await active(channel);
  agents['r1']!.close();
  await expect.poll(() => channel.registry.connected('r1')).toBe(false);
  await channel.committer.transition(id, { type: 'releaseRequested', inOrder: false });
  for (const node of ['host-a', 'r2', 'host-b']) {
    await agents[node]!.until(() => !agents[node]!.held.has(id));
    agents[node]!.report(id, REMOVED);
    await heardOut(channel, agents[node]!);
  }
  expect(stateOf(channel)).toBe('releasing');
  await channel.agent('r1', { generation: { epoch: 'epoch-1', counter: 1n }, held: [] });
  await happened(channel.committer, 'removed ended');
});

test('reports of an assignment that was replaced are of no account', async () => {
  const channel = await openChannel();
  const agents = await withAgents(channel);
  await booked(channel, agents);
  install(agents, 'host-a', 'r1');
  agents['r2']!.report(id, INSTALLED, { revision: 1n, interface: 'eth0' });
  agents['r2']!.report(id, FAILED, { revision: 1n });
  await Promise.all(Object.values(agents).map((agent) => heardOut(channel, agent)));
  expect(stateOf(channel)).toBe('establishing');
});

test('a report that could not be booked is booked when the database is back', async () => {
  const channel = await openChannel();
  const agents = await withAgents(channel);
  await booked(channel, agents);
  channel.committer.failing = true;
  install(agents, 'host-a', 'r1', 'r2');
  await Promise.all(Object.values(agents).map((agent) => heardOut(channel, agent)));
  expect(stateOf(channel)).toBe('establishing');
  channel.committer.failing = false;
  await happened(channel.committer, 'hopsInstalled active');
});

describe('comparison', () => {
  const heldBy = (node: string, state: AssignmentState) => ({
    generation: { epoch: 'epoch-1', counter: 7n },
    held: [{ reservationId: id, revision: BigInt(assignmentFor(labReservation(1), node)!.revision), state }],
  });

  test('a restarted server learns from what agents hold that everything is installed', async () => {
    const committer = new MemoryCommitter(topology(), 'epoch-1', [labReservation(1)]);
    const channel = await openChannel({ committer });
    for (const node of PATH) await channel.agent(node, heldBy(node, node === 'host-b' ? CONFIRMED : INSTALLED));
    await happened(committer, 'hopsInstalled active');
    await happened(committer, 'confirmed active');
  });

  test('an agent that restarts with its journal leaves the reservation active', async () => {
    const channel = await openChannel();
    const agents = await active(channel);
    agents['r1']!.close();
    const again = await channel.agent('r1', heldBy('r1', PENDING));
    again.report(id, PATH_STATE);
    await heardOut(channel, again);
    expect(stateOf(channel)).toBe('active');
    expect(channel.committer.history).not.toContain('hopLost degraded');
  });

  test('one that comes back with nothing has lost it until it has installed it again', async () => {
    const channel = await openChannel();
    const agents = await active(channel);
    agents['r1']!.close();
    const again = await channel.agent('r1');
    await happened(channel.committer, 'hopLost degraded');
    await again.until(() => again.held.has(id));
    channel.committer.history.length = 0;
    install({ r1: again }, 'r1');
    await happened(channel.committer, 'hopsInstalled active');
  });
});

describe('nodes without an agent', () => {
  const mode = (node: string, agent: 'optional' | 'none') =>
    topology((lab) => ({ ...lab, nodes: lab.nodes.map((each) => (each.name === node ? { ...each, agent } : each)) }));

  test('an optional agent that is not there does not block, one that goes neither', async () => {
    const channel = await openChannel({ committer: new MemoryCommitter(mode('r1', 'optional')) });
    const agents = await withAgents(channel);
    await booked(channel, agents);
    install(agents, 'host-a', 'r2');
    await Promise.all(Object.values(agents).map((agent) => heardOut(channel, agent)));
    expect(stateOf(channel)).toBe('establishing');
    agents['r1']!.close();
    await happened(channel.committer, 'hopsInstalled active');
  });

  test('a node without an agent never blocks, and its agent is given nothing', async () => {
    const channel = await openChannel({ committer: new MemoryCommitter(mode('r1', 'none')) });
    const stray = await channel.agent('r1');
    const agents = await withAgents(channel, ['host-a', 'r2', 'host-b']);
    await booked(channel, agents);
    install(agents, 'host-a', 'r2');
    await happened(channel.committer, 'hopsInstalled active');
    expect(stray.held.size).toBe(0);
    expect(channel.registry.get('r1').mismatches).toContain(
      'the topology says that this node has no agent: nothing is assigned to it',
    );
  });
});

test('what is missing is said in words', async () => {
  const channel = await openChannel();
  const agents = await withAgents(channel, ['host-a', 'r1']);
  await booked(channel, agents);
  install(agents, 'host-a');
  agents['r1']!.report(id, PATH_STATE);
  await Promise.all(Object.values(agents).map((agent) => heardOut(channel, agent)));
  expect(channel.registry.hops.waitingFor(channel.committer.books.get(id)!)).toBe(
    'r1 has seen PATH but has not installed it, r2 has no agent connected',
  );
});

test('a hop without RSVP is on the reservation as soon as one node behind it has seen it, and until all see none', async () => {
  const channel = await openChannel();
  const agents = await active(channel);
  const sees = (node: string, nonRsvpHop: boolean): void =>
    agents[node]!.report(id, INSTALLED, {
      interface: INTERFACE[node] ?? '',
      nextHop: NEXT_HOP[node] ?? '',
      nonRsvpHop,
    });
  for (const node of ['host-a', 'r1', 'r2']) sees(node, false);
  await Promise.all(Object.values(agents).map((agent) => heardOut(channel, agent)));
  expect(channel.committer.books.get(id)!.nonRsvpHop).toBe(false);
  expect(channel.committer.history.filter((line) => line.startsWith('nonRsvpHop'))).toEqual([]);
  sees('host-b', true);
  await happened(channel.committer, 'nonRsvpHop active');
  expect(channel.committer.books.get(id)!.nonRsvpHop).toBe(true);
  // PATH news of a node that has installed it long since counts, too.
  agents['r2']!.report(id, PATH_STATE, { nonRsvpHop: true });
  await heardOut(channel, agents['r2']!);
  sees('host-b', false);
  await Promise.all(Object.values(agents).map((agent) => heardOut(channel, agent)));
  expect(channel.committer.books.get(id)!.nonRsvpHop).toBe(true);
  const gone = new Promise<void>((resolve) => {
    channel.committer.onCommitted(() => {
      if (channel.committer.books.get(id)?.nonRsvpHop === false) resolve();
    });
  });
  sees('r2', false);
  await gone;
  expect(channel.committer.history.filter((line) => line === 'nonRsvpHop active')).toHaveLength(2);
  expect(channel.committer.books.get(id)!.nonRsvpHop).toBe(false);
});

describe('what ADSPEC says where the path ends', () => {
  const { tspec } = assignmentFor(labReservation(1), 'host-b')!;
  const links = labReservation(1).path.hops.map(({ link }) => topology().links.find(({ id: each }) => each === link)!);
  const { errors, propagationMicros } = pathTerms(links, { maxPacketBytes: tspec.maxPacketSize });
  const terms = {
    minLatencyMicros: propagationMicros,
    pathMtuBytes: 1500,
    cTotalBytes: errors.rateDependent,
    dTotalMicros: errors.rateIndependent,
  };

  test('is an event where it differs from the books, and one where it agrees again', async () => {
    const channel = await openChannel();
    const agents = await active(channel);
    const told = (): string[] => channel.committer.history.filter((line) => line.startsWith('adspec'));
    agents['host-b']!.report(id, INSTALLED, { advertised: terms });
    agents['host-b']!.report(id, INSTALLED, { advertised: { ...terms, pathMtuBytes: 9000 } });
    await heardOut(channel, agents['host-b']!);
    expect(told()).toEqual([]);
    agents['host-b']!.report(id, INSTALLED, { advertised: { ...terms, dTotalMicros: 9, pathMtuBytes: 1400 } });
    await happened(channel.committer, 'adspecObserved active');
    expect(channel.committer.books.get(id)!.adspecDeviation).toBe(
      `ADSPEC and books differ: D 9 µs instead of ${errors.rateIndependent}, path MTU 1400 bytes instead of 1500`,
    );
    // Nothing is said of ADSPEC: nothing is known that was not known.
    agents['host-b']!.report(id, CONFIRMED);
    await heardOut(channel, agents['host-b']!);
    expect(channel.committer.books.get(id)!.adspecDeviation).not.toBeNull();
    const agreed = new Promise<void>((resolve) => {
      channel.committer.onCommitted(() => {
        if (channel.committer.books.get(id)?.adspecDeviation === null) resolve();
      });
    });
    agents['host-b']!.report(id, CONFIRMED, { advertised: terms });
    await agreed;
    expect(told()).toHaveLength(2);
  });

  test('is no event where it differs only until news have gone from hop to hop', async () => {
    const channel = await openChannel({ settings: { adspecSettleMs: Millis(2 ** 30) } });
    const agents = await active(channel);
    for (const advertised of [{ ...terms, minLatencyMicros: 1 }, { ...terms, minLatencyMicros: 2 }, terms]) {
      agents['host-b']!.report(id, INSTALLED, { advertised });
      await heardOut(channel, agents['host-b']!);
    }
    expect(channel.committer.history.filter((line) => line.startsWith('adspec'))).toEqual([]);
    expect(channel.committer.books.get(id)!.adspecDeviation).toBeNull();
  });

  test('is an event where the books change and it does not follow, and it follows later', async () => {
    const channel = await openChannel();
    const agents = await active(channel);
    agents['host-b']!.report(id, INSTALLED, { advertised: terms });
    await heardOut(channel, agents['host-b']!);
    const delays = topology((lab) => ({
      ...lab,
      cables: lab.cables!.map((cable) => ({ ...cable, delayMicros: 1000 })),
    }));
    channel.committer.putTopology(delays);
    await happened(channel.committer, 'adspecObserved active');
    expect(channel.committer.books.get(id)!.adspecDeviation).toBe(
      `ADSPEC and books differ: minimum latency ${propagationMicros} µs instead of 3000`,
    );
    const agreed = new Promise<void>((resolve) => {
      channel.committer.onCommitted(() => {
        if (channel.committer.books.get(id)?.adspecDeviation === null) resolve();
      });
    });
    agents['host-b']!.report(id, INSTALLED, { advertised: { ...terms, minLatencyMicros: 3000 } });
    await agreed;
  });

  test('says nothing of a path with a hop without RSVP, which adds nothing to it', async () => {
    const channel = await openChannel();
    const agents = await active(channel);
    agents['host-b']!.report(id, INSTALLED, { nonRsvpHop: true, advertised: { ...terms, cTotalBytes: 1 } });
    await happened(channel.committer, 'nonRsvpHop active');
    await heardOut(channel, agents['host-b']!);
    expect(channel.committer.books.get(id)!.adspecDeviation).toBeNull();
  });
});
