import { BitsPerSecond, type EpochMs } from '../base/units.ts';
import type { LinkId } from '../network/topology.ts';
import type { Flow, FlowEndpoint, ReservationStyle, Window } from '../qos/request.ts';
import { LinkCalendar, overlap } from './calendar.ts';
import type { BookedHop } from './decision.ts';

/** A reservation as the books need it. */
export interface Booking {
  readonly id: string;
  /** See `flowKey`. */
  readonly flowKey: string;
  readonly window: Window;
  /** Every link once, with what it holds for all senders together. */
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
    const same = this.#flows.get(booking.flowKey);
    if (same === undefined) this.#flows.set(booking.flowKey, new Set([booking]));
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
    const same = this.#flows.get(booking.flowKey);
    same?.delete(booking);
    if (same?.size === 0) this.#flows.delete(booking.flowKey);
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

  /** Id of a booking with the same `flowKey` whose window overlaps; null when there is none. The database has the last word. */
  sameFlow(key: string, window: Window): string | null {
    for (const booking of this.#flows.get(key) ?? []) {
      if (overlap(booking.window, window)) return booking.id;
    }
    return null;
  }
}

/** Whose packets a reservation is for. */
export interface FlowSenders {
  readonly flow: Flow;
  readonly moreSources: readonly FlowEndpoint[];
  readonly style: ReservationStyle;
}

/** One text for equal flows, different ones for different flows; the order of several senders is no difference. */
export function flowKey({ flow, moreSources, style }: FlowSenders): string {
  const { protocol, source, destination } = flow;
  const way = (from: string): string => `${protocol} ${from} ${end(destination)}`;
  if (moreSources.length === 0 && style === 'fixedFilter') return way(end(source));
  return `${style} ${way([source, ...moreSources].map(end).sort().join(', '))}`;
}

/** One text for an RSVP session (RFC 2205 1.1): within it styles do not mix (3.1.2), so one reservation may need it for itself. */
export const sessionKey = ({ protocol, destination }: Flow): string => `${protocol} ${end(destination)}`;

const end = ({ address, port }: FlowEndpoint): string => `${address} ${port ?? '*'}`;
