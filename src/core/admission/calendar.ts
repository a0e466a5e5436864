import { BitsPerSecond, type EpochMs } from '../base/units.ts';
import { Heap } from '../base/heap.ts';
import type { Interval } from './decision.ts';

/** One booking on one link. */
export interface LinkBooking {
  readonly id: string;
  readonly start: EpochMs;
  /** null = until released. */
  readonly end: EpochMs | null;
  readonly bitsPerSecond: BitsPerSecond;
}

/** A stretch of time in which the same is booked. */
export interface CalendarStep extends Interval {
  readonly bitsPerSecond: BitsPerSecond;
}

/**
 * What is booked on one directed link over time: a step function, kept as its breakpoints and the level from each to the next.
 * Sums are exact while they stay below 2^53.
 *
 * Cost, with n breakpoints (at most two a booking): a query is a binary search plus the breakpoints inside its interval; a
 * change is that plus moving the later breakpoints. Bookings that begin now and have no end lie at the right edge, where both
 * are a handful of steps.
 */
export class LinkCalendar {
  readonly #bookings = new Map<string, LinkBooking>();
  readonly #times: number[] = [];
  readonly #levels: number[] = [];

  /** Bookings held, past ones that were not removed included. */
  get size(): number {
    return this.#bookings.size;
  }

  /** Breakpoints of the step function: what queries and changes cost. */
  get breakpoints(): number {
    return this.#times.length;
  }

  bookings(): Iterable<LinkBooking> {
    return this.#bookings.values();
  }

  /** @throws RangeError for an id that is there already, an empty interval, or a rate that is no integer ≥ 0. */
  add(id: string, start: EpochMs, end: EpochMs | null, bitsPerSecond: BitsPerSecond): void {
    if (this.#bookings.has(id)) throw new RangeError(`booking ${id} is in the calendar already`);
    if (end !== null && !(start < end)) throw new RangeError(`booking ${id} ends at ${end}, not after ${start}`);
    if (!Number.isSafeInteger(bitsPerSecond) || bitsPerSecond < 0) {
      throw new RangeError(`booking ${id} of ${bitsPerSecond} bit/s`);
    }
    this.#bookings.set(id, { id, start, end, bitsPerSecond });
    this.#raise(start, end, bitsPerSecond);
  }

  /** @returns false when there is no such booking. */
  remove(id: string): boolean {
    const booking = this.#bookings.get(id);
    if (booking === undefined) return false;
    this.#bookings.delete(id);
    this.#raise(booking.start, booking.end, 0 - booking.bitsPerSecond);
    return true;
  }

  /** Booked at one instant. */
  bookedAt(time: EpochMs): BitsPerSecond {
    return BitsPerSecond(this.#levels[this.#indexAt(time)] ?? 0);
  }

  /** The most that is booked at any instant of [start, end). */
  peak(start: EpochMs, end: EpochMs | null): BitsPerSecond {
    const last = end ?? Infinity;
    let i = this.#indexAt(start);
    let peak = this.#levels[i] ?? 0;
    for (i++; i < this.#times.length && this.#times[i]! < last; i++) peak = Math.max(peak, this.#levels[i]!);
    return BitsPerSecond(peak);
  }

  /**
   * The step function inside [start, end), at most `limit` ≥ 1 steps of it; the last step ends where the answer ends, so that
   * the rest can be asked for from there.
   */
  steps(start: EpochMs, end: EpochMs | null, limit: number): readonly CalendarStep[] {
    const last = end ?? Infinity;
    const found: CalendarStep[] = [];
    let from = start;
    for (let i = this.#indexAt(start); found.length < limit; i++) {
      const next = this.#times[i + 1] ?? Infinity;
      const bitsPerSecond = BitsPerSecond(this.#levels[i] ?? 0);
      found.push({ start: from, end: next < last ? (next as EpochMs) : end, bitsPerSecond });
      if (next >= last) break;
      from = next as EpochMs;
    }
    return found;
  }

  /** The least that is free of `reservable` at any instant of [start, end); 0 where more is booked than is reservable. */
  free(start: EpochMs, end: EpochMs | null, reservable: BitsPerSecond): BitsPerSecond {
    return BitsPerSecond(Math.max(0, reservable - this.peak(start, end)));
  }

  /** The first stretch inside [start, end) in which more than `limit` is booked, as long as it lasts; null when there is none. */
  firstAbove(limit: number, start: EpochMs, end: EpochMs | null): Interval | null {
    const last = end ?? Infinity;
    const times = this.#times;
    let i = this.#indexAt(start);
    const at = (k: number): EpochMs => Math.max(times[k] ?? -Infinity, start) as EpochMs;
    while ((this.#levels[i] ?? 0) <= limit) {
      i++;
      if (i >= times.length || times[i]! >= last) return null;
    }
    const from = at(i);
    do i++;
    while (i < times.length && times[i]! < last && this.#levels[i]! > limit);
    return { start: from, end: i < times.length && times[i]! < last ? at(i) : end };
  }

  /** Ids of bookings that overlap the interval, largest first (equal ones by id), at most `limit` ≥ 1. Looks at every booking. */
  holders(interval: Interval, limit: number): readonly string[] {
    const smallestFirst = new Heap<LinkBooking>((a, b) => larger(b, a) < 0);
    for (const booking of this.#bookings.values()) {
      if (booking.bitsPerSecond === 0 || !overlap(booking, interval)) continue;
      if (smallestFirst.size >= limit) {
        if (larger(booking, smallestFirst.peek()!) > 0) continue;
        smallestFirst.pop();
      }
      smallestFirst.push(booking);
    }
    const found: LinkBooking[] = [];
    for (let next = smallestFirst.pop(); next !== undefined; next = smallestFirst.pop()) found.push(next);
    return found.sort(larger).map((booking) => booking.id);
  }

  #raise(start: number, end: number | null, by: number): void {
    const first = this.#breakpoint(start);
    const last = end === null ? this.#times.length : this.#breakpoint(end);
    for (let i = first; i < last; i++) this.#levels[i]! += by;
    if (end !== null) this.#dropIfFlat(last);
    this.#dropIfFlat(first);
  }

  /** Index of the last breakpoint at or before `time`; −1 = before all of them, where nothing is booked. */
  #indexAt(time: number): number {
    let low = 0;
    let high = this.#times.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#times[middle]! <= time) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #breakpoint(time: number): number {
    const before = this.#indexAt(time);
    if (this.#times[before] === time) return before;
    this.#times.splice(before + 1, 0, time);
    this.#levels.splice(before + 1, 0, this.#levels[before] ?? 0);
    return before + 1;
  }

  #dropIfFlat(index: number): void {
    if (this.#levels[index] !== (this.#levels[index - 1] ?? 0)) return;
    this.#times.splice(index, 1);
    this.#levels.splice(index, 1);
  }
}

const larger = (a: LinkBooking, b: LinkBooking): number =>
  b.bitsPerSecond - a.bitsPerSecond || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);

/** Whether two half-open intervals share an instant. */
export const overlap = (a: Interval, b: Interval): boolean =>
  (b.end === null || a.start < b.end) && (a.end === null || b.start < a.end);
