import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach } from 'vitest';
import { BitsPerSecond, EpochMs, Millis, MonotonicMs } from '../../../../src/core/base/units.ts';
import type { TopologyInput } from '../../../../src/core/network/document.ts';
import { parseTopology } from '../../../../src/core/network/validate.ts';
import type { Reservation } from '../../../../src/core/reservation/reservation.ts';
import { DEFAULT_LAB } from '../../../../src/lab/default-lab.ts';
import { AgentRegistry, type RegistrySettings } from '../../../../src/server/control/agents/registry.ts';
import { createAgentServer } from '../../../../src/server/grpc/agent-server.ts';
import { reservation } from '../../../core/reservation/fixtures.ts';
import { MemoryCommitter } from '../../../support/memory-committer.ts';
import { must } from '../../../support/network.ts';
import { ScriptedAgent, type HelloInit } from '../../../support/scripted-agent.ts';

export const PATH = ['host-a', 'r1', 'r2', 'host-b'];
export const silent = pino({ level: 'silent' });

export const topology = (change: (lab: TopologyInput) => TopologyInput = (lab) => lab) =>
  must(parseTopology(change(DEFAULT_LAB)));

const idOf = (n: number): string => `0193a8e2-0000-7000-8000-${String(n).padStart(12, '0')}`;

/** A reservation from host-a to host-b over the short way, open-ended, being established. */
export function labReservation(n: number, more: Partial<Reservation> = {}): Reservation {
  const hop = (node: string, name: string) => ({
    node,
    interface: name,
    link: `${node}:${name}`,
    bookedBitsPerSecond: BitsPerSecond(1_000_000),
  });
  const base = reservation();
  return {
    ...base,
    id: idOf(n),
    window: { start: EpochMs(100_000), end: null },
    path: { ...base.path, nodes: PATH, hops: [hop('host-a', 'eth0'), hop('r1', 'eth1'), hop('r2', 'eth0')] },
    updatedAt: EpochMs(100_000),
    ...more,
  };
}

export const interfacesOf = (node: string) =>
  topology()
    .nodes.find((each) => each.name === node)!
    .interfaces.map(({ name, addresses, mtuBytes }) => ({
      name,
      addresses: addresses.map(({ address, length }) => `${address}/${length}`),
      mtuBytes,
      up: true,
    }));

/** What a well-behaved agent of the lab says first. */
export const hello = (node: string, more: HelloInit = {}): HelloInit => ({
  node,
  hostName: `hr-${node}`,
  bootId: 'boot-1',
  processId: 100,
  version: '0.1.0',
  interfaces: interfacesOf(node),
  routes: [{ destination: '10.2.0.0/24', interface: 'eth0', gateway: '10.1.0.1', metric: 10 }],
  features: { enforces: true, rsvpTransport: 'raw', refreshPeriodMs: 1000 },
  ...more,
});

export interface Channel {
  readonly committer: MemoryCommitter;
  readonly registry: AgentRegistry;
  readonly socketPath: string;
  /** Monotonic; tests move it. */
  readonly clock: { ms: number };
  agent(node: string, more?: HelloInit): Promise<ScriptedAgent>;
  /** A stream that has not said anything yet, or only the hello given. */
  raw(first: HelloInit | null): ScriptedAgent;
}

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'hr-agents-'));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The registry behind a real gRPC server on a real Unix socket; everything is closed after the test. */
export async function openChannel(
  options: { committer?: MemoryCommitter; settings?: Partial<RegistrySettings> } = {},
): Promise<Channel> {
  const committer = options.committer ?? new MemoryCommitter(topology());
  const clock = { ms: 0 };
  const registry = new AgentRegistry({
    committer,
    now: () => MonotonicMs(clock.ms),
    log: silent,
    settings: { adspecSettleMs: Millis(0), flapSettleMs: Millis(0), ...options.settings },
  });
  const server = await createAgentServer({ registry, dataDir: temporaryFolder(), log: silent });
  cleanups.push(() => server.close());
  const raw = (first: HelloInit | null): ScriptedAgent => {
    const agent = new ScriptedAgent(server.socketPath, first);
    cleanups.push(() => agent.close());
    return agent;
  };
  return {
    committer,
    registry,
    socketPath: server.socketPath,
    clock,
    raw,
    async agent(node, more) {
      const agent = raw(hello(node, more));
      await agent.until(() => agent.received.length > 0 || agent.ended);
      return agent;
    },
  };
}

/** Resolves when the committer's history has the line. */
export async function happened(committer: MemoryCommitter, line: string): Promise<void> {
  if (committer.history.includes(line)) return;
  await new Promise<void>((resolve) => {
    committer.onCommitted(() => {
      if (committer.history.includes(line)) resolve();
    });
  });
}

/** Resolves once the server has handled everything that the agent has said: messages of a stream are answered in order. */
export async function heardOut(channel: Channel, agent: ScriptedAgent, node = agent.node): Promise<void> {
  const answer = channel.registry.rsvp(node);
  const queries = (): bigint[] =>
    agent.received.flatMap(({ message }) => (message.case === 'rsvpState' ? [message.value.queryId] : []));
  const before = queries().length;
  await agent.until(() => queries().length > before || agent.ended);
  const queryId = queries().at(-1);
  if (queryId !== undefined) agent.say({ case: 'rsvpState', value: { queryId, json: '{}' } });
  await answer;
}
