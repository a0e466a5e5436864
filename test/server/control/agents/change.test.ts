import { expect, test } from 'vitest';
import { BitsPerSecond, BytesPerSecond, EpochMs } from '../../../../src/core/base/units.ts';
import { assignmentFor } from '../../../../src/core/reservation/assignment.ts';
import { bookedHops, changed } from '../../../../src/core/reservation/change.ts';
import type { Reservation } from '../../../../src/core/reservation/reservation.ts';
import { AssignmentState } from '../../../../src/gen/headroom/v1/agent_channel_pb.ts';
import { MemoryCommitter } from '../../../support/memory-committer.ts';
import type { ScriptedAgent } from '../../../support/scripted-agent.ts';
import { happened, heardOut, labReservation, openChannel, PATH, topology, type Channel } from './channel-fixture.ts';

const { INSTALLED, FAILED, LOST, PENDING } = AssignmentState;
const first = labReservation(1, { state: 'active' });
const { id } = first;

type Agents = Record<string, ScriptedAgent>;

const asked = (r: Reservation): Reservation =>
  changed(
    r,
    r,
    {
      qos: { ...r.qos, tokenRateBitsPerSecond: BitsPerSecond(r.qos.tokenRateBitsPerSecond * 2) },
      bookedBitsPerSecond: r.path.hops.map((hop) => BitsPerSecond(hop.bookedBitsPerSecond * 2)),
      rate: BytesPerSecond(r.path.rate * 2),
      delayBoundMicros: r.path.delayBoundMicros,
      moreSenders: [],
    },
    false,
    EpochMs(100_000),
  );

const revision = (r: Reservation, node: string): bigint => BigInt(assignmentFor(r, node)!.revision);
const stored = (channel: Channel): Reservation => channel.committer.books.get(id)!;
const holds = (agents: Agents, r: Reservation): Promise<unknown> =>
  Promise.all(
    Object.entries(agents).map(([node, agent]) => agent.until(() => agent.held.get(id) === revision(r, node))),
  );
const install = (agents: Agents, ...nodes: readonly string[]): void => {
  for (const node of nodes) agents[node]!.report(id, INSTALLED, { interface: node === 'r1' ? 'eth1' : 'eth0' });
};
const heard = (channel: Channel, agents: Agents): Promise<unknown> =>
  Promise.all(Object.values(agents).map((agent) => heardOut(channel, agent)));

/** Active, with an agent on every node that has told so, and a change that all of them were told. */
async function changing(): Promise<{ channel: Channel; agents: Agents }> {
  const channel = await openChannel();
  const agents: Agents = {};
  for (const node of PATH) agents[node] = await channel.agent(node);
  channel.committer.book({ ...first, state: 'establishing' });
  await holds(agents, first);
  install(agents, 'host-a', 'r1', 'r2');
  await happened(channel.committer, 'hopsInstalled active');
  channel.committer.book(asked(stored(channel)));
  await holds(agents, stored(channel));
  await heard(channel, agents);
  channel.committer.history.length = 0;
  return { channel, agents };
}

test('a change is in force when the last hop has the new terms; what is said of the old ones does not count', async () => {
  const { channel, agents } = await changing();
  const old = { revision: revision(first, 'r1'), interface: 'eth1' };
  agents['r1']!.report(id, INSTALLED, old);
  install(agents, 'host-a', 'r2');
  await heard(channel, agents);
  expect(stored(channel).change?.state).toBe('applying');
  expect(channel.committer.history).toEqual([]);
  install(agents, 'r1');
  await happened(channel.committer, 'changeApplied active');
  expect(stored(channel)).toMatchObject({ change: null, path: { rate: first.path.rate * 2 } });
  await heard(channel, agents);
  expect(channel.committer.history).toEqual(['changeApplied active']);
  // Nobody was told the same twice.
  expect(agents['r1']!.updates.flatMap(({ upserts }) => upserts)).toHaveLength(2);
});

test('one hop that refuses turns it back everywhere; the room is held until all have the old terms again', async () => {
  const { channel, agents } = await changing();
  install(agents, 'r2', 'host-a');
  const failure = { errorCode: 1, errorValue: 2, errorNode: '10.12.0.1', detail: 'no class left on eth1' };
  const applying = stored(channel);
  agents['r1']!.report(id, FAILED, { failure });
  await happened(channel.committer, 'changeRefused active');
  expect(stored(channel).change?.reasons).toEqual([
    {
      ...failure,
      reason: 'REFUSED',
      errorNode: 'r1',
      detail: 'r1 refused the reservation (admission control failure, 1/2): no class left on eth1',
    },
  ]);
  await holds(agents, stored(channel));
  // The receiver's word on what was refused comes late, and says nothing of the terms that it has now.
  agents['host-b']!.report(id, FAILED, { failure, revision: revision(applying, 'host-b') });
  install(agents, 'host-a', 'r2');
  await heard(channel, agents);
  expect(bookedHops(stored(channel))[1]!.bookedBitsPerSecond).toBe(first.path.hops[1]!.bookedBitsPerSecond * 2);
  install(agents, 'r1');
  await happened(channel.committer, 'changeReverted active');
  expect(stored(channel)).toMatchObject({ state: 'active', path: first.path, change: { state: 'failed' } });
  expect(bookedHops(stored(channel))).toEqual(first.path.hops);
  await heard(channel, agents);
  expect(channel.committer.history).toEqual(['changeRefused active', 'changeReverted active']);
});

test('a hop that cannot take the old terms back either ends the reservation', async () => {
  const { channel, agents } = await changing();
  agents['r1']!.report(id, FAILED, { failure: { errorCode: 1, errorValue: 2, errorNode: '', detail: 'full' } });
  await happened(channel.committer, 'changeRefused active');
  await holds(agents, stored(channel));
  agents['r1']!.report(id, FAILED, { failure: { errorCode: 22, errorValue: 0, errorNode: '', detail: 'broken' } });
  await happened(channel.committer, 'signallingFailed releasing');
  expect(stored(channel)).toMatchObject({ endReason: 'failed', countsInBooks: true });
});

test('an agent that was away and has kept the old terms is told the new ones and has lost nothing', async () => {
  const { channel, agents } = await changing();
  install(agents, 'host-a', 'r2');
  agents['r1']!.close();
  await heard(channel, { a: agents['host-a']! });
  agents['r1'] = await channel.agent('r1', {
    held: [{ reservationId: id, revision: revision(first, 'r1'), state: INSTALLED }],
  });
  await agents['r1'].until(() => agents['r1']!.held.get(id) === revision(stored(channel), 'r1'));
  await heard(channel, agents);
  expect(channel.committer.history).toEqual([]);
  install(agents, 'r1');
  await happened(channel.committer, 'changeApplied active');
  expect(channel.committer.history).toEqual(['changeApplied active']);
});

test('an agent that restarts with the new terms has to say that they are installed', async () => {
  const { channel, agents } = await changing();
  install(agents, 'host-a', 'r2');
  agents['r1']!.close();
  agents['r1'] = await channel.agent('r1', {
    held: [{ reservationId: id, revision: revision(stored(channel), 'r1'), state: PENDING }],
  });
  await heard(channel, agents);
  expect(channel.committer.history).toEqual([]);
  install(agents, 'r1');
  await happened(channel.committer, 'changeApplied active');
});

test('a hop that is lost in the middle degrades it; the change is in force once all are back', async () => {
  const { channel, agents } = await changing();
  install(agents, 'host-a', 'r1');
  agents['r2']!.report(id, LOST, { failure: { detail: 'path state: timeout' } });
  await happened(channel.committer, 'hopLost degraded');
  install(agents, 'r2');
  await happened(channel.committer, 'changeApplied active');
  expect(channel.committer.history).toEqual(['hopLost degraded', 'hopsInstalled active', 'changeApplied active']);
});

test('another server that starts in the middle brings it to its end from what the agents tell', async () => {
  const committer = new MemoryCommitter(topology(), 'epoch-1', [asked(first)]);
  const channel = await openChannel({ committer });
  const agents: Agents = {};
  for (const node of PATH) {
    // r1 has not heard of the change yet.
    const held = {
      reservationId: id,
      revision: revision(node === 'r1' ? first : asked(first), node),
      state: INSTALLED,
    };
    agents[node] = await channel.agent(node, { held: [held] });
  }
  await agents['r1']!.until(() => agents['r1']!.held.get(id) === revision(asked(first), 'r1'));
  await heard(channel, agents);
  expect(stored(channel).change?.state).toBe('applying');
  install(agents, 'r1');
  await happened(committer, 'changeApplied active');
  expect(committer.history.filter((line) => line.startsWith('hop'))).toEqual([]);
});

test('before the window, agents that are connected have been told before any later booking: that is enough', async () => {
  const channel = await openChannel();
  channel.committer.book(asked({ ...first, state: 'scheduled' }));
  const agents: Agents = {};
  for (const node of PATH.slice(0, 3)) agents[node] = await channel.agent(node);
  await heard(channel, agents);
  expect(stored(channel).change?.state).toBe('applying');
  agents['host-b'] = await channel.agent('host-b');
  await happened(channel.committer, 'changeApplied scheduled');
});
