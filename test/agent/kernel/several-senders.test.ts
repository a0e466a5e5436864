import { create } from '@bufbuild/protobuf';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseTopology } from '../../../src/core/network/validate.ts';
import type { ReservationStyle } from '../../../src/core/qos/request.ts';
import { parseNft } from '../../../src/core/shaping/nft.ts';
import { parseCounters } from '../../../src/core/shaping/tc.ts';
import {
  AssignmentsUpdateSchema,
  AssignmentState,
  WelcomeSchema,
} from '../../../src/gen/headroom/v1/agent_channel_pb.ts';
import { startLab, type Lab } from '../../../src/lab/lab.ts';
import { namespaceOf } from '../../../src/lab/namespaces.ts';
import { assignmentToMessage } from '../../../src/rpc/assignment.ts';
import { ScriptedServer } from '../../support/agent-server.ts';
import { must } from '../../support/network.ts';
import { requires } from '../../support/requires.ts';
import { assignment, NETWORK } from '../../support/two-senders.ts';
import { inside } from './namespace.ts';

const PROGRAM = resolve(import.meta.dirname, '../../../dist/bin/headroom.js');
const SEND = join(import.meta.dirname, '../../e2e/send_datagrams.py');
const PREFIX = `hrt${process.pid}s-`;
const A = '10.1.0.2:5004';
const C = '10.3.0.2:5004';
const { INSTALLED, REMOVED, LOST, FAILED } = AssignmentState;

/** The elements of the router's classifier with both senders there, with the class of each, and with A alone. */
const ELEMENTS = {
  sharedExplicit: {
    both: ['v4_full|17 . 10.1.0.2 . 5004 . 10.2.0.2 . 5004 16', 'v4_full|17 . 10.3.0.2 . 5004 . 10.2.0.2 . 5004 16'],
    alone: ['v4_full|17 . 10.1.0.2 . 5004 . 10.2.0.2 . 5004 16'],
  },
  wildcardFilter: {
    both: ['v4_to_port|17 . 10.2.0.2 . 5004 16'],
    alone: ['v4_to_port|17 . 10.2.0.2 . 5004 16'],
  },
  fixedFilter: {
    both: ['v4_full|17 . 10.1.0.2 . 5004 . 10.2.0.2 . 5004 16', 'v4_full|17 . 10.3.0.2 . 5004 . 10.2.0.2 . 5004 17'],
    alone: ['v4_full|17 . 10.1.0.2 . 5004 . 10.2.0.2 . 5004 16'],
  },
} as const;
const NODES = NETWORK.nodes.map(({ name }) => name);

describe.skipIf(requires('root', 'ip', 'tc', 'nft', 'python3'))('two senders, agents and kernels', () => {
  let folder: string;
  let server: ScriptedServer;
  let lab: Lab;
  let counter: bigint;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'hr-'));
    counter = 0n;
    server = new ScriptedServer();
    await server.listen(`unix:${join(folder, 's')}`);
    lab = await startLab({
      topology: must(parseTopology(NETWORK)),
      mode: 'kernel',
      prefix: PREFIX,
      folder,
      program: PROGRAM,
      server: `unix:${join(folder, 's')}`,
      refreshPeriodMs: 1_000,
    });
    await server.connected(...NODES);
    for (const node of NODES) welcome(node);
  }, 60_000);
  afterEach(async () => {
    await lab.stop();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const welcome = (node: string): void => {
    const { interfaces } = NETWORK.nodes.find(({ name }) => name === node)!;
    const value = create(WelcomeSchema, {
      serverId: 't',
      heartbeatIntervalMs: 1_000,
      serverTimeMs: BigInt(Date.now()),
      interfaces: interfaces.map(({ name }) => ({
        name,
        capacityBitsPerSecond: 1_000_000_000n,
        overheadBytes: 14,
        mtuBytes: 1500,
      })),
    });
    server.say(node, { case: 'welcome', value });
  };
  const update = (style: ReservationStyle | null, ...nodes: readonly string[]): void => {
    for (const node of nodes) {
      const value = create(AssignmentsUpdateSchema, {
        generation: { epoch: 'e', counter: ++counter },
        upserts: style === null ? [] : [assignmentToMessage(assignment(node, style))],
        removals: style === null ? ['v'] : [],
      });
      server.say(node, { case: 'assignments', value });
    }
  };
  const at = (node: string): string => namespaceOf(PREFIX, node);
  /** What the router holds: elements of the classifier with their classes, and packets by class of a flow. */
  const elements = (): string[] =>
    [...parseNft(inside(at('r1'), 'nft', '-n', '-j', 'list', 'table', 'inet', 'headroom')).elements]
      .map(([key, minor]) => `${key} ${minor}`)
      .sort();
  const packets = (): [number, number][] =>
    parseCounters(inside(at('r1'), 'tc', '-s', 'class', 'show', 'dev', 'eth1'), '')
      .filter(({ minor }) => minor >= 16)
      .map(({ minor, sentPackets }): [number, number] => [minor, sentPackets])
      .sort(([a], [b]) => a - b);
  const send = (node: string, source: string, count: number): string =>
    inside(at(node), 'python3', SEND, source, '10.2.0.2', '5004', String(count));
  /** A with fixed filters is 16, since its PATH comes first. */
  const setUp = async (style: ReservationStyle): Promise<void> => {
    update(style, 'r1', 'host-b', 'host-a');
    await server.reportedOf('r1', A, INSTALLED);
    update(style, 'host-c');
    await server.reportedOf('r1', C, INSTALLED);
    await server.reportedOf('host-a', null, INSTALLED);
    await server.reportedOf('host-c', null, INSTALLED);
  };

  it.each([
    ['sharedExplicit', [[16, 80]], [[16, 80]]],
    ['wildcardFilter', [[16, 80]], [[16, 80]]],
    [
      'fixedFilter',
      [
        [16, 30],
        [17, 50],
      ],
      [[16, 30]],
    ],
  ] as const)(
    '%s: classes outlive a killed agent as they are, follow the senders, and nothing stays',
    async (style, both, alone) => {
      await setUp(style);
      expect(elements()).toEqual(ELEMENTS[style].both);
      send('host-a', '10.1.0.2', 30);
      send('host-c', '10.3.0.2', 50);
      expect(packets()).toEqual(both);

      const router = lab.agent('r1')!;
      const gone = once(router, 'exit');
      router.kill('SIGKILL');
      await gone;
      const since = server.reports.length;
      const hellos = server.hellos.length;
      lab.startAgent('r1');
      await server.until(() => server.hellos.length > hellos, 'the router says hello again');
      welcome('r1');
      for (const source of [A, C]) await server.reportedOf('r1', source, INSTALLED, since);
      // Counters that went on: no class was made anew.
      expect([elements(), packets()]).toEqual([ELEMENTS[style].both, both]);
      expect(server.reports.slice(since).filter(({ state }) => state === LOST || state === FAILED)).toEqual([]);

      update(null, 'host-c');
      await server.reportedOf('r1', C, LOST, since);
      await expect.poll(elements, { timeout: 5_000 }).toEqual(ELEMENTS[style].alone);
      await expect.poll(packets, { timeout: 5_000 }).toEqual(alone);
      update(null, 'host-a', 'r1', 'host-b');
      for (const node of NODES) await server.reportedOf(node, null, REMOVED);
      expect([elements(), packets()]).toEqual([[], []]);
    },
    30_000,
  );
});
