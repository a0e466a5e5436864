import type { IpAddress } from '../base/ip.ts';
import type { BitsPerSecond, Bytes, BytesPerSecond, EpochMs, Micros } from '../base/units.ts';
import type { LinkId, NodeName } from '../network/topology.ts';

/** One link of an admitted path with what the books hold there. */
export interface BookedHop {
  readonly node: NodeName;
  readonly interface: string;
  readonly link: LinkId;
  /** Link-layer overhead included. */
  readonly bookedBitsPerSecond: BitsPerSecond;
}

/**
 * How a flow comes to its path. `routed`: the kernels' routes lead it there. `pinned`: every node's agent steers it.
 * `unpinned`: agents steer it where there are some that can, elsewhere somebody else has to.
 */
export type Pinning = 'routed' | 'pinned' | 'unpinned';

/** Where and how much: the outcome of a grant. */
export interface AdmittedPath {
  readonly hops: readonly BookedHop[];
  /** All nodes from the source's to the destination's: one more than hops. */
  readonly nodes: readonly NodeName[];
  /** What goes on the wire: R for guaranteed, r for controlled load; a float32 value rounded up. */
  readonly rate: BytesPerSecond;
  /** End-to-end bound of guaranteed service (RFC 2212 plus the links' delays); null for controlled load. */
  readonly delayBoundMicros: Micros | null;
  readonly pinning: Pinning;
  /** For each hop the address by which the flow enters the next node, null = unknown; empty where `routed`. */
  readonly explicitRoute: readonly (IpAddress | null)[];
}

export interface Interval {
  readonly start: EpochMs;
  /** null = for ever. */
  readonly end: EpochMs | null;
}

/** What keeps a flow from being pinned to a path, and where. */
export interface PinningObstacle {
  readonly node: NodeName;
  /** null where it is the node as a whole. */
  readonly interface: string | null;
  /** What would have to change: an agent, its means of steering, `rp_filter` of the interface, an address of the link. */
  readonly setting: 'agent' | 'steering' | 'rp_filter' | 'nextHop' | 'ipVersion';
  /** For people. */
  readonly detail: string;
}

/** One reason of a refusal; a refusal carries all that apply. */
export type RefusalReason =
  | {
      readonly reason: 'BANDWIDTH_UNAVAILABLE';
      readonly link: LinkId;
      readonly requestedBitsPerSecond: BitsPerSecond;
      /** The senders that each need their own part of it; absent where one part serves all. */
      readonly senders?: number;
      /** The least that is free on the link within the window. */
      readonly availableBitsPerSecond: BitsPerSecond;
      /** The first stretch of the window in which it does not fit. */
      readonly interval: Interval;
      /** Ids of the reservations that hold the link in that interval, largest first; at most 100. */
      readonly conflicting: readonly string[];
    }
  | { readonly reason: 'NO_PATH'; readonly source: NodeName; readonly destination: NodeName; readonly detail: string }
  | {
      readonly reason: 'DELAY_BOUND_UNREACHABLE';
      /** Whose path it is; absent where there is one sender. */
      readonly source?: IpAddress;
      readonly requestedMicros: Micros;
      /** What an infinite rate would still need; null when only bandwidth is missing. */
      readonly smallestMicros: Micros | null;
    }
  | {
      readonly reason: 'MTU_TOO_SMALL';
      readonly link: LinkId;
      readonly mtuBytes: Bytes;
      readonly requestedBytes: Bytes;
    }
  | {
      readonly reason: 'AGENT_UNREACHABLE';
      readonly node: NodeName;
      /** null = never seen. */
      readonly lastSeenAt: EpochMs | null;
    }
  /** Routing may take several ways from there, and the flow cannot be pinned to one of them. */
  | { readonly reason: 'MULTIPATH'; readonly node: NodeName; readonly destination: IpAddress; readonly detail: string }
  /** Another path would fit, but the flow cannot be pinned to it. */
  | ({ readonly reason: 'PINNING_UNAVAILABLE' } & PinningObstacle);

/** What would fit instead. */
export type Alternative =
  | {
      readonly kind: 'path';
      /** What is missing for it; `obstacles` says where and why. */
      readonly needs: 'PINNING';
      readonly obstacles: readonly PinningObstacle[];
      readonly hops: readonly BookedHop[];
      readonly delayBoundMicros: Micros | null;
    }
  | {
      readonly kind: 'rate';
      /** The largest token rate that fits on the routed path. */
      readonly tokenRateBitsPerSecond: BitsPerSecond;
    };

export type RefusalCode =
  'NO_PATH' | 'BANDWIDTH_UNAVAILABLE' | 'DELAY_BOUND_UNREACHABLE' | 'MTU_TOO_SMALL' | 'AGENT_UNREACHABLE';

/** `touched`: every link whose books or state the decision depended on, so that it can be checked against the database. */
export type Decision =
  | {
      readonly admitted: true;
      /** Of the first sender. */
      readonly path: AdmittedPath;
      /** Of `moreSources`, in their order. */
      readonly morePaths: readonly AdmittedPath[];
      readonly touched: readonly LinkId[];
    }
  | {
      readonly admitted: false;
      readonly code: RefusalCode;
      readonly reasons: readonly RefusalReason[];
      readonly alternatives: readonly Alternative[];
      readonly touched: readonly LinkId[];
    };
