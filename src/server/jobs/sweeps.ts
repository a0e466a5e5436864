import { Heap } from '../../core/base/heap.ts';
import { EpochMs, MonotonicMs, type Millis } from '../../core/base/units.ts';
import type { LifeCycleEvent } from '../../core/reservation/life-cycle-events.ts';
import type { Reservation } from '../../core/reservation/reservation.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { Committer } from '../control/committer.ts';

export interface SweepSettings {
  readonly establishTimeoutMs: Millis;
  /** After this long a change that not every hop has taken is given up. */
  readonly changeTimeoutMs: Millis;
  /**
   * After this long nothing of a released reservation can be left on the network: its lease, none yet, and the lifetime of
   * RSVP state (RFC 2205 3.7: 3.5 · 1.5 · 30 s), rounded up.
   */
  readonly removalTimeoutMs: Millis;
}

export const DEFAULT_SWEEP_SETTINGS: SweepSettings = {
  establishTimeoutMs: 30_000 as Millis,
  changeTimeoutMs: 30_000 as Millis,
  removalTimeoutMs: 158_000 as Millis,
};

/** One timer at a time; the argument of `set` is how long from now. */
export interface SweepTimer {
  set(wait: Millis, due: () => void): void;
  clear(): void;
}

/** Changes in one step: what is due at the same second is worked off without holding up anything else. */
const STEP = 500;
const RETRY_MS = 1_000;
/** PostgreSQL's clock may be set: it is looked at this often at least. */
const LONGEST_WAIT_MS = 60_000;

interface Deadline {
  /** On the clock of the heap that it is in. */
  readonly at: number;
  readonly id: string;
  /** Tells a deadline that was replaced from the one that counts. */
  readonly entry: Entry;
}

interface Entry extends Deadlines {
  /** When this server first saw it wait for agents: they have to come back after a restart before they can report. */
  readonly since: Since;
}

/** Windows go by the clock of the books, which may be set; how long something takes goes by a steady one. */
interface Deadlines {
  readonly books: EpochMs | null;
  readonly steady: MonotonicMs | null;
}

interface Since {
  readonly establishing: MonotonicMs | null;
  readonly releasing: MonotonicMs | null;
  /** Which change, and since when. */
  readonly change: { readonly of: number; readonly at: MonotonicMs } | null;
}

/**
 * What time does to reservations: windows open and end, establishing and releasing give up. Every event goes through the
 * committer; one that no longer fits changes nothing there, so a deadline may be looked at once too often but never missed.
 */
export class Sweeps {
  readonly #committer: Committer;
  readonly #settings: SweepSettings;
  readonly #timer: SweepTimer;
  readonly #waitingFor: (reservation: Reservation) => string;
  readonly #log: Logger;
  readonly #entries = new Map<string, Entry>();
  readonly #steady: () => MonotonicMs;
  readonly #deadlines = {
    books: new Heap<Deadline>((a, b) => a.at < b.at),
    steady: new Heap<Deadline>((a, b) => a.at < b.at),
  };
  #running = false;
  #closed = false;

  /**
   * Follows the committer from here on and takes up what its books hold already.
   *
   * @param options.waitingFor what a reservation that is being established lacks, in a sentence
   */
  constructor(options: {
    committer: Committer;
    waitingFor: (reservation: Reservation) => string;
    log: Logger;
    settings?: Partial<SweepSettings>;
    timer?: SweepTimer;
    /** A clock that nobody sets. */
    steady?: () => MonotonicMs;
  }) {
    this.#committer = options.committer;
    this.#waitingFor = options.waitingFor;
    this.#log = options.log;
    this.#settings = { ...DEFAULT_SWEEP_SETTINGS, ...options.settings };
    this.#timer = options.timer ?? systemTimer();
    this.#steady = options.steady ?? (() => MonotonicMs(performance.now()));
    for (const reservation of this.#committer.books.live()) this.#follow(reservation);
    this.#committer.onCommitted((group) => {
      for (const reservation of group.reservations) this.#follow(reservation);
      this.#arm();
    });
    this.#arm();
  }

  close(): void {
    this.#closed = true;
    this.#timer.clear();
  }

  #follow(reservation: Reservation): void {
    const { id } = reservation;
    const known = this.#entries.get(id);
    const since = this.#since(reservation, known?.since);
    const next = deadlinesOf(reservation, since, this.#settings);
    if (next.books === null && next.steady === null) {
      this.#entries.delete(id);
      return;
    }
    if (known?.books === next.books && known.steady === next.steady && sameSince(known.since, since)) return;
    this.#push(id, { ...next, since });
  }

  #since({ state, change, updatedAt }: Reservation, known: Since | undefined): Since {
    const now = this.#steady();
    const waits = change?.state === 'applying' && state !== 'scheduled';
    // What another run of this server has seen of it counts as well.
    const past = Math.min(Math.max(this.#committer.books.now() - updatedAt, 0), this.#settings.removalTimeoutMs);
    return {
      establishing: state === 'establishing' ? (known?.establishing ?? now) : null,
      releasing: state === 'releasing' ? (known?.releasing ?? MonotonicMs(now - past)) : null,
      change: !waits ? null : known?.change?.of === change.since ? known.change : { of: change.since, at: now },
    };
  }

  #push(id: string, entry: Entry): void {
    this.#entries.set(id, entry);
    for (const clock of CLOCKS) {
      const at = entry[clock];
      if (at !== null) this.#deadlines[clock].push({ at, id, entry });
    }
  }

  #now(clock: keyof Deadlines): number {
    return clock === 'books' ? this.#committer.books.now() : this.#steady();
  }

  /** Drops deadlines that were replaced, then sets the timer to the next. */
  #arm(): void {
    if (this.#running || this.#closed) return;
    let wait = Infinity;
    for (const clock of CLOCKS) {
      const deadlines = this.#deadlines[clock];
      let next = deadlines.peek();
      while (next && this.#entries.get(next.id) !== next.entry) {
        deadlines.pop();
        next = deadlines.peek();
      }
      if (next) wait = Math.min(wait, Math.max(next.at - this.#now(clock), 0));
    }
    if (wait === Infinity) return this.#timer.clear();
    this.#timer.set(Math.min(wait, LONGEST_WAIT_MS) as Millis, () => void this.#run());
  }

  async #run(): Promise<void> {
    this.#running = true;
    for (let due = this.#takeDue(); due.length > 0 && !this.#closed; due = this.#takeDue()) {
      await Promise.all(due.map(({ id, entry }) => this.#carryOut(id, entry)));
    }
    this.#running = false;
    this.#arm();
  }

  #takeDue(): readonly Deadline[] {
    const due = new Map<string, Deadline>();
    for (const clock of CLOCKS) {
      const now = this.#now(clock);
      const deadlines = this.#deadlines[clock];
      for (let next = deadlines.peek(); next && next.at <= now && due.size < STEP; next = deadlines.peek()) {
        deadlines.pop();
        if (this.#entries.get(next.id) === next.entry) due.set(next.id, next);
      }
    }
    return [...due.values()];
  }

  async #carryOut(id: string, entry: Entry): Promise<void> {
    const reservation = this.#committer.books.get(id);
    const due = reservation && this.#dueOf(reservation, entry.since);
    if (!reservation || !due) {
      this.#entries.delete(id);
      return;
    }
    try {
      await this.#committer.transition(id, this.#event(reservation, due));
    } catch (error) {
      this.#log.warn({ reservationId: id, event: due, err: error }, 'a deadline could not be booked, again soon');
    }
    // Where it changed the state, the listener has put another entry in place of this one.
    if (this.#entries.get(id) !== entry) return;
    this.#entries.delete(id);
    const left = this.#committer.books.get(id);
    if (!left) return;
    const later = deadlinesOf(left, entry.since, this.#settings);
    if (later.books === null && later.steady === null) return;
    const notBefore = (clock: keyof Deadlines) => Math.max(later[clock] ?? 0, this.#now(clock) + RETRY_MS);
    this.#push(id, {
      since: entry.since,
      books: later.books && EpochMs(notBefore('books')),
      steady: later.steady && MonotonicMs(notBefore('steady')),
    });
  }

  /** What has been due longest; null where nothing is, or can be. */
  #dueOf(reservation: Reservation, since: Since): DueType | null {
    let longest: { readonly type: DueType; readonly overdue: number } | null = null;
    for (const { clock, at, type } of duesOf(reservation, since, this.#settings)) {
      const overdue = this.#now(clock) - at;
      if (overdue >= 0 && overdue > (longest?.overdue ?? -1)) longest = { type, overdue };
    }
    return longest?.type ?? null;
  }

  #event(reservation: Reservation, type: DueType): LifeCycleEvent {
    if (type === 'changeRefused') {
      const seconds = this.#settings.changeTimeoutMs / 1000;
      const detail = `not taken within ${seconds} s: ${this.#waitingFor(reservation)}`;
      const reason = { reason: 'TIMED_OUT', errorCode: 0, errorValue: 0, errorNode: '', detail } as const;
      return { type, since: reservation.change?.since ?? 0, reason };
    }
    if (type !== 'establishTimedOut') return { type };
    const seconds = this.#settings.establishTimeoutMs / 1000;
    return { type, detail: `not established within ${seconds} s: ${this.#waitingFor(reservation)}` };
  }
}

type DueType = 'windowOpened' | 'windowEnded' | 'establishTimedOut' | 'changeRefused' | 'removed';

interface Due {
  readonly clock: keyof Deadlines;
  readonly at: number;
  readonly type: DueType;
}

const CLOCKS = ['books', 'steady'] as const;

function duesOf(reservation: Reservation, since: Since, settings: SweepSettings): readonly Due[] {
  const { state, window } = reservation;
  if (state === 'ended') return [];
  const due: Due[] = [];
  const steady = (type: DueType, began: MonotonicMs | undefined | null, after: Millis): void => {
    if (began != null) due.push({ clock: 'steady', at: began + after, type });
  };
  steady('removed', since.releasing, settings.removalTimeoutMs);
  if (state === 'releasing') return due;
  if (window.end !== null) due.push({ clock: 'books', at: window.end, type: 'windowEnded' });
  if (state === 'scheduled') due.push({ clock: 'books', at: window.start, type: 'windowOpened' });
  steady('establishTimedOut', since.establishing, settings.establishTimeoutMs);
  steady('changeRefused', since.change?.at, settings.changeTimeoutMs);
  return due;
}

function deadlinesOf(reservation: Reservation, since: Since, settings: SweepSettings): Deadlines {
  const dues = duesOf(reservation, since, settings);
  const first = (clock: keyof Deadlines): number =>
    dues.reduce((least, due) => (due.clock === clock ? Math.min(least, due.at) : least), Infinity);
  const [books, steady] = [first('books'), first('steady')];
  return {
    books: books === Infinity ? null : EpochMs(books),
    steady: steady === Infinity ? null : MonotonicMs(steady),
  };
}

const sameSince = (a: Since, b: Since): boolean =>
  a.establishing === b.establishing && a.releasing === b.releasing && a.change?.of === b.change?.of;

function systemTimer(): SweepTimer {
  let timer: NodeJS.Timeout | null = null;
  return {
    set(wait, due) {
      if (timer) clearTimeout(timer);
      timer = setTimeout(due, wait).unref();
    },
    clear() {
      if (timer) clearTimeout(timer);
      timer = null;
    },
  };
}
