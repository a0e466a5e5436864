import { MonotonicMs } from '../../base/units.ts';

/**
 * What a timer is for, said once for all that are: `C` is the engine's state, `S` the block that a timer is about. A node
 * has several timers for every reservation, so none of them holds a function of its own.
 */
export interface TimerKind<C, S> {
  /** In words for people: `path expiry`. */
  readonly name: string;
  readonly fire: (context: C, subject: S) => void;
}

/** One deadline that can be moved and cancelled. */
export interface Timer {
  /** Infinity: not armed. */
  at: number;
  /** Where it is in the heap; −1: not there. */
  index: number;
  readonly kind: TimerKind<never, never>;
  /** The block that it belongs to; set when that is made. */
  subject: unknown;
}

export const isArmed = (timer: Timer): boolean => timer.at !== Infinity;

/** Not armed. */
export const newTimer = <C, S>(kind: TimerKind<C, S>, subject: S | null = null): Timer => ({
  at: Infinity,
  index: -1,
  kind: kind,
  subject,
});

/** Children of an entry of the heap: with four it is half as deep as with two, and they lie next to each other. */
const CHILDREN = 4;

/**
 * All deadlines of an engine in one heap, ordered by deadline and then by when they were set. Moving a deadline later, which
 * every refresh does, costs nothing: the heap's entry stays where it is and is put back when it surfaces. What is cancelled
 * leaves at once, so that state that is gone is not held until its time would have run out.
 */
export class TimerQueue<C> {
  readonly #timers: Timer[] = [];
  /** Of each entry, never later than its timer's deadline. */
  readonly #keys: number[] = [];
  readonly #orders: number[] = [];
  #order = 0;

  set(timer: Timer, at: number): void {
    timer.at = at;
    const { index } = timer;
    if (index < 0) {
      this.#siftUp(this.#timers.length, timer, at, this.#order++);
    } else if (at < this.#keys[index]!) {
      this.#siftUp(index, timer, at, this.#order++);
    }
  }

  cancel(timer: Timer): void {
    timer.at = Infinity;
    if (timer.index >= 0) this.#remove(timer.index);
  }

  /** Fires everything due at `now`, in order of deadline. */
  runDue(now: MonotonicMs, context: C): void {
    for (;;) {
      const next = this.next();
      if (next === null || next > now) return;
      const timer = this.#timers[0]!;
      this.cancel(timer);
      (timer.kind as unknown as TimerKind<C, unknown>).fire(context, timer.subject);
    }
  }

  next(): MonotonicMs | null {
    for (;;) {
      const timer = this.#timers[0];
      if (timer === undefined) return null;
      if (timer.at <= this.#keys[0]!) return MonotonicMs(timer.at);
      this.#siftDown(0, timer, timer.at, this.#order++);
    }
  }

  /** How many are armed and which is due first, by kind. Walks all of them: for people, not for each message. */
  armed(): ReadonlyMap<string, { readonly count: number; readonly next: MonotonicMs }> {
    const kinds = new Map<string, { count: number; next: MonotonicMs }>();
    for (const { kind, at } of this.#timers) {
      const known = kinds.get(kind.name);
      if (!known) kinds.set(kind.name, { count: 1, next: MonotonicMs(at) });
      else {
        known.count++;
        if (at < known.next) known.next = MonotonicMs(at);
      }
    }
    return kinds;
  }

  #remove(index: number): void {
    this.#timers[index]!.index = -1;
    const timer = this.#timers.pop()!;
    const key = this.#keys.pop()!;
    const order = this.#orders.pop()!;
    if (index === this.#timers.length) return;
    if (index > 0 && this.#isBefore(key, order, (index - 1) >> 2)) this.#siftUp(index, timer, key, order);
    else this.#siftDown(index, timer, key, order);
  }

  #isBefore(key: number, order: number, index: number): boolean {
    const other = this.#keys[index]!;
    return key < other || (key === other && order < this.#orders[index]!);
  }

  #put(index: number, timer: Timer, key: number, order: number): void {
    this.#timers[index] = timer;
    this.#keys[index] = key;
    this.#orders[index] = order;
    timer.index = index;
  }

  #move(from: number, to: number): void {
    this.#put(to, this.#timers[from]!, this.#keys[from]!, this.#orders[from]!);
  }

  #siftUp(start: number, timer: Timer, key: number, order: number): void {
    let index = start;
    while (index > 0) {
      const parent = (index - 1) >> 2;
      if (!this.#isBefore(key, order, parent)) break;
      this.#move(parent, index);
      index = parent;
    }
    this.#put(index, timer, key, order);
  }

  #siftDown(start: number, timer: Timer, key: number, order: number): void {
    const { length } = this.#timers;
    let index = start;
    for (;;) {
      const first = CHILDREN * index + 1;
      if (first >= length) break;
      let least = first;
      const end = Math.min(first + CHILDREN, length);
      for (let child = first + 1; child < end; child++) {
        if (this.#isBefore(this.#keys[child]!, this.#orders[child]!, least)) least = child;
      }
      if (this.#isBefore(key, order, least)) break;
      this.#move(least, index);
      index = least;
    }
    this.#put(index, timer, key, order);
  }
}
