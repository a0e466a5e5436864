import type { IpAddress } from '../../base/ip.ts';
import type { Millis, MonotonicMs } from '../../base/units.ts';
import type { Flowspec } from '../../qos/flowspec.ts';
import type { RsvpFlowspec } from '../wire/flowspec.ts';
import type { RsvpUnknown } from '../wire/unknown.ts';
import type { Timer } from './timers.ts';
import type { FlowKey } from './types.ts';

/** Why and until when a flowspec is not tried again on this node. */
export interface Refusal {
  readonly flowspec: Flowspec;
  readonly errorCode: number;
  readonly errorValue: number;
  readonly until: MonotonicMs;
}

/** A reservation request of one next hop for one sender (RFC 2209 1, FF style). */
export interface Rsb {
  readonly interface: string;
  readonly nextHop: IpAddress;
  /** Objects that are only forwarded (RFC 2205 3.10). */
  forwarded: readonly RsvpUnknown[];
  /** R that the next hop announced. */
  refreshPeriod: Millis;
  /** What it asked for last. */
  requested: Flowspec;
  /** What of it traffic control holds; null before the first success. */
  accepted: Flowspec | null;
  /** Set while `requested` stands refused. */
  refusal: Refusal | null;
  /** The receiver that wants to hear of success, until that is passed on or answered. */
  confirm: IpAddress | null;
  readonly expiry: Timer;
}

/** What traffic control holds for a flow on its outgoing interface (TCSB of RFC 2209). */
export interface TrafficControl {
  readonly interface: string;
  /** The last flowspec that was reported installed. */
  installed: Flowspec | null;
  /** The install without an answer. */
  pending: { readonly installId: number; readonly flowspec: Flowspec } | null;
  /** An unanswered install was overtaken: what the kernel holds is uncertain until one succeeds. */
  uncertain: boolean;
}

/** One flow descriptor of a RESV, with what the message said for all of them. */
export interface ArrivedResv {
  readonly flow: FlowKey;
  readonly interface: string;
  readonly nextHop: IpAddress;
  readonly refreshPeriod: Millis;
  readonly flowspec: RsvpFlowspec;
  readonly confirm: IpAddress | null;
  readonly forwarded: readonly RsvpUnknown[];
}
