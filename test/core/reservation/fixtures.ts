import type { IpAddress } from '../../../src/core/base/ip.ts';
import { BitsPerSecond, Bytes, BytesPerSecond, EpochMs, Micros } from '../../../src/core/base/units.ts';
import type { Reservation } from '../../../src/core/reservation/reservation.ts';

export function reservation(more: Partial<Reservation> = {}): Reservation {
  const hop = (node: string) => ({
    node,
    interface: 'eth1',
    link: `${node}:eth1`,
    bookedBitsPerSecond: BitsPerSecond(27_734_375),
  });
  return {
    id: '0193a8e2-0000-7000-8000-000000000001',
    name: null,
    labels: {},
    state: 'establishing',
    stateReason: null,
    endReason: null,
    failure: null,
    flow: {
      protocol: 'udp',
      source: { address: '10.1.0.2' as IpAddress, port: 5004 },
      destination: { address: '10.2.0.2' as IpAddress, port: 5004 },
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
    window: { start: EpochMs(1000), end: EpochMs(9000) },
    path: {
      hops: [hop('host-a'), hop('r1')],
      nodes: ['host-a', 'r1', 'host-b'],
      rate: BytesPerSecond(4_000_000),
      delayBoundMicros: Micros(17_000),
      pinning: 'routed',
      explicitRoute: [],
    },
    actualHops: [],
    nonRsvpHop: false,
    adspecDeviation: null,
    enforcement: 'kernel',
    countsInBooks: true,
    confirmedAt: null,
    change: null,
    termsRevision: 0,
    revision: 1,
    createdAt: EpochMs(500),
    updatedAt: EpochMs(500),
    ...more,
  };
}
