import { silentLog } from '../support/state-folder.ts';
import { create } from '@bufbuild/protobuf';
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseRsvpConfig } from '../../src/agent/rsvp-config.ts';
import { Journal } from '../../src/agent/journal.ts';
import type { AgentConfig } from '../../src/agent/config.ts';
import { textDigest } from '../../src/agent/recording.ts';
import type { IpAddress } from '../../src/core/base/ip.ts';
import { BitsPerSecond, Bytes, BytesPerSecond, EpochMs } from '../../src/core/base/units.ts';
import type { Assignment } from '../../src/core/reservation/assignment.ts';
import type { EngineSnapshot } from '../../src/core/rsvp/engine/types.ts';
import { createEngine } from '../../src/core/rsvp/engine/engine.ts';
import { Replay } from '../../src/core/rsvp/recording/replay.ts';
import { encodeIpv4 } from '../../src/core/rsvp/wire/ip-packet.ts';
import { messageTypeName } from '../../src/core/rsvp/wire/message.ts';
import {
  AssignmentState,
  RsvpStateQuerySchema,
  RsvpTraceSwitchSchema,
  type RsvpStateReply,
  type RsvpTraceReport,
} from '../../src/gen/headroom/v1/agent_channel_pb.ts';
import { DEFAULT_LAB } from '../../src/lab/default-lab.ts';
import type { ScriptedServer } from '../support/agent-server.ts';
import { LoopbackAgents } from '../support/loopback-agents.ts';

const OUTGOING = { 'host-a': 'eth0', r1: 'eth1', r2: 'eth0', 'host-b': null } as const;
type Node = keyof typeof OUTGOING;
const NODES = Object.keys(OUTGOING) as Node[];

let agents: LoopbackAgents;
let server: ScriptedServer;

const assignment = (id: string, node: Node, port = 5004): Assignment => ({
  reservationId: id,
  revision: 7,
  flow: {
    protocol: 'udp',
    source: { address: '10.1.0.2' as IpAddress, port },
    destination: { address: '10.2.0.2' as IpAddress, port },
  },
  sources: [{ address: '10.1.0.2' as IpAddress, port }],
  ownSources: node === 'host-a' ? [0] : [],
  style: 'fixedFilter',
  tspec: {
    tokenRate: BytesPerSecond(1e6),
    tokenBucket: Bytes(15_000),
    peakRate: BytesPerSecond(Infinity),
    minPolicedUnit: Bytes(128),
    maxPacketSize: Bytes(1500),
  },
  rspec: null,
  isSender: node === 'host-a',
  isReceiver: node === 'host-b',
  outgoingInterface: OUTGOING[node],
  bookedBitsPerSecond: BitsPerSecond(8_875_000),
  nextHop: null,
  pinned: false,
  explicitRoute: [],
  validFrom: EpochMs(0),
  validUntil: null,
});

beforeEach(async () => {
  agents = await LoopbackAgents.of(DEFAULT_LAB, NODES);
  server = agents.server;
});
afterEach(() => agents.close());

const update = (node: Node, upserts: readonly Assignment[], removals: readonly string[] = []): void =>
  agents.update(node, upserts, removals);

describe('four agents over loopback', () => {
  it('sets a reservation up with PATH and RESV, confirms it, and takes it down', async () => {
    for (const node of NODES) update(node, [assignment('a', node)]);
    for (const node of NODES) await server.reported(node, 'a', AssignmentState.INSTALLED);
    await server.reported('host-b', 'a', AssignmentState.CONFIRMED);
    expect((await server.reported('r1', 'a', AssignmentState.INSTALLED)).interface).toBe('eth1');
    for (const node of NODES) update(node, [], ['a']);
    for (const node of NODES) await server.reported(node, 'a', AssignmentState.REMOVED);
  });

  it('sets it up in whichever order the assignments arrive', async () => {
    for (const node of [...NODES].reverse()) update(node, [assignment('a', node)]);
    for (const node of NODES) await server.reported(node, 'a', AssignmentState.INSTALLED);
  });

  it('waits for an assignment that RESV has overtaken', async () => {
    for (const node of ['host-a', 'host-b', 'r2'] as const) update(node, [assignment('a', node)]);
    await server.reported('host-b', 'a', AssignmentState.INSTALLED);
    await server.reported('r2', 'a', AssignmentState.INSTALLED);
    update('r1', [assignment('a', 'r1')]);
    await server.reported('host-a', 'a', AssignmentState.INSTALLED);
  });

  it('refuses what the server never assigned, and the receiver is told which node refused', async () => {
    for (const node of ['host-a', 'host-b', 'r2'] as const) update(node, [assignment('a', node)]);
    const { failure } = await server.reported('host-b', 'a', AssignmentState.FAILED);
    expect([failure?.errorCode, failure?.errorValue]).toEqual([1, 2]);
    expect(failure?.errorNode).toMatch(/^10\.(1|12|13)\.0\.1$/);
  });

  it('a router that comes back from its journal reports the reservation again, and nobody hears of a loss', async () => {
    for (const node of NODES) update(node, [assignment('a', node)]);
    for (const node of NODES) await server.reported(node, 'a', AssignmentState.INSTALLED);
    await agents.stop('r1');
    const before = server.reports.length;
    await agents.start('r1');
    const hello = server.hellos.at(-1)!;
    expect(hello.held.map((h) => [h.reservationId, h.revision])).toEqual([['a', 7n]]);
    expect(hello.generation).toMatchObject({ epoch: 'e' });
    await server.until(
      () => server.reports.slice(before).some((r) => r.node === 'r1' && r.state === AssignmentState.INSTALLED),
      'r1 reports it installed again',
    );
    const bad = server.reports
      .slice(before)
      .filter((r) => r.state === AssignmentState.LOST || r.state === AssignmentState.FAILED);
    expect(bad).toEqual([]);
  });

  it('an agent finds its way in a journal that was written before there were several senders', async () => {
    for (const node of NODES) update(node, [assignment('a', node)]);
    await server.reported('host-b', 'a', AssignmentState.CONFIRMED);
    for (const node of ['host-a', 'host-b'] as const) {
      await agents.stop(node);
      const journal = new Journal(join(agents.folder, node, 'journal'), { log: silentLog });
      const { sources: _, ownSources: __, style: ___, ...old } = journal.get('assignment/a') as Assignment;
      journal.put('assignment/a', old);
      await journal.close();
      const before = server.reports.length;
      await agents.start(node);
      const again = () => server.reports.slice(before).filter((r) => r.node === node && r.reservationId === 'a');
      await server.until(
        () => again().some(({ state }) => state === AssignmentState.INSTALLED),
        `${node} reports it installed again`,
      );
      expect(again().map(({ source }) => source)).not.toContainEqual(expect.anything());
    }
  });

  it('finds a server that was restarted, and tells it what stands', async () => {
    for (const node of NODES) update(node, [assignment('a', node)]);
    for (const node of NODES) await server.reported(node, 'a', AssignmentState.INSTALLED);
    await agents.replaceServer();
    server = agents.server;
    for (const node of NODES) agents.welcome(node);
    for (const node of NODES) {
      await server.until(
        () => server.reports.some((r) => r.node === node && r.reservationId === 'a'),
        `${node} repeats what it holds`,
      );
    }
    expect(server.hellos.map((hello) => hello.held.length)).toEqual(NODES.map(() => 1));
  });

  it('stops while its server is out of reach', async () => {
    server.close();
    await agents.stop('r1');
    await agents.launch('r1');
  });

  it('answers a query with its state', async () => {
    update('r1', [assignment('a', 'r1')]);
    const answered = new Promise<RsvpStateReply>((resolve) => {
      server.on('rsvpState', (_node: string, reply: RsvpStateReply) => resolve(reply));
    });
    server.say('r1', { case: 'rsvpState', value: create(RsvpStateQuerySchema, { queryId: 5n }) });
    const reply = await answered;
    expect(reply.queryId).toBe(5n);
    expect(JSON.parse(reply.json)).toMatchObject({ node: 'r1', transport: { kind: 'loopback' } });
  });

  it('tells its messages while somebody watches: received, sent, and dropped ones with the reason', async () => {
    const reports: RsvpTraceReport[] = [];
    server.on('rsvpTrace', (node: string, report: RsvpTraceReport) => {
      if (node === 'r1') reports.push(report);
    });
    const traced = () => reports.flatMap(({ messages }) => messages);
    const types = () => traced().map((m) => `${m.sent ? 'out' : 'in'} ${m.interface} ${messageTypeName(m.bytes[1]!)}`);
    const turn = (on: boolean): void =>
      server.say('r1', { case: 'rsvpTrace', value: create(RsvpTraceSwitchSchema, { on }) });
    turn(true);
    for (const node of NODES) update(node, [assignment('a', node)]);
    for (const node of NODES) await server.reported(node, 'a', AssignmentState.INSTALLED);
    const wanted = ['in eth0 Path', 'out eth1 Path', 'in eth1 Resv', 'out eth0 Resv'];
    await server.until(() => wanted.every((one) => types().includes(one)), 'the set-up is traced');
    const path = traced().find((m) => m.sent && m.interface === 'eth1')!;
    expect(path).toMatchObject({ source: '10.1.0.2', destination: '10.2.0.2', routerAlert: true, problem: '' });
    expect(traced().every((m) => m.dropped.length === 0)).toBe(true);

    // A message with a wrong checksum, as a neighbour would send it.
    const node = JSON.parse(readFileSync(agents.labFile('r1'), 'utf8')) as {
      interfaces: { name: string; port: number }[];
    };
    const broken = path.bytes.slice();
    broken[2]! ^= 0xff;
    const around = { source: '10.1.0.2', destination: '10.2.0.2', ttl: 64, protocol: 46, routerAlert: true } as const;
    const datagram = encodeIpv4({ ...around, payload: broken } as never);
    const socket = createSocket('udp4');
    socket.send(datagram, node.interfaces.find(({ name }) => name === 'eth0')!.port, '127.0.0.1');
    await server.until(() => traced().some((m) => m.dropped.length > 0), 'the broken message is traced');
    socket.close();
    expect(traced().find((m) => m.dropped.length > 0)).toMatchObject({ interface: 'eth0', dropped: ['badChecksum'] });

    turn(false);
    const answered = new Promise<void>((resolve) => server.once('rsvpState', () => resolve()));
    server.say('r1', { case: 'rsvpState', value: create(RsvpStateQuerySchema, { queryId: 1n }) });
    await answered;
    const before = traced().length;
    update('host-a', [], ['a']);
    await server.reported('host-a', 'a', AssignmentState.REMOVED);
    await server.until(
      () => server.reports.some((r) => r.node === 'r2' && r.state === AssignmentState.LOST),
      'the tear has passed',
    );
    expect(traced().length).toBe(before);
  });

  it('records what its engine gets and does, over a restart, so that both runs can be played again', async () => {
    const record = { file: join(agents.folder, 'r1.ndjson'), maxBytes: 10_000_000 };
    await agents.stop('r1');
    await agents.start('r1', { record });
    for (const node of NODES) update(node, [assignment('a', node)]);
    for (const node of NODES) await server.reported(node, 'a', AssignmentState.INSTALLED);
    await agents.stop('r1');
    const before = server.reports.length;
    await agents.start('r1', { record });
    await server.until(
      () => server.reports.slice(before).some((r) => r.node === 'r1' && r.state === AssignmentState.INSTALLED),
      'r1 reports it installed again',
    );
    await agents.stop('r1');
    for (const file of [`${record.file}.1`, record.file]) {
      const replay = new Replay({ createEngine, digest: textDigest });
      for (const line of readFileSync(file, 'utf8').trimEnd().split('\n')) replay.line(line);
      expect(replay.end).toBe('stopped');
      expect(replay.snapshot()).toMatchObject({
        paths: [{ incomingInterface: 'eth0' }],
        reservations: [{ interface: 'eth1' }],
      });
    }
  });
});

describe('agents that agreed on keys', () => {
  /** The same for everybody on each of a node's interfaces. */
  const withKey = (key: string): AgentConfig['rsvp'] => {
    const keys = [{ keyId: 1, algorithm: 'hmac-sha256', key }];
    const neighbours = ['eth0', 'eth1', 'eth2'].map((name) => ({ interface: name, integrity: { keys } }));
    const config = parseRsvpConfig(JSON.stringify({ neighbours }));
    if (!config.ok) throw new Error(config.error);
    return config.value;
  };
  const startAll = (keyOf: (node: string) => string): Promise<void> =>
    agents.restart((node) => ({ rsvp: withKey(keyOf(node)) }));
  const rsvpOf = (node: Node): Promise<EngineSnapshot> => agents.rsvp(node);

  it('set a reservation up with signed messages, over a restart as well', async () => {
    await startAll(() => 'correct horse');
    for (const node of NODES) update(node, [assignment('a', node)]);
    for (const node of NODES) await server.reported(node, 'a', AssignmentState.INSTALLED);
    await server.reported('host-b', 'a', AssignmentState.CONFIRMED);
    const { neighbours } = await rsvpOf('r1');
    expect(neighbours.map(({ integrity }) => integrity?.keyId)).toEqual(neighbours.map(() => 1));
    expect(neighbours.length).toBeGreaterThan(1);
  });

  it('hear nothing of one that has another', async () => {
    await startAll((node) => (node === 'r2' ? 'wrong horse' : 'correct horse'));
    for (const node of NODES) update(node, [assignment('a', node)]);
    // Unsigned or signed with another key, nothing of r1 makes state on r2.
    await server.reported('r1', 'a', AssignmentState.PATH);
    let dropped = 0;
    while (dropped === 0) dropped = (await rsvpOf('r2')).counters.dropped['wrongDigest'] ?? 0;
    expect((await rsvpOf('r2')).paths).toEqual([]);
    expect(server.reports.some(({ node, state }) => node === 'host-b' && state === AssignmentState.INSTALLED)).toBe(
      false,
    );
  });
});
