import { MonotonicMs, type Millis } from '../../../core/base/units.ts';
import type { LifeCycleEvent } from '../../../core/reservation/life-cycle-events.ts';
import type { ReservationState } from '../../../core/reservation/reservation.ts';

/** How long a reservation has to stand before it is active again, and how far apart further news of a failure are. */
export const FLAP_SETTLE_MS = 500 as Millis;

/**
 * What a link that flaps makes of one reservation's events: the first loss is told at once, what follows not more often than
 * every 500 ms, and the end when nothing was lost for 500 ms.
 */
export class FlapDamper {
  readonly #settleMs: Millis;
  #unsettledAt: MonotonicMs | null = null;
  #toldAt: MonotonicMs | null = null;

  constructor(settleMs: Millis) {
    this.#settleMs = settleMs;
  }

  /** Not all of its hops hold it. */
  unsettled(now: MonotonicMs): void {
    this.#unsettledAt = now;
  }

  told({ type }: LifeCycleEvent, now: MonotonicMs): void {
    if (type === 'hopLost' || type === 'pathObserved') this.#toldAt = now;
  }

  /** When the event may be told; a time that is over: now. */
  dueAt({ type }: LifeCycleEvent, state: ReservationState): MonotonicMs {
    if (type === 'hopsInstalled' && state === 'degraded') return this.#after(this.#unsettledAt);
    if (type === 'pathObserved' || (type === 'hopLost' && state === 'degraded')) return this.#after(this.#toldAt);
    return MonotonicMs(0);
  }

  #after(at: MonotonicMs | null): MonotonicMs {
    return MonotonicMs(at === null ? 0 : at + this.#settleMs);
  }
}
