import type { BitsPerSecond, BytesPerSecond, EpochMs, Micros } from '../base/units.ts';
import type { Qos } from '../qos/request.ts';

/** What is promised on a path that itself stays as it is. */
export interface Terms {
  readonly qos: Qos;
  /** One for each hop of the path, in order. */
  readonly bookedBitsPerSecond: readonly BitsPerSecond[];
  readonly rate: BytesPerSecond;
  readonly delayBoundMicros: Micros | null;
  /** The same for the paths of further senders, in their order. */
  readonly moreSenders: readonly SenderTerms[];
}

export interface SenderTerms {
  readonly bookedBitsPerSecond: readonly BitsPerSecond[];
  readonly delayBoundMicros: Micros | null;
}

/**
 *     applying → (in force, no change left)
 *        └─────→ reverting → failed
 *
 * `applying`: agents are told the requested terms. `reverting`: one of them could not, all are told the old terms again.
 * `failed`: all hold the old terms; kept for people until the next change.
 */
export type ChangeState = 'applying' | 'reverting' | 'failed';

/** Why a change did not come about. */
export interface ChangeReason {
  readonly reason: 'REFUSED' | 'TIMED_OUT';
  /** RFC 2205 appendix B; 0 where nobody told. */
  readonly errorCode: number;
  readonly errorValue: number;
  /** The node that found the error; empty where nobody told. */
  readonly errorNode: string;
  readonly detail: string;
}

/** A change of an admitted reservation that is not, or will not be, in force. */
export interface Change {
  readonly state: ChangeState;
  /** The reservation's revision that began it: tells one change from the next. */
  readonly since: number;
  readonly requestedAt: EpochMs;
  readonly terms: Terms;
  readonly reasons: readonly ChangeReason[];
}
