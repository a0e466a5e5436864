import { Heap } from '../../core/base/heap.ts';
import { EpochMs, type Millis } from '../../core/base/units.ts';
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
  readonly at: EpochMs;
  readonly id: string;
  /** Tells a deadline that was replaced from the one that counts. */
  readonly entry: Entry;
}

interface Entry {
  at: EpochMs;
  /** When this server first saw it wait for agents: they have to come back after a restart before they can report. */
  readonly since: Since;
}

interface Since {
  readonly establishing: EpochMs | null;
  /** Which change, and since when. */
  readonly change: { readonly of: number; readonly at: EpochMs } | null;
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
  readonly #deadlines = new Heap<Deadline>((a, b) => a.at < b.at);
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
  }) {
    this.#committer = options.committer;
    this.#waitingFor = options.waitingFor;
    this.#log = options.log;
    this.#settings = { ...DEFAULT_SWEEP_SETTINGS, ...options.settings };
    this.#timer = options.timer ?? systemTimer();
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
    const next = nextEvent(reservation, since, this.#settings);
    if (next === null) {
      this.#entries.delete(id);
      return;
    }
    if (known?.at === next.at && sameSince(known.since, since)) return;
    this.#push(id, { at: next.at, since });
  }

  #since({ state, change }: Reservation, known: Since | undefined): Since {
    const now = this.#committer.books.now();
    const waits = change?.state === 'applying' && state !== 'scheduled';
    return {
      establishing: state === 'establishing' ? (known?.establishing ?? now) : null,
      change: !waits ? null : known?.change?.of === change.since ? known.change : { of: change.since, at: now },
    };
  }

  #push(id: string, entry: Entry): void {
    this.#entries.set(id, entry);
    this.#deadlines.push({ at: entry.at, id, entry });
  }

  /** Drops deadlines that were replaced, then sets the timer to the next. */
  #arm(): void {
    if (this.#running || this.#closed) return;
    let next = this.#deadlines.peek();
    while (next && this.#entries.get(next.id) !== next.entry) {
      this.#deadlines.pop();
      next = this.#deadlines.peek();
    }
    if (!next) return this.#timer.clear();
    const wait = Math.min(Math.max(next.at - this.#committer.books.now(), 0), LONGEST_WAIT_MS) as Millis;
    this.#timer.set(wait, () => void this.#run());
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
    const now = this.#committer.books.now();
    const due: Deadline[] = [];
    for (
      let next = this.#deadlines.peek();
      next && next.at <= now && due.length < STEP;
      next = this.#deadlines.peek()
    ) {
      this.#deadlines.pop();
      if (this.#entries.get(next.id) === next.entry) due.push(next);
    }
    return due;
  }

  async #carryOut(id: string, entry: Entry): Promise<void> {
    const reservation = this.#committer.books.get(id);
    const next = reservation && nextEvent(reservation, entry.since, this.#settings);
    if (!reservation || !next) {
      this.#entries.delete(id);
      return;
    }
    try {
      await this.#committer.transition(id, this.#event(reservation, next.type));
    } catch (error) {
      this.#log.warn({ reservationId: id, event: next.type, err: error }, 'a deadline could not be booked, again soon');
    }
    // Where it changed the state, the listener has put another entry in place of this one.
    if (this.#entries.get(id) !== entry) return;
    this.#entries.delete(id);
    const left = this.#committer.books.get(id);
    const later = left && nextEvent(left, entry.since, this.#settings);
    if (!later) return;
    const soon = this.#committer.books.now() + RETRY_MS;
    this.#push(id, { ...entry, at: EpochMs(Math.max(later.at, soon)) });
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
  readonly at: EpochMs;
  readonly type: DueType;
}

function nextEvent(reservation: Reservation, since: Since, settings: SweepSettings): Due | null {
  const { state, window } = reservation;
  if (state === 'ended') return null;
  if (state === 'releasing') {
    return { type: 'removed', at: EpochMs(reservation.updatedAt + settings.removalTimeoutMs) };
  }
  const due: Due[] = [];
  if (window.end !== null) due.push({ type: 'windowEnded', at: window.end });
  if (state === 'scheduled') due.push({ type: 'windowOpened', at: window.start });
  if (state === 'establishing') {
    const began = since.establishing ?? window.start;
    due.push({ type: 'establishTimedOut', at: EpochMs(began + settings.establishTimeoutMs) });
  }
  if (since.change !== null) {
    due.push({ type: 'changeRefused', at: EpochMs(since.change.at + settings.changeTimeoutMs) });
  }
  return due.reduce<Due | null>((first, each) => (first === null || each.at < first.at ? each : first), null);
}

const sameSince = (a: Since, b: Since): boolean => a.establishing === b.establishing && a.change?.of === b.change?.of;

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
