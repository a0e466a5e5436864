import { v7 as uuidv7 } from 'uuid';
import { BitsPerSecond, Bytes, EpochMs, Micros } from '../../src/core/base/units.ts';
import { parseTopology } from '../../src/core/network/validate.ts';
import type { Topology } from '../../src/core/network/topology.ts';
import type { ReservationRequest } from '../../src/core/qos/request.ts';
import type { IpAddress } from '../../src/core/base/ip.ts';
import type { AgentDirectory } from '../../src/server/control/committer.ts';
import {
  COMMITTER_SETTINGS,
  type CommitterSettings,
  GroupCommitter,
} from '../../src/server/control/group-committer.ts';
import type { BooksStore } from '../../src/server/control/ports.ts';
import { openStore, type Store } from '../../src/server/store/open-store.ts';

/** One server's store and committer on a shared database. */
export interface Replica {
  readonly store: Store;
  readonly committer: GroupCommitter;
  close(): Promise<void>;
}

export async function startReplica(
  url: string,
  options: {
    wrap?: (books: BooksStore) => BooksStore;
    settings?: Partial<CommitterSettings>;
    agents?: AgentDirectory;
  } = {},
): Promise<Replica> {
  const store = await openStore(url, { poolSize: 4 });
  const committer = new GroupCommitter({
    store: options.wrap ? options.wrap(store.books) : store.books,
    newId: uuidv7,
    settings: { ...COMMITTER_SETTINGS, ...options.settings },
    ...(options.agents ? { agents: options.agents } : {}),
  });
  await committer.start();
  return {
    store,
    committer,
    close: async () => {
      await committer.close();
      await store.close();
    },
  };
}

/** a – r – b, `capacity` each way, all of it reservable, without link-layer overhead. */
export function line(capacity = 100_000_000, agent: 'none' | 'required' = 'none'): Topology {
  const topology = parseTopology({
    nodes: [
      { name: 'a', agent, interfaces: [{ name: 'eth0', addresses: ['10.1.0.2/24'] }] },
      {
        ...{ name: 'r', agent },
        interfaces: [
          { name: 'eth0', addresses: ['10.1.0.1/24'] },
          { name: 'eth1', addresses: ['10.2.0.1/24'] },
        ],
      },
      { name: 'b', agent, interfaces: [{ name: 'eth0', addresses: ['10.2.0.2/24'] }] },
    ],
    cables: [
      {
        ...{ a: { node: 'a', interface: 'eth0' }, b: { node: 'r', interface: 'eth0' } },
        ...{ capacityBitsPerSecond: capacity, reservableShare: 1 },
      },
      {
        ...{ a: { node: 'r', interface: 'eth1' }, b: { node: 'b', interface: 'eth0' } },
        ...{ capacityBitsPerSecond: capacity, reservableShare: 1 },
      },
    ],
  });
  if (!topology.ok) throw new Error(JSON.stringify(topology.error));
  return topology.value;
}

/** a – r – b, and the costlier a – s – b. */
export function diamond(capacity: number): Topology {
  const link = (from: string, out: string, to: string, into: string, cost: number) => ({
    ...{ a: { node: from, interface: out }, b: { node: to, interface: into } },
    ...{ capacityBitsPerSecond: capacity, reservableShare: 1, cost },
  });
  const node = (name: string, ...addresses: string[]) => ({
    ...{ name, agent: 'required' },
    interfaces: addresses.map((address, i) => ({ name: `eth${i}`, addresses: [address] })),
  });
  const topology = parseTopology({
    nodes: [
      node('a', '10.1.0.2/24', '10.3.0.2/24'),
      node('r', '10.1.0.1/24', '10.2.0.1/24'),
      node('s', '10.3.0.1/24', '10.4.0.1/24'),
      node('b', '10.2.0.2/24', '10.4.0.2/24'),
    ],
    cables: [
      ...[link('a', 'eth0', 'r', 'eth0', 1), link('r', 'eth1', 'b', 'eth0', 1)],
      ...[link('a', 'eth1', 's', 'eth0', 5), link('s', 'eth1', 'b', 'eth1', 5)],
    ],
  });
  if (!topology.ok) throw new Error(JSON.stringify(topology.error));
  return topology.value;
}

let port = 1_024;
/** From a to b; a flow of its own unless ports are given. */
export function request(rate: number, more: Partial<ReservationRequest> & { port?: number } = {}): ReservationRequest {
  const { port: given, ...rest } = more;
  const own = given ?? (port = port >= 65_000 ? 1_024 : port + 1);
  return {
    name: null,
    labels: {},
    flow: {
      protocol: 'udp',
      source: { address: '10.1.0.2' as IpAddress, port: own },
      destination: { address: '10.2.0.2' as IpAddress, port: 5_004 },
    },
    moreSources: [],
    sourcesListed: false,
    style: 'fixedFilter',
    qos: {
      serviceType: 'controlledLoad',
      tokenRateBitsPerSecond: BitsPerSecond(rate),
      tokenBucketBytes: Bytes(15_000),
      peakRateBitsPerSecond: null,
      minPolicedUnitBytes: Bytes(128),
      maxPacketBytes: Bytes(1_500),
      maxDelayMicros: null,
      slackMicros: Micros(0),
    },
    // Open for sure: the database's clock and ours differ by a little.
    window: { start: EpochMs(Date.now() - 60_000), end: null },
    constraints: { allowUnpinned: false },
    ...rest,
  };
}

export async function storeTopology(replica: Replica, topology: Topology): Promise<void> {
  const { version } = replica.committer.books.topology();
  await replica.committer.replaceTopology(topology, { ifMatch: `"t${version}"`, force: false, preview: false });
}

/** Resolves when the replica has followed the events up to there. */
export async function followed(replica: Replica, last: bigint): Promise<void> {
  const signal = new AbortController().signal;
  while (replica.committer.log.last < last) await replica.committer.log.more(replica.committer.log.last, signal);
}
