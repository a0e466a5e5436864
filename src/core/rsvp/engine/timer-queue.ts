import { Heap } from '../../base/heap.ts';
import { MonotonicMs } from '../../base/units.ts';
import { TimerHeap } from './timer-heap.ts';
import type { Timer, TimerKind, TimerShelf } from './timer.ts';

/** Deadlines of so many milliseconds lie together in no order until the first of them is next. */
const BUCKET_MS = 128;
/** So many buckets at a time; whatever is later waits together, since a neighbour may name any lifetime up to months. */
const BUCKETS = 4_096;

/** Timers that are not next for a while, in no order. */
class Bucket implements TimerShelf {
  readonly timers: Timer[] = [];
  readonly keys: number[] = [];
  readonly orders: number[] = [];

  add(timer: Timer, key: number, order: number): void {
    timer.shelf = this;
    timer.index = this.timers.length;
    this.timers.push(timer);
    this.keys.push(key);
    this.orders.push(order);
  }

  remove(timer: Timer): void {
    const { index } = timer;
    timer.shelf = null;
    const last = this.timers.pop()!;
    const [key, order] = [this.keys.pop()!, this.orders.pop()!];
    if (index === this.timers.length) return;
    last.index = index;
    this.timers[index] = last;
    this.keys[index] = key;
    this.orders[index] = order;
  }
}

/**
 * All deadlines of an engine, ordered by deadline and then by when they were set. What is near lies in a heap, what is not in
 * buckets of time (a calendar queue), so that setting and cancelling cost the same with a thousand timers and with a million.
 * Moving a deadline later, which every refresh does, costs nothing: the timer stays where it is and is put back when it
 * surfaces. What is cancelled leaves at once, so that state that is gone is not held until its time would have run out.
 */
export class TimerQueue<C> {
  /** All with a key before `#horizon`. */
  readonly #near = new TimerHeap();
  /** The others, by number of the bucket. */
  readonly #far = new Map<number, Bucket>();
  readonly #numbers = new Heap<number>((a, b) => a < b);
  /** From this bucket on there is none yet: everything in `#later`. */
  #limit = -Infinity;
  #later = new Bucket();
  #horizon = -Infinity;
  #order = 0;

  set(timer: Timer, at: number): void {
    timer.at = at;
    const { shelf } = timer;
    if (shelf !== null) {
      if (at >= shelf.keys[timer.index]!) return;
      shelf.remove(timer);
    }
    this.#file(timer, at, this.#order++);
  }

  cancel(timer: Timer): void {
    timer.at = Infinity;
    timer.shelf?.remove(timer);
  }

  /** Fires everything due at `now`, in order of deadline. */
  runDue(now: MonotonicMs, context: C): void {
    for (;;) {
      const next = this.next();
      if (next === null || next > now) return;
      const timer = this.#near.timers[0]!;
      this.cancel(timer);
      (timer.kind as unknown as TimerKind<C, unknown>).fire(context, timer.subject);
    }
  }

  next(): MonotonicMs | null {
    for (;;) {
      const timer = this.#near.timers[0];
      if (timer === undefined) {
        if (!this.#advance()) return null;
      } else if (timer.at <= this.#near.keys[0]!) {
        return MonotonicMs(timer.at);
      } else if (timer.at < this.#horizon) {
        this.#near.postponeFirst(timer.at, this.#order++);
      } else {
        this.#near.remove(timer);
        this.#file(timer, timer.at, this.#order++);
      }
    }
  }

  /** How many are armed and which is due first, by kind. Walks all of them: for people, not for each message. */
  armed(): ReadonlyMap<string, { readonly count: number; readonly next: MonotonicMs }> {
    const kinds = new Map<string, { count: number; next: MonotonicMs }>();
    for (const { timers } of [this.#near, ...this.#far.values(), this.#later]) {
      for (const { kind, at } of timers) {
        const known = kinds.get(kind.name);
        if (!known) kinds.set(kind.name, { count: 1, next: MonotonicMs(at) });
        else {
          known.count++;
          if (at < known.next) known.next = MonotonicMs(at);
        }
      }
    }
    return kinds;
  }

  #file(timer: Timer, at: number, order: number): void {
    if (at < this.#horizon) return this.#near.add(timer, at, order);
    const number = Math.floor(at / BUCKET_MS);
    if (number >= this.#limit) return this.#later.add(timer, at, order);
    let bucket = this.#far.get(number);
    if (bucket === undefined) {
      bucket = new Bucket();
      this.#far.set(number, bucket);
      this.#numbers.push(number);
    }
    bucket.add(timer, at, order);
  }

  /** The earliest bucket becomes near. False where there is nothing left. */
  #advance(): boolean {
    const number = this.#numbers.pop();
    if (number === undefined) return this.#distribute();
    const { timers, keys, orders } = this.#far.get(number)!;
    this.#far.delete(number);
    this.#horizon = (number + 1) * BUCKET_MS;
    timers.forEach((timer, i) => this.#near.add(timer, keys[i]!, orders[i]!));
    return true;
  }

  /** No bucket is left: what waits together gets the next ones. */
  #distribute(): boolean {
    const { timers, keys, orders } = this.#later;
    if (timers.length === 0) return false;
    this.#later = new Bucket();
    this.#limit = Math.floor(keys.reduce((a, b) => Math.min(a, b)) / BUCKET_MS) + BUCKETS;
    timers.forEach((timer, i) => this.#file(timer, keys[i]!, orders[i]!));
    return true;
  }
}
