import type { EpochMs } from '../base/units.ts';
import type { Failure, Reservation } from './reservation.ts';
import type { ChangeReason } from './terms.ts';

/** What can happen to a reservation after it was booked. */
export type LifeCycleEvent =
  /** `window.start` has come. */
  | { readonly type: 'windowOpened' }
  /** Every managed hop has installed it. */
  | { readonly type: 'hopsInstalled' }
  /** ResvConf reached the receiver. */
  | { readonly type: 'confirmed'; readonly at: EpochMs }
  /** A hop that had installed it has lost it: degraded until it is back. */
  | { readonly type: 'hopLost'; readonly detail: string }
  /** A hop cannot install it, or RSVP refused it. */
  | { readonly type: 'signallingFailed'; readonly failure: Failure }
  /** 30 s in `establishing` without result. */
  | { readonly type: 'establishTimedOut'; readonly detail: string }
  /**
   * `inOrder`: every agent that holds it is connected, so its room may be used at once. `revision`: the only one that is meant;
   * left out: any.
   */
  | { readonly type: 'releaseRequested'; readonly inOrder: boolean; readonly revision?: number }
  | { readonly type: 'windowEnded' }
  /** Every managed hop has reported removal, or its state must have timed out by now. */
  | { readonly type: 'removed' }
  /** Every managed hop has installed the requested terms. `since` names the change in all three. */
  | { readonly type: 'changeApplied'; readonly since: number }
  /** A hop refused the requested terms, or did not take them in time. */
  | { readonly type: 'changeRefused'; readonly since: number; readonly reason: ChangeReason }
  /** Every managed hop holds the old terms again. */
  | { readonly type: 'changeReverted'; readonly since: number }
  /** The agents have told where PATH of one sender goes, by its index. */
  | { readonly type: 'pathObserved'; readonly sender: number; readonly actualHops: Reservation['actualHops'] }
  /** PATH of one sender passes a hop that does not speak RSVP, or no longer does. */
  | { readonly type: 'nonRsvpHop'; readonly sender: number; readonly present: boolean }
  /** What ADSPEC says of the path of one sender was compared with the books: the difference in a sentence, null where they agree. */
  | { readonly type: 'adspecObserved'; readonly sender: number; readonly deviation: string | null };
