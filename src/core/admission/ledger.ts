import { BitsPerSecond, type EpochMs } from '../base/units.ts';
import type { LinkId } from '../network/topology.ts';
import type { Flow, Window } from '../qos/request.ts';
import { LinkCalendar, overlap } from './calendar.ts';
import type { BookedHop } from './decision.ts';

/** A reservation as the books need it; `Reservation` is one. */
export interface Booking {
  readonly id: string;
  readonly flow: Flow;
  readonly window: Window;
  readonly path: { readonly hops: readonly BookedHop[] };
}

/** The books of all links: one calendar a link, and which flow is booked when. */
export class Ledger {
  readonly #calendars = new Map<LinkId, LinkCalendar>();
  readonly #bookings = new Map<string, Booking>();
  readonly #flows = new Map<string, Set<Booking>>();

  get size(): number {
    return this.#bookings.size;
  }

  has(id: string): boolean {
    return this.#bookings.has(id);
  }

  /** Counts the booking on every hop of its path. @throws RangeError for an id that is booked already. */
  add(booking: Booking): void {
    const { id, window } = booking;
    if (this.#bookings.has(id)) throw new RangeError(`${id} is booked already`);
    this.#bookings.set(id, booking);
    for (const hop of booking.path.hops) {
      let calendar = this.#calendars.get(hop.link);
      if (calendar === undefined) this.#calendars.set(hop.link, (calendar = new LinkCalendar()));
      calendar.add(id, window.start, window.end, hop.bookedBitsPerSecond);
    }
    const key = flowKey(booking.flow);
    const same = this.#flows.get(key);
    if (same === undefined) this.#flows.set(key, new Set([booking]));
    else same.add(booking);
  }

  /** @returns false when it is not booked. */
  remove(id: string): boolean {
    const booking = this.#bookings.get(id);
    if (booking === undefined) return false;
    this.#bookings.delete(id);
    for (const { link } of booking.path.hops) {
      const calendar = this.#calendars.get(link);
      calendar?.remove(id);
      if (calendar?.size === 0) this.#calendars.delete(link);
    }
    const key = flowKey(booking.flow);
    const same = this.#flows.get(key);
    same?.delete(booking);
    if (same?.size === 0) this.#flows.delete(key);
    return true;
  }

  /** What `work` finds without the booking; it is there again afterwards. */
  without<T>(id: string, work: () => T): T {
    const booking = this.#bookings.get(id);
    this.remove(id);
    try {
      return work();
    } finally {
      if (booking !== undefined) this.add(booking);
    }
  }

  /** The link's calendar; undefined where nothing is booked. */
  calendar(link: LinkId): LinkCalendar | undefined {
    return this.#calendars.get(link);
  }

  /** Booked on a link at one instant. */
  bookedAt(link: LinkId, time: EpochMs): BitsPerSecond {
    return this.#calendars.get(link)?.bookedAt(time) ?? BitsPerSecond(0);
  }

  /** The least that is free of `reservable` on a link at any instant of the window. */
  free(link: LinkId, window: Window, reservable: BitsPerSecond): BitsPerSecond {
    return this.#calendars.get(link)?.free(window.start, window.end, reservable) ?? reservable;
  }

  /** Id of a booking for exactly this flow whose window overlaps; null when there is none. The database has the last word. */
  sameFlow(flow: Flow, window: Window): string | null {
    for (const booking of this.#flows.get(flowKey(flow)) ?? []) {
      if (overlap(booking.window, window)) return booking.id;
    }
    return null;
  }
}

/** One text for equal flows, different ones for different flows. */
export const flowKey = ({ protocol, source, destination }: Flow): string =>
  `${protocol} ${source.address} ${source.port ?? '*'} ${destination.address} ${destination.port ?? '*'}`;
