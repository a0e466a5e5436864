import type { Millis } from '../../../core/base/units.ts';
import type { LifeCycleEvent } from '../../../core/reservation/life-cycle-events.ts';
import type { Reservation } from '../../../core/reservation/reservation.ts';
import type { Track } from './hop-track.ts';
import { adspecNews, type PathView } from './path-news.ts';

/**
 * Tells what ADSPEC says once it has lasted: a new topology is in the books at once, while its delays and MTUs reach the
 * receiver's host from agent to agent and from hop to hop. That both agree again is told at once.
 */
export class LastingAdspec {
  readonly #settleMs: Millis;
  readonly #look: (reservationId: string) => void;
  /** Reservations with a difference that is not told: null = it has lasted. */
  readonly #differing = new Map<string, NodeJS.Timeout | null>();

  constructor(settleMs: Millis, look: (reservationId: string) => void) {
    this.#settleMs = settleMs;
    this.#look = look;
  }

  /** The event that is due; `look` is called when a difference that is not due yet has lasted. */
  due(reservation: Reservation, track: Track, view: PathView): LifeCycleEvent | null {
    const { id } = reservation;
    const { agreement, difference } = adspecNews(reservation, track, view);
    if (difference === null) this.forget(id);
    else if (!this.#differing.has(id)) this.#await(id);
    return agreement ?? (this.#differing.get(id) === null ? difference : null);
  }

  forget(id: string): void {
    clearTimeout(this.#differing.get(id) ?? undefined);
    this.#differing.delete(id);
  }

  close(): void {
    for (const timer of this.#differing.values()) clearTimeout(timer ?? undefined);
    this.#differing.clear();
  }

  #await(id: string): void {
    const timer = setTimeout(() => {
      this.#differing.set(id, null);
      this.#look(id);
    }, this.#settleMs);
    this.#differing.set(id, timer.unref());
  }
}
