import { type IpAddress, parsePrefix } from '../../../src/core/base/ip.ts';
import { BitsPerSecond, Bytes, EpochMs, Micros } from '../../../src/core/base/units.ts';
import type { AdmittedPath } from '../../../src/core/admission/decision.ts';
import { type Booking, flowKey, Ledger } from '../../../src/core/admission/ledger.ts';
import type { World } from '../../../src/core/admission/world.ts';
import { buildGraph } from '../../../src/core/network/graph.ts';
import type { Link, NetworkNode, Topology } from '../../../src/core/network/topology.ts';
import type { Qos, ReservationRequest, Window } from '../../../src/core/qos/request.ts';

export const NOW = EpochMs(1_000_000);

/** Cables by name of their ends, numbers of subnets in order: `{ ends: ['a', 'b'], … }` gives links a:a-b and b:b-a. */
export interface Cable {
  readonly ends: readonly [string, string];
  readonly capacity?: number | null;
  readonly cost?: number;
  readonly link?: Partial<Link>;
}

/** Each cable is a subnet 10.0.n.0/24 with its first end at .1 and its second at .2. */
export function network(
  cables: readonly Cable[],
  nodes: Readonly<Record<string, Partial<NetworkNode>>> = {},
): Topology {
  const names = [...new Set(cables.flatMap((cable) => cable.ends))].sort();
  const interfaceName = (from: string, to: string, n: number): string => `${from}-${to}-${n}`;
  return {
    nodes: names.map((name) => ({
      name,
      agent: 'required',
      adminState: 'up',
      labels: {},
      interfaces: cables.flatMap(({ ends }, n) =>
        ends.flatMap((end, i) => {
          const address = parsePrefix(`10.0.${n}.${i + 1}/24`);
          if (!address.ok) throw new Error(address.error);
          return end === name
            ? [{ name: interfaceName(name, ends[1 - i]!, n), addresses: [address.value], mtuBytes: Bytes(9000) }]
            : [];
        }),
      ),
      ...nodes[name],
    })),
    links: cables.flatMap(({ ends, capacity = 100e6, cost = 10, link }, n) =>
      [ends, [ends[1], ends[0]] as const].map(([from, to]) => ({
        id: `${from}:${interfaceName(from, to, n)}`,
        from: { node: from, interface: interfaceName(from, to, n) },
        to: { node: to, interface: interfaceName(to, from, n) },
        capacityBitsPerSecond: capacity === null ? null : BitsPerSecond(capacity),
        reservableShare: 0.75,
        overheadBytes: Bytes(14),
        cost,
        delayMicros: Micros(100),
        mtuBytes: Bytes(1500),
        errorCBytes: null,
        errorDMicros: null,
        riskGroups: [],
        labels: {},
        adminState: 'up' as const,
        ...link,
      })),
    ),
  };
}

/** host-a – r1 – r2 – host-b, and the costlier r1 – r3 – r2. host-a is 10.0.0.1, host-b 10.0.2.2. */
export const LAB: readonly Cable[] = [
  { ends: ['host-a', 'r1'], capacity: 1e9 },
  { ends: ['r1', 'r2'] },
  { ends: ['r2', 'host-b'], capacity: 1e9 },
  { ends: ['r1', 'r3'], cost: 20 },
  { ends: ['r3', 'r2'], cost: 20 },
];

export const world = (topology: Topology, more: Partial<World> = {}): World => ({
  graph: buildGraph(topology),
  ledger: new Ledger(),
  routes: new Map(),
  unreachable: new Map(),
  steering: new Map(),
  now: NOW,
  ...more,
});

/** Every node has an agent that can steer; `strict` are interfaces as `node:interface`. */
export const steerable = (topology: Topology, strict: readonly string[] = []): World['steering'] =>
  new Map(
    topology.nodes.map(({ name, interfaces }) => [
      name,
      {
        missing: null,
        strictInterfaces: new Set(interfaces.map((i) => i.name).filter((i) => strict.includes(`${name}:${i}`))),
      },
    ]),
  );

export const qos = (tokenRate: number, more: Partial<Qos> = {}): Qos => ({
  serviceType: 'controlledLoad',
  tokenRateBitsPerSecond: BitsPerSecond(tokenRate),
  tokenBucketBytes: Bytes(15_000),
  peakRateBitsPerSecond: null,
  minPolicedUnitBytes: Bytes(1200),
  maxPacketBytes: Bytes(1500),
  maxDelayMicros: null,
  slackMicros: Micros(0),
  ...more,
});

export function request(
  tokenRate: number,
  more: { qos?: Partial<Qos>; window?: Window; source?: string; destination?: string; allowUnpinned?: boolean } = {},
): ReservationRequest {
  return {
    name: null,
    labels: {},
    flow: {
      protocol: 'udp',
      source: { address: (more.source ?? '10.0.0.1') as IpAddress, port: 5004 },
      destination: { address: (more.destination ?? '10.0.2.2') as IpAddress, port: 5004 },
    },
    moreSources: [],
    sourcesListed: false,
    style: 'fixedFilter',
    qos: qos(tokenRate, more.qos),
    window: more.window ?? { start: NOW, end: null },
    constraints: { allowUnpinned: more.allowUnpinned ?? false },
  };
}

/** What the ledger counts for a request of one sender on a path. */
export const booking = (id: string, asked: ReservationRequest, path: Pick<AdmittedPath, 'hops'>): Booking => ({
  id,
  flowKey: flowKey(asked),
  window: asked.window,
  path,
});
