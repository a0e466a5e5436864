import type { Timer, TimerShelf } from './timer.ts';

/** Children of an entry of the heap: with four it is half as deep as with two, and they lie next to each other. */
const CHILDREN = 4;

/** Timers ordered by the key that they were put here with, and then by when that was. */
export class TimerHeap implements TimerShelf {
  readonly timers: Timer[] = [];
  readonly keys: number[] = [];
  readonly orders: number[] = [];

  add(timer: Timer, key: number, order: number): void {
    timer.shelf = this;
    this.#siftUp(this.timers.length, timer, key, order);
  }

  /** The first one's key is another, later one. */
  postponeFirst(key: number, order: number): void {
    this.#siftDown(0, this.timers[0]!, key, order);
  }

  remove(timer: Timer): void {
    const { index } = timer;
    timer.shelf = null;
    const last = this.timers.pop()!;
    const key = this.keys.pop()!;
    const order = this.orders.pop()!;
    if (index === this.timers.length) return;
    if (index > 0 && this.#isBefore(key, order, (index - 1) >> 2)) this.#siftUp(index, last, key, order);
    else this.#siftDown(index, last, key, order);
  }

  #isBefore(key: number, order: number, index: number): boolean {
    const other = this.keys[index]!;
    return key < other || (key === other && order < this.orders[index]!);
  }

  #put(index: number, timer: Timer, key: number, order: number): void {
    this.timers[index] = timer;
    this.keys[index] = key;
    this.orders[index] = order;
    timer.index = index;
  }

  #move(from: number, to: number): void {
    this.#put(to, this.timers[from]!, this.keys[from]!, this.orders[from]!);
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
    const { length } = this.timers;
    let index = start;
    for (;;) {
      const first = CHILDREN * index + 1;
      if (first >= length) break;
      let least = first;
      const end = Math.min(first + CHILDREN, length);
      for (let child = first + 1; child < end; child++) {
        if (this.#isBefore(this.keys[child]!, this.orders[child]!, least)) least = child;
      }
      if (this.#isBefore(key, order, least)) break;
      this.#move(least, index);
      index = least;
    }
    this.#put(index, timer, key, order);
  }
}
