import type { EpochMs } from '../base/units.ts';
import type { AdmittedPath } from '../admission/decision.ts';
import type { Flow, FlowEndpoint, Qos, ReservationStyle, Window } from '../qos/request.ts';
import type { Change } from './terms.ts';

export type ReservationState = 'held' | 'scheduled' | 'establishing' | 'active' | 'degraded' | 'releasing' | 'ended';

export type EndReason = 'released' | 'expired' | 'leaseExpired' | 'holdExpired' | 'declined' | 'preempted' | 'failed';

/** What RSVP or the kernel said when a reservation could not be kept. */
export interface Failure {
  /** RFC 2205 appendix B. */
  readonly errorCode: number;
  readonly errorValue: number;
  /** The node that found the error: a name where the address is known, else the address. */
  readonly errorNode: string;
  readonly detail: string;
}

/** A sender beside the first, and its way to the destination. */
export interface Sender {
  readonly source: FlowEndpoint;
  /** `routed`, and of the same rate as the first sender's. */
  readonly path: AdmittedPath;
  readonly actualHops: Reservation['actualHops'];
  readonly nonRsvpHop: boolean;
  readonly adspecDeviation: string | null;
}

/** A promise as the books hold it. `flow.source`, `path` and what was seen of it are those of its first sender. */
export interface Reservation {
  /** UUIDv7. */
  readonly id: string;
  readonly name: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly state: ReservationState;
  readonly stateReason: string | null;
  readonly endReason: EndReason | null;
  readonly failure: Failure | null;
  readonly flow: Flow;
  readonly style: ReservationStyle;
  readonly qos: Qos;
  readonly window: Window;
  /** What its hops hold is this sender's: what links hold for all of them together says `heldTogether`. */
  readonly path: AdmittedPath;
  readonly moreSenders: readonly Sender[];
  /** Where PATH really went, node by node from the source, as far as agents have reported; [] = not known yet. */
  readonly actualHops: readonly { readonly node: string; readonly interface: string; readonly link: string }[];
  /** PATH passes a hop that does not speak RSVP, as agents behind it have seen: nothing is reserved there (RFC 2205 2.9). */
  readonly nonRsvpHop: boolean;
  /** Where ADSPEC says otherwise of the path than the books, in a sentence; null while both agree. */
  readonly adspecDeviation: string | null;
  /** `none` where no node of its paths has an agent that enforces. */
  readonly enforcement: 'kernel' | 'none';
  /**
   * Whether its bandwidth counts in the books. While `releasing` it still counts, unless every agent that holds it was
   * connected: those see the release before any later booking, because assignments travel in generation order.
   */
  readonly countsInBooks: boolean;
  /** When ResvConf had reached the receiver for every sender. */
  readonly confirmedAt: EpochMs | null;
  /** A change of `qos` that is under way or has failed; `qos` and `path` are what is in force meanwhile. */
  readonly change: Change | null;
  /** How often agents were told other terms: old ones that come back are not taken for those that were there before. */
  readonly termsRevision: number;
  /** Grows with every stored change; the etag is made of it. */
  readonly revision: number;
  readonly createdAt: EpochMs;
  readonly updatedAt: EpochMs;
}
