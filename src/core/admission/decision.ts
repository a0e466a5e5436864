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

/** Where and how much: the outcome of a grant. */
export interface AdmittedPath {
  readonly hops: readonly BookedHop[];
  /** All nodes from the source's to the destination's: one more than hops. */
  readonly nodes: readonly NodeName[];
  /** What goes on the wire: R for guaranteed, r for controlled load; a float32 value rounded up. */
  readonly rate: BytesPerSecond;
  /** End-to-end bound of guaranteed service (RFC 2212 plus the links' delays); null for controlled load. */
  readonly delayBoundMicros: Micros | null;
}

export interface Interval {
  readonly start: EpochMs;
  /** null = for ever. */
  readonly end: EpochMs | null;
}

/** One reason of a refusal; a refusal carries all that apply. */
export type RefusalReason =
  | {
      readonly reason: 'BANDWIDTH_UNAVAILABLE';
      readonly link: LinkId;
      readonly requestedBitsPerSecond: BitsPerSecond;
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
    };

/** What would fit instead. */
export type Alternative =
  | {
      readonly kind: 'path';
      /** What Headroom or the caller would need for it. */
      readonly needs: 'PINNING';
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
  | { readonly admitted: true; readonly path: AdmittedPath; readonly touched: readonly LinkId[] }
  | {
      readonly admitted: false;
      readonly code: RefusalCode;
      readonly reasons: readonly RefusalReason[];
      readonly alternatives: readonly Alternative[];
      readonly touched: readonly LinkId[];
    };
