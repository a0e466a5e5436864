import { parseIp } from '../../src/core/base/ip.ts';
import { BitsPerSecond, Bytes, BytesPerSecond, EpochMs, Micros } from '../../src/core/base/units.ts';
import { reservableBitsPerSecond, type Topology } from '../../src/core/network/topology.ts';
import { parseTopology } from '../../src/core/network/validate.ts';
import { applyPatches, patchProblems } from '../../src/core/qos/parse-patch.ts';
import { parseReservationRequest } from '../../src/core/qos/parse-request.ts';
import type { Reservation } from '../../src/core/reservation/reservation.ts';
import type { AgentView, Control, EventView } from '../../src/server/control/api.ts';
import { badRequest } from '../../src/server/control/bad-request.ts';
import { ControlError } from '../../src/server/control/errors.ts';

export const RESERVATION_ID = '0193b1e0-0000-7000-8000-000000000001';
export const NOW = EpochMs(Date.UTC(2026, 10, 22, 10));

const address = (text: string) => {
  const parsed = parseIp(text);
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.value;
};

/** A request that is right in every part, as a caller writes it. */
export const goodRequest = () => ({
  name: 'camera-3-to-studio',
  labels: { job: '42' },
  flow: {
    protocol: 'udp',
    source: { address: '10.1.0.2', port: 5004 },
    destination: { address: '10.2.0.2', port: 5004 },
  },
  qos: {
    serviceType: 'guaranteed',
    tokenRateBitsPerSecond: 25_000_000,
    tokenBucketBytes: 15_000,
    peakRateBitsPerSecond: 30_000_000,
    minPolicedUnitBytes: 128,
    maxPacketBytes: 1500,
    maxDelayMicros: 20_000,
    slackMicros: 0,
  },
  window: { start: '2026-11-22T10:00:00Z', end: '2026-11-22T12:00:00Z' },
});

export const goodTopology = () => ({
  nodes: [
    { name: 'a', agent: 'required', interfaces: [{ name: 'eth0', addresses: ['10.1.0.2/24'] }] },
    { name: 'b', interfaces: [{ name: 'eth0', addresses: ['10.1.0.3/24'] }] },
  ],
  cables: [
    {
      a: { node: 'a', interface: 'eth0' },
      b: { node: 'b', interface: 'eth0' },
      capacityBitsPerSecond: 100_000_000,
    },
  ],
});

export const reservation = (over: Partial<Reservation> = {}): Reservation => ({
  id: RESERVATION_ID,
  name: 'camera-3-to-studio',
  labels: { job: '42' },
  state: 'active',
  stateReason: null,
  endReason: null,
  failure: null,
  flow: {
    protocol: 'udp',
    source: { address: address('10.1.0.2'), port: 5004 },
    destination: { address: address('10.2.0.2'), port: null },
  },
  style: 'fixedFilter',
  moreSenders: [],
  qos: {
    serviceType: 'guaranteed',
    tokenRateBitsPerSecond: BitsPerSecond(25_000_000),
    tokenBucketBytes: Bytes(15_000),
    peakRateBitsPerSecond: null,
    minPolicedUnitBytes: Bytes(128),
    maxPacketBytes: Bytes(1500),
    maxDelayMicros: Micros(20_000),
    slackMicros: Micros(0),
  },
  window: { start: NOW, end: null },
  path: {
    nodes: ['host-a', 'r1', 'host-b'],
    hops: [
      { node: 'host-a', interface: 'eth0', link: 'host-a:eth0', bookedBitsPerSecond: BitsPerSecond(27_734_375) },
      { node: 'r1', interface: 'eth1', link: 'r1:eth1', bookedBitsPerSecond: BitsPerSecond(27_000_000) },
    ],
    rate: BytesPerSecond(3_125_000),
    delayBoundMicros: Micros(17_000),
    pinning: 'routed',
    explicitRoute: [],
  },
  actualHops: [{ node: 'host-a', interface: 'eth0', link: 'host-a:eth0' }],
  nonRsvpHop: false,
  adspecDeviation: null,
  enforcement: 'kernel',
  countsInBooks: true,
  confirmedAt: EpochMs(NOW + 12),
  change: null,
  termsRevision: 0,
  revision: 7,
  createdAt: NOW,
  updatedAt: EpochMs(NOW + 13),
  ...over,
});

const AGENT: AgentView = {
  id: 'r1',
  state: 'connected',
  hostName: 'r1.example',
  bootId: 'b-1',
  version: '0.1.0',
  lastSeenAt: NOW,
  interfaces: [
    { name: 'eth1', addresses: ['10.0.12.1/30'], mtuBytes: 1500, speedBitsPerSecond: null, up: true, rpFilter: 2 },
  ],
  routes: [{ destination: { address: address('10.2.0.0'), length: 24 }, interface: 'eth1', gateway: null, metric: 10 }],
  features: {
    enforces: true,
    steers: true,
    steeringProblem: null,
    rsvpTransport: 'raw',
    refreshPeriodMs: 30_000,
    notes: [],
  },
  mismatches: ['eth2 is not in the topology'],
  findings: [],
  assignments: 3,
  memoryBytes: 50_000_000,
};

export interface EdgeControl extends Control {
  /** Every call with its arguments, in order. */
  readonly calls: { readonly name: string; readonly args: readonly unknown[] }[];
}

/**
 * For tests of the edges alone: judges requests with the core as the real one does and remembers what it was asked, but
 * books nothing. `over` replaces single calls.
 */
export function edgeControl(over: Partial<Control> = {}): EdgeControl {
  const calls: { name: string; args: readonly unknown[] }[] = [];
  let stored: Topology = { nodes: [], links: [] };
  const known = (id: string): Reservation => {
    if (id !== RESERVATION_ID) throw new ControlError('NOT_FOUND', `There is no reservation ${id}`);
    return reservation();
  };
  const link = (id: string) => {
    const found = stored.links.find((each) => each.id === id);
    if (!found) throw new ControlError('NOT_FOUND', `There is no link ${id}`);
    const zero = BitsPerSecond(0);
    const reservable = reservableBitsPerSecond(found);
    return {
      ...found,
      reservableBitsPerSecond: reservable,
      bookedBitsPerSecond: zero,
      overbookedBitsPerSecond: zero,
      calendar: null,
    };
  };
  const put: Control['putTopology'] = async (document, { validateOnly }) => {
    const parsed = parseTopology(document);
    if (!parsed.ok) {
      throw new ControlError('INVALID_ARGUMENT', 'The topology is not valid', {
        fields: parsed.error.map((each) => ({ code: 'INVALID_ARGUMENT', ...each })),
      });
    }
    if (!validateOnly) stored = parsed.value;
    const nodesAdded = parsed.value.nodes.map((node) => node.name);
    const linksAdded = parsed.value.links.map((each) => each.id);
    const rest = { nodesChanged: [], nodesRemoved: [], linksChanged: [], linksRemoved: [] };
    return { topology: parsed.value, etag: '"2"', changes: { nodesAdded, linksAdded, ...rest }, notes: [] };
  };
  const control: Control = {
    reserve: async (input) => {
      const parsed = parseReservationRequest(input, NOW);
      if (!parsed.ok) {
        const code = parsed.error.every((each) => each.code === 'OUT_OF_RANGE') ? 'OUT_OF_RANGE' : 'INVALID_ARGUMENT';
        throw new ControlError(code, 'The request is not valid', { fields: parsed.error });
      }
      return { reservation: reservation({ ...parsed.value, state: 'establishing' }), replayed: false };
    },
    getReservation: async (id) => known(id),
    listReservations: async () => ({ items: [reservation()], nextPageToken: 'next' }),
    releaseReservation: async (id) => void known(id),
    modifyReservation: async (id, patches, { ifMatch }) => {
      const before = known(id);
      const problems = patchProblems(patches);
      if (problems.length > 0) throw badRequest(problems);
      if (ifMatch === null) throw new ControlError('ETAG_REQUIRED', 'If-Match is required');
      const patched = applyPatches(before, patches);
      if (!patched.ok) throw badRequest(patched.error);
      return { reservation: reservation({ ...patched.value, revision: before.revision + 1 }), replayed: false };
    },
    getTopology: async () => ({ topology: stored, etag: '"1"' }),
    putTopology: put,
    importTopology: async (text, _format, options) => put(JSON.parse(text), options),
    listNodes: async () => stored.nodes.map((node) => ({ ...node, agentState: 'connected' as const })),
    getNode: async (name) => {
      const found = stored.nodes.find((node) => node.name === name);
      if (!found) throw new ControlError('NOT_FOUND', `There is no node ${name}`);
      return { ...found, agentState: null };
    },
    listLinks: async () => stored.links.map((each) => link(each.id)),
    getLink: async (id) => link(id),
    listAgents: async () => [AGENT],
    getAgent: async () => AGENT,
    watchAgentRsvp: () => (async function* () {})(),
    enrolAgent: async (node) => {
      if (node !== 'a') throw new ControlError('NOT_FOUND', `no node is called "${node}"`);
      return { node, token: 'hr1_x', expiresAt: NOW, server: 'control:7400', authorityFingerprint: '00' };
    },
    revokeAgent: async (node) => {
      if (node !== 'a') throw new ControlError('NOT_FOUND', `no node is called "${node}"`);
      return { certificates: 1 };
    },
    getAgentRsvp: async () => ({ pathStates: [], reservationStates: [] }),
    watchEvents: (after, signal) => untilAborted([], signal, after),
    readiness: async () => ({ ready: true, database: 'ok', migrations: 'ok', warnings: [] }),
    isStale: () => false,
    ...over,
  };
  const recorded = Object.fromEntries(
    Object.entries(control).map(([name, call]) => [
      name,
      (...args: unknown[]): unknown => {
        calls.push({ name, args });
        return (call as (...args: unknown[]) => unknown)(...args);
      },
    ]),
  ) as unknown as Control;
  // Asked with every answer: no call of a caller's.
  return { ...recorded, isStale: () => control.isStale(), calls };
}

/** The given events, then silence until the signal aborts. */
export async function* untilAborted(
  events: readonly EventView[],
  signal: AbortSignal,
  after: bigint | null = null,
): AsyncGenerator<EventView> {
  for (const event of events) if (after === null || event.id > after) yield event;
  if (signal.aborted) return;
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}

/** Events that cannot be had. */
export const failing = (error: Error): AsyncIterable<EventView> => ({
  [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(error) }),
});
