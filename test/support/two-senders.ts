import { BitsPerSecond, Bytes, BytesPerSecond, EpochMs } from '../../src/core/base/units.ts';
import type { TopologyInput } from '../../src/core/network/document.ts';
import type { FlowEndpoint, ReservationStyle } from '../../src/core/qos/request.ts';
import type { Assignment } from '../../src/core/reservation/assignment.ts';
import { ip } from './network.ts';

const node = (name: string, ...addresses: readonly string[]) => ({
  name,
  agent: 'required' as const,
  interfaces: addresses.map((address, i) => ({ name: `eth${i}`, addresses: [address] })),
});
const cable = (host: string, to: string) => ({
  a: { node: host, interface: 'eth0' },
  b: { node: 'r1', interface: to },
  capacityBitsPerSecond: 1_000_000_000,
  reservableShare: 0.75,
  overheadBytes: 14,
  cost: 1,
  delayMicros: 50,
});
/** Two senders' hosts and a receiver's at one router. */
export const NETWORK: TopologyInput = {
  nodes: [
    node('host-a', '10.1.0.2/24'),
    node('host-c', '10.3.0.2/24'),
    node('host-b', '10.2.0.2/24'),
    node('r1', '10.1.0.1/24', '10.2.0.1/24', '10.3.0.1/24'),
  ],
  cables: [cable('host-a', 'eth0'), cable('host-b', 'eth1'), cable('host-c', 'eth2')],
};
const OUTGOING: Readonly<Record<string, string | null>> = {
  'host-a': 'eth0',
  'host-c': 'eth0',
  r1: 'eth1',
  'host-b': null,
};
export const SENDERS: Readonly<Record<string, FlowEndpoint>> = {
  'host-a': { address: ip('10.1.0.2'), port: 5004 },
  'host-c': { address: ip('10.3.0.2'), port: 5004 },
};
/** The reservation `v` of both senders, as one of the nodes has to see it. */
export const assignment = (at: string, style: ReservationStyle, change: Partial<Assignment> = {}): Assignment => {
  const own = SENDERS[at];
  const sources = own ? [own] : Object.values(SENDERS);
  return {
    reservationId: 'v',
    revision: 1,
    flow: { protocol: 'udp', source: sources[0]!, destination: { address: ip('10.2.0.2'), port: 5004 } },
    sources,
    ownSources: own ? [0] : [],
    style,
    tspec: {
      tokenRate: BytesPerSecond(1e6),
      tokenBucket: Bytes(15_000),
      peakRate: BytesPerSecond(Infinity),
      minPolicedUnit: Bytes(128),
      maxPacketSize: Bytes(1500),
    },
    rspec: null,
    isSender: own !== undefined,
    isReceiver: at === 'host-b',
    outgoingInterface: OUTGOING[at]!,
    bookedBitsPerSecond: BitsPerSecond(17_750_000),
    nextHop: null,
    pinned: false,
    explicitRoute: [],
    validFrom: EpochMs(0),
    validUntil: null,
    ...change,
  };
};
