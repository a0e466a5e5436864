import { Heap } from '../../base/heap.ts';
import { MonotonicMs, type Millis } from '../../base/units.ts';
import type { Random } from '../../base/random.ts';

/** K of RFC 2205 3.7: K - 1 successive refreshes may be lost. */
export const LIFETIME_FACTOR = 3;
/** Kb of RFC 2205 3.5: a refused flowspec is not tried again for Kb · R. */
export const BLOCKADE_FACTOR = 3;
/** W of RFC 2205 3.6: how long routing may settle before PATH goes a new way. Never longer than R. */
export const ROUTE_SETTLE_MS = 2_000;
/** Longest R that is believed of a neighbour, so that one message cannot occupy state for weeks. */
const LONGEST_REFRESH_MS = 3_600_000;
/**
 * Fast start (RFC 2205 3.7 point 6): gaps before the first repetitions of a message that changed state, ms; of these, only
 * those shorter than half of R, so that a short R is not flooded. They double as in RFC 2961 6. Where a fifth of all packets
 * is lost, one set-up over three hops in 250 then takes more than 5 s; it is one in 25 with 0.5, 1.5 and 4.5 s.
 */
const FAST_START_MS = [250, 500, 1_000, 2_000, 4_000] as const;

/** L for a received R (RFC 2205 3.7 point 2). R = 0 says nothing; the node's own R stands in for it. */
export function lifetime(received: Millis, own: Millis): number {
  const r = received > 0 ? Math.min(received, LONGEST_REFRESH_MS) : own;
  return (LIFETIME_FACTOR + 0.5) * 1.5 * r;
}

/** Time to the next repetition, `step` of them being done since the last change; after fast start uniform in [0.5R, 1.5R]. */
export function refreshDelay(step: number, period: Millis, random: Random): number {
  const fast = FAST_START_MS[step];
  const spread = 0.5 + random();
  return fast !== undefined && fast < period / 2 ? fast * spread : period * spread;
}

interface Entry {
  readonly at: number;
  readonly order: number;
  readonly timer: Timer;
}

/** One deadline that can be moved and cancelled; `at` null = not armed. */
export interface Timer {
  at: MonotonicMs | null;
  entry: Entry | null;
  /** What it is for, in words for people: `path expiry`. */
  readonly kind: string;
  readonly fire: (now: MonotonicMs) => void;
}

/**
 * All deadlines of an engine in one heap. Moving a deadline later, which every refresh does, costs nothing: the heap's
 * entry stays where it is and is put back when it surfaces. A timer has one live entry; entries that were overtaken by
 * an earlier one are dropped when they surface.
 */
export class TimerQueue {
  readonly #heap = new Heap<Entry>((a, b) => a.at < b.at || (a.at === b.at && a.order < b.order));
  #order = 0;

  create(fire: (now: MonotonicMs) => void, kind: string): Timer {
    return { at: null, entry: null, kind, fire };
  }

  set(timer: Timer, at: number): void {
    timer.at = MonotonicMs(at);
    if (timer.entry === null || timer.entry.at > at) this.#push(timer, at);
  }

  cancel(timer: Timer): void {
    timer.at = null;
  }

  /** Fires everything due at `now`, in order of deadline. */
  runDue(now: MonotonicMs): void {
    for (;;) {
      const next = this.next();
      if (next === null || next > now) return;
      const { timer } = this.#heap.pop()!;
      timer.entry = null;
      timer.at = null;
      timer.fire(now);
    }
  }

  next(): MonotonicMs | null {
    for (;;) {
      const top = this.#heap.peek();
      if (top === undefined) return null;
      const { timer } = top;
      if (timer.entry === top && timer.at !== null && timer.at <= top.at) return timer.at;
      this.#heap.pop();
      if (timer.entry !== top) continue;
      timer.entry = null;
      if (timer.at !== null) this.#push(timer, timer.at);
    }
  }

  /** How many are armed and which is due first, by kind. Walks all of them: for people, not for each message. */
  armed(): ReadonlyMap<string, { readonly count: number; readonly next: MonotonicMs }> {
    const kinds = new Map<string, { count: number; next: MonotonicMs }>();
    for (const entry of this.#heap.items()) {
      const { at, kind } = entry.timer;
      if (entry.timer.entry !== entry || at === null) continue;
      const known = kinds.get(kind);
      if (!known) kinds.set(kind, { count: 1, next: at });
      else {
        known.count++;
        if (at < known.next) known.next = at;
      }
    }
    return kinds;
  }

  #push(timer: Timer, at: number): void {
    timer.entry = { at, order: this.#order++, timer };
    this.#heap.push(timer.entry);
  }
}
