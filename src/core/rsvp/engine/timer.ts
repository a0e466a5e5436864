/**
 * What a timer is for, said once for all that are: `C` is the engine's state, `S` the block that a timer is about. A node
 * has several timers for every reservation, so none of them holds a function of its own.
 */
export interface TimerKind<C, S> {
  /** In words for people: `path expiry`. */
  readonly name: string;
  readonly fire: (context: C, subject: S) => void;
}

/** Where armed timers lie, each with a key that is never later than its deadline, and when it was put there. */
export interface TimerShelf {
  readonly timers: Timer[];
  readonly keys: number[];
  readonly orders: number[];
  remove(timer: Timer): void;
}

/** One deadline that can be moved and cancelled. */
export interface Timer {
  /** Infinity: not armed. */
  at: number;
  /** null: not armed. */
  shelf: TimerShelf | null;
  /** Where it is on the shelf. */
  index: number;
  readonly kind: TimerKind<never, never>;
  /** The block that it belongs to; set when that is made. */
  subject: unknown;
}

export const isArmed = (timer: Timer): boolean => timer.at !== Infinity;

/** Not armed. */
export const newTimer = <C, S>(kind: TimerKind<C, S>, subject: S | null = null): Timer => ({
  at: Infinity,
  shelf: null,
  index: -1,
  kind: kind,
  subject,
});
