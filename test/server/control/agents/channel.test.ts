import { create, toBinary } from '@bufbuild/protobuf';
import { Client, credentials, status, type StatusObject } from '@grpc/grpc-js';
import { connect, createServer } from 'node:net';
import { mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { agentSocketPath } from '../../../../src/rpc/agent-socket.ts';
import { AgentRegistry } from '../../../../src/server/control/agents/registry.ts';
import { createAgentServer } from '../../../../src/server/grpc/agent-server.ts';
import { AgentMessageSchema, AssignmentState } from '../../../../src/gen/headroom/v1/agent_channel_pb.ts';
import { assignmentFor } from '../../../../src/core/reservation/assignment.ts';
import { MonotonicMs } from '../../../../src/core/base/units.ts';
import { MemoryCommitter } from '../../../support/memory-committer.ts';
import { heardOut, hello, labReservation, openChannel, silent, temporaryFolder, topology } from './channel-fixture.ts';

const revision = (n: number, node: string): bigint => BigInt(assignmentFor(labReservation(n), node)!.revision);
const held = (n: number, node: string, state = AssignmentState.INSTALLED) => ({
  reservationId: labReservation(n).id,
  revision: revision(n, node),
  state,
});

describe('the time of the books', () => {
  test('is told at each heartbeat, since it may have been set', async () => {
    const channel = await openChannel();
    const r1 = await channel.agent('r1');
    await r1.until(() => r1.updates.length === 1);
    channel.committer.now += 3_600_000;
    r1.say({ case: 'heartbeat', value: { memoryBytes: 1n } });
    await r1.until(() => r1.updates.length === 2);
    expect(r1.updates[1]).toMatchObject({ serverTimeMs: 3_700_000n, full: false, upserts: [], removals: [] });
    expect(r1.updates[1]!.generation).toBeUndefined();
  });
});

describe('hello and comparison', () => {
  test('a new agent gets its links and everything that its node has to hold', async () => {
    const channel = await openChannel();
    channel.committer.book(labReservation(1), labReservation(2));
    const r1 = await channel.agent('r1');
    await r1.until(() => r1.updates.length > 0);
    const { message } = r1.received[0]!;
    expect(message.case).toBe('welcome');
    if (message.case === 'welcome') {
      expect(message.value.serverTimeMs).toBe(100_000n);
      expect(message.value.interfaces.map((each) => [each.name, each.capacityBitsPerSecond])).toEqual([
        ['eth0', 1_000_000_000n],
        ['eth1', 100_000_000n],
        ['eth2', 100_000_000n],
      ]);
    }
    const update = r1.updates[0]!;
    expect(update.full).toBe(true);
    expect(update.generation).toMatchObject({ epoch: 'epoch-1', counter: 1n });
    expect(update.upserts.map((each) => [each.reservationId, each.outgoingInterface])).toEqual([
      [labReservation(1).id, 'eth1'],
      [labReservation(2).id, 'eth1'],
    ]);
  });

  test('a reconnect in the same epoch brings only differences', async () => {
    const channel = await openChannel();
    channel.committer.book(labReservation(1), labReservation(2), labReservation(3));
    const gone = { ...held(9, 'r1'), revision: 5n };
    const stale = { ...held(3, 'r1'), revision: 4n };
    const r1 = await channel.agent('r1', {
      generation: { epoch: 'epoch-1', counter: 0n },
      held: [held(1, 'r1'), stale, gone],
    });
    await r1.until(() => r1.updates.length > 0);
    const update = r1.updates[0]!;
    expect(update.full).toBe(false);
    expect(update.keep).toEqual([]);
    expect(update.upserts.map((each) => each.reservationId).sort()).toEqual([
      labReservation(2).id,
      labReservation(3).id,
    ]);
    expect(update.removals).toEqual([gone.reservationId]);
  });

  test('in another epoch, what changed stays until its part of a long update has come', async () => {
    const channel = await openChannel();
    channel.committer.book(...Array.from({ length: 5_001 }, (_, n) => labReservation(n)));
    const last = { ...held(5_000, 'r1'), revision: 4n };
    const r1 = await channel.agent('r1', { generation: { epoch: 'an older one', counter: 1n }, held: [last] });
    await r1.until(() => r1.updates.length > 1);
    const [first, second] = r1.updates;
    expect(first!.full).toBe(true);
    expect(first!.upserts.map((each) => each.reservationId)).not.toContain(last.reservationId);
    expect(first!.keep.map((each) => each.reservationId)).toEqual([last.reservationId]);
    expect(second!.full).toBe(false);
    expect(second!.upserts.map((each) => each.reservationId)).toEqual([last.reservationId]);
  });

  test('an agent that is up to date is told nothing', async () => {
    const channel = await openChannel();
    channel.committer.book(labReservation(1));
    const r1 = await channel.agent('r1', { generation: { epoch: 'epoch-1', counter: 1n }, held: [held(1, 'r1')] });
    await heardOut(channel, r1);
    expect(r1.updates).toEqual([]);
    expect(channel.registry.get('r1').assignments).toBe(1);
  });

  test('in another epoch the agent is told what stays', async () => {
    const channel = await openChannel();
    channel.committer.book(labReservation(1));
    const stray = { ...held(9, 'r1'), revision: 5n };
    const r1 = await channel.agent('r1', {
      generation: { epoch: 'an older one', counter: 1n },
      held: [held(1, 'r1'), stray],
    });
    await r1.until(() => r1.updates.length > 0);
    expect(r1.updates[0]).toMatchObject({ full: true, upserts: [] });
    expect(r1.updates[0]!.keep.map((each) => each.reservationId)).toEqual([labReservation(1).id]);
    expect([...r1.held.keys()]).toEqual([labReservation(1).id]);
  });

  test('every commit reaches the nodes of its path, in the order of generations', async () => {
    const channel = await openChannel();
    const r1 = await channel.agent('r1');
    const r3 = await channel.agent('r3');
    for (let n = 1; n <= 50; n++) channel.committer.book(labReservation(n));
    await channel.committer.transition(labReservation(7).id, { type: 'releaseRequested', inOrder: true });
    await r1.until(() => r1.held.size === 49 && r1.updates.at(-1)!.generation!.counter === 51n);
    expect(r1.held.has(labReservation(7).id)).toBe(false);
    const counters = r1.updates.map((each) => each.generation!.counter);
    expect(counters).toEqual([...counters].sort((a, b) => Number(a - b)));
    await heardOut(channel, r3);
    expect(r3.held.size).toBe(0);
  });

  test('a change of state that changes no assignment sends nothing', async () => {
    const channel = await openChannel();
    const r1 = await channel.agent('r1');
    channel.committer.book(labReservation(1));
    await channel.committer.transition(labReservation(1).id, { type: 'hopsInstalled' });
    await heardOut(channel, r1);
    expect(r1.updates.filter((each) => each.upserts.length > 0)).toHaveLength(1);
  });

  test('a changed topology brings new figures to the nodes that it concerns', async () => {
    const channel = await openChannel();
    const r1 = await channel.agent('r1');
    const hostB = await channel.agent('host-b');
    channel.committer.putTopology(
      topology((lab) => ({
        ...lab,
        cables: lab.cables!.map((cable, i) => (i === 0 ? { ...cable, capacityBitsPerSecond: 500_000_000 } : cable)),
      })),
    );
    await r1.until(() => r1.updates.some((each) => each.interfaces.length > 0));
    const { interfaces } = r1.updates.find((each) => each.interfaces.length > 0)!;
    expect(interfaces.find((each) => each.name === 'eth0')!.capacityBitsPerSecond).toBe(500_000_000n);
    await heardOut(channel, hostB);
    expect(hostB.updates.flatMap((each) => each.interfaces)).toEqual([]);
  });

  test('a node that leaves the topology loses its agent', async () => {
    const channel = await openChannel();
    const r3 = await channel.agent('r3');
    channel.committer.putTopology(
      topology((lab) => ({
        nodes: lab.nodes.filter((node) => node.name !== 'r3'),
        cables: lab.cables!.filter((cable) => cable.b.node !== 'r3'),
      })),
    );
    await r3.until(() => r3.ended);
    expect(r3.refusal).toBe('UNKNOWN_NODE');
    expect(channel.registry.list().map((each) => each.id)).not.toContain('r3');
  });
});

describe('slow readers', () => {
  test('an agent that does not read is cut off, and finds everything when it is back', async () => {
    const channel = await openChannel({ settings: { maxBacklog: 1_000 } });
    const r1 = await channel.agent('r1');
    r1.stream.pause();
    let booked = 0;
    while (channel.registry.connected('r1')) {
      // Beyond what sockets and flow-control windows can hold, something is wrong.
      expect(booked).toBeLessThan(400_000);
      channel.committer.book(...Array.from({ length: 2_000 }, () => labReservation(++booked)));
      await new Promise((resolve) => setImmediate(resolve));
    }
    r1.stream.resume();
    await r1.until(() => r1.ended);
    expect(r1.refusal).toBe('SLOW');
    expect(r1.held.size).toBeLessThan(booked);
    const again = await channel.agent('r1');
    await again.until(() => again.held.size === booked);
    expect(again.updates.at(-1)!.generation).toMatchObject({ epoch: 'epoch-1' });
    // Parts of one comparison: only the last says which generation is reached.
    expect(again.updates.slice(0, -1).every((each) => each.generation === undefined)).toBe(true);
  }, 60_000);
});

describe('streams that are refused', () => {
  test('a node that the topology does not have', async () => {
    const channel = await openChannel();
    const stranger = channel.raw({ ...hello('r1'), node: 'r9' });
    await stranger.until(() => stranger.ended);
    expect(stranger.refusal).toBe('UNKNOWN_NODE');
  });

  test('a first message that is no hello, and a second hello', async () => {
    const channel = await openChannel();
    const rude = channel.raw(null);
    rude.say({ case: 'heartbeat', value: { memoryBytes: 1n } });
    await rude.until(() => rude.ended);
    expect(rude.refusal).toBe('MALFORMED');
    const twice = await channel.agent('r1');
    twice.say({ case: 'hello', value: hello('r2') });
    await twice.until(() => twice.ended);
    expect(twice.refusal).toBe('MALFORMED');
    expect(channel.registry.connected('r1')).toBe(false);
    expect(channel.registry.connected('r2')).toBe(false);
  });

  /** Bytes as another implementation could send them; resolves with the status that the call ends with. */
  const sendBytes = (socketPath: string, ...messages: readonly Uint8Array[]): Promise<number> =>
    new Promise((resolve) => {
      const client = new Client(`unix:${socketPath}`, credentials.createInsecure());
      const asIs = (bytes: Buffer): Buffer => bytes;
      const call = client.makeBidiStreamRequest<Buffer, Buffer>('/headroom.v1.AgentChannel/Connect', asIs, asIs);
      call.on('data', () => undefined);
      call.on('error', () => undefined);
      call.on('status', ({ code }: StatusObject) => {
        client.close();
        resolve(code);
      });
      for (const bytes of messages) call.write(Buffer.from(bytes));
      call.end();
    });

  test('bytes that are no message end the stream with an error, not the server', async () => {
    const channel = await openChannel();
    expect(await sendBytes(channel.socketPath, Uint8Array.of(0xff, 0xff, 0xff, 0xff))).not.toBe(status.OK);
    const next = await channel.agent('r1');
    expect(next.received[0]!.message.case).toBe('welcome');
  });

  test('messages and fields of a later version are ignored', async () => {
    const channel = await openChannel();
    const first = toBinary(
      AgentMessageSchema,
      create(AgentMessageSchema, { message: { case: 'hello', value: hello('r1') } }),
    );
    // Field 99, a string of one byte: once beside a hello, once as the whole message.
    const later = Uint8Array.of(0x9a, 0x06, 0x01, 0x41);
    expect(await sendBytes(channel.socketPath, Uint8Array.of(...first, ...later), later)).toBe(status.OK);
    expect(channel.registry.get('r1')).toMatchObject({ state: 'silent', hostName: 'hr-r1' });
  });

  test('a second agent of a node is refused while the first is there, and both are told', async () => {
    const channel = await openChannel();
    const first = await channel.agent('r1');
    const second = await channel.agent('r1', { hostName: 'impostor', processId: 200 });
    await second.until(() => second.ended);
    expect(second.refusal).toBe('NODE_TAKEN');
    const told =
      'two agents say that they are r1: hr-r1 (process 100), which is served, and impostor (process 200), which is refused';
    await first.until(() => first.received.some(({ message }) => message.case === 'notice'));
    expect(first.received.find(({ message }) => message.case === 'notice')!.message.value).toMatchObject({
      code: 'RIVAL',
      detail: told,
    });
    await heardOut(channel, first);
    expect(channel.registry.get('r1')).toMatchObject({ state: 'connected', hostName: 'hr-r1', mismatches: [told] });
  });

  test('the state folder says whether two streams are of one agent, whatever its process and boot', async () => {
    const channel = await openChannel();
    const first = await channel.agent('r1', { instanceId: 'one' });
    const again = await channel.agent('r1', { instanceId: 'one', processId: 200, bootId: 'other' });
    await first.until(() => first.ended);
    expect(first.refusal).toBe('REPLACED');
    await heardOut(channel, again);
    const other = await channel.agent('r1', { instanceId: 'two', processId: 200, bootId: 'other' });
    await other.until(() => other.ended);
    expect(other.refusal).toBe('NODE_TAKEN');
  });

  test.each([
    ['control characters', { hostName: 'a\nb' }, 'hostName'],
    ['a name that is too long', { version: 'v'.repeat(65) }, 'version'],
    ['a reservation id that is none', { held: [{ reservationId: 'x', revision: 1n }] }, 'held.reservationId'],
    ['more interfaces than a node has', { interfaces: Array(4_097).fill({ name: 'e' }) }, 'interfaces'],
  ])('a hello with %s is refused by name', async (_, over, field) => {
    const channel = await openChannel();
    const agent = await channel.agent('r1', over);
    await agent.until(() => agent.ended);
    expect(agent.refusal).toBe('MALFORMED');
    expect(agent.refusalDetail).toContain(field);
  });

  test('the same process again replaces its own broken stream without a word', async () => {
    const channel = await openChannel();
    await channel.agent('r1');
    await channel.agent('r1');
    expect(channel.registry.get('r1').mismatches).toEqual([]);
  });
});

describe('the socket', () => {
  const registry = (): AgentRegistry =>
    new AgentRegistry({ committer: new MemoryCommitter(topology()), now: () => MonotonicMs(0), log: silent });

  test('only its user can open it', async () => {
    const { socketPath } = await openChannel();
    expect(statSync(socketPath).mode & 0o777).toBe(0o600);
    expect(statSync(socketPath).isSocket()).toBe(true);
  });

  test('one that a crash left behind is replaced, one in use is not', async () => {
    const dataDir = temporaryFolder();
    const first = await createAgentServer({ registry: registry(), dataDir, log: silent });
    await expect(createAgentServer({ registry: registry(), dataDir, log: silent })).rejects.toThrow(
      /another server listens on .*agent\.sock.*HEADROOM_DATA_DIR/,
    );
    await first.close();
    expect(statSync(first.socketPath, { throwIfNoEntry: false })).toBeUndefined();
    const dead = createServer();
    await new Promise<void>((resolve) => dead.listen(join(dataDir, 'x'), resolve));
    renameSync(join(dataDir, 'x'), first.socketPath);
    await new Promise((resolve) => dead.close(resolve));
    const second = await createAgentServer({ registry: registry(), dataDir, log: silent });
    await new Promise<void>((resolve, reject) => {
      const probe = connect(second.socketPath, () => {
        probe.destroy();
        resolve();
      });
      probe.on('error', reject);
    });
    await second.close();
  });

  test('a file of that name is left alone', async () => {
    const dataDir = temporaryFolder();
    writeFileSync(join(dataDir, 'agent.sock'), 'precious');
    await expect(createAgentServer({ registry: registry(), dataDir, log: silent })).rejects.toThrow(/is no socket/);
  });

  test('a data directory with too long a path gets a socket elsewhere, the same each time', async () => {
    const dataDir = join(temporaryFolder(), 'x'.repeat(100));
    mkdirSync(dataDir);
    const server = await createAgentServer({ registry: registry(), dataDir, log: silent });
    expect(server.socketPath).toBe(agentSocketPath(dataDir).path);
    expect(Buffer.byteLength(server.socketPath)).toBeLessThan(107);
    expect(statSync(server.socketPath).mode & 0o777).toBe(0o600);
    await server.close();
  });
});
