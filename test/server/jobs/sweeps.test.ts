import { describe, expect, test } from 'vitest';
import { pino } from 'pino';
import { EpochMs, MonotonicMs, type Millis } from '../../../src/core/base/units.ts';
import { changed, termsOf } from '../../../src/core/reservation/change.ts';
import type { Reservation } from '../../../src/core/reservation/reservation.ts';
import { Sweeps, type SweepTimer } from '../../../src/server/jobs/sweeps.ts';
import { labReservation, topology } from '../control/agents/channel-fixture.ts';
import { MemoryCommitter } from '../../support/memory-committer.ts';

const START = 100_000;

/** Fires when the test's clock reaches what was asked for. */
class ManualTimer implements SweepTimer {
  at: number | null = null;
  readonly #now: () => number;
  #due: () => void = () => undefined;

  constructor(now: () => number) {
    this.#now = now;
  }

  set(wait: Millis, due: () => void): void {
    this.at = this.#now() + wait;
    this.#due = due;
  }

  clear(): void {
    this.at = null;
  }

  fire(): void {
    this.at = null;
    this.#due();
  }
}

/** @param step what the clock of the books is ahead of the steady one, by which timers go; read anew each time */
function start(before: readonly Reservation[] = [], step: () => number = () => 0) {
  const committer = new MemoryCommitter(topology(), 'epoch-1', before);
  const timer = new ManualTimer(() => committer.now);
  const sweeps = new Sweeps({
    committer,
    waitingFor: () => 'r2 has not seen PATH',
    log: pino({ level: 'silent' }),
    timer,
    steady: () => MonotonicMs(committer.now - step()),
  });
  /** Moves the clock, firing every timer that comes due on the way, until nothing is under way. */
  const moveTo = async (ms: number): Promise<void> => {
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      if (timer.at === null || timer.at > ms) break;
      committer.now = Math.max(committer.now, timer.at);
      timer.fire();
    }
    committer.now = ms;
  };
  return { committer, timer, sweeps, moveTo };
}

const window = (from: number, to: number | null) => ({
  start: EpochMs(START + from),
  end: to === null ? null : EpochMs(START + to),
});

const scheduled = (n: number, from: number, to: number | null): Reservation =>
  labReservation(n, { state: 'scheduled', window: window(from, to) });

describe('windows', () => {
  test('open and end on the millisecond, not before', async () => {
    const { committer, moveTo } = start();
    committer.book(scheduled(1, 5_000, 20_000));
    await moveTo(START + 4_999);
    expect(committer.history).toEqual([]);
    await moveTo(START + 5_000);
    expect(committer.history).toEqual(['windowOpened establishing']);
    await committer.transition(labReservation(1).id, { type: 'hopsInstalled' });
    await moveTo(START + 19_999);
    expect(committer.history).toHaveLength(2);
    await moveTo(START + 20_000);
    expect(committer.history.at(-1)).toBe('windowEnded releasing');
    expect(committer.books.get(labReservation(1).id)).toMatchObject({ endReason: 'expired' });
  });

  test('that came due while no server ran are made up for at the start', async () => {
    const { committer, moveTo } = start([
      scheduled(1, -60_000, 60_000),
      labReservation(2, { state: 'active', window: window(-60_000, -1) }),
    ]);
    await moveTo(START);
    expect([...committer.history].sort()).toEqual(['windowEnded releasing', 'windowOpened establishing']);
  });

  test('a later deadline does not hold up an earlier one that comes after it', async () => {
    const { committer, timer, moveTo } = start();
    committer.book(scheduled(1, 50_000, null));
    expect(timer.at).toBe(START + 50_000);
    committer.book(scheduled(2, 1_000, null));
    expect(timer.at).toBe(START + 1_000);
    await committer.transition(labReservation(2).id, { type: 'releaseRequested', inOrder: true });
    expect(timer.at).toBe(START + 50_000);
    await moveTo(START + 40_000);
    expect(committer.history).toEqual(['releaseRequested releasing']);
  });

  test('thousands of the same second all open', async () => {
    const { committer, moveTo } = start();
    committer.book(...Array.from({ length: 3_000 }, (_, n) => scheduled(n, 1_000, null)));
    await moveTo(START + 1_000);
    expect(committer.history).toHaveLength(3_000);
    expect(new Set(committer.history)).toEqual(new Set(['windowOpened establishing']));
  });
});

describe('giving up', () => {
  test('establishing fails after 30 s and says what was missing', async () => {
    const { committer, moveTo } = start();
    committer.book(labReservation(1));
    await moveTo(START + 29_999);
    expect(committer.history).toEqual([]);
    await moveTo(START + 30_000);
    expect(committer.books.get(labReservation(1).id)).toMatchObject({
      state: 'releasing',
      endReason: 'failed',
      stateReason: 'not established within 30 s: r2 has not seen PATH',
    });
  });

  test('one that is active in time does not', async () => {
    const { committer, timer, moveTo } = start();
    committer.book(labReservation(1));
    await committer.transition(labReservation(1).id, { type: 'hopsInstalled' });
    expect(timer.at).toBeNull();
    await moveTo(START + 60_000);
    expect(committer.books.get(labReservation(1).id)?.state).toBe('active');
  });

  test('after a restart the agents have 30 s again', async () => {
    const { committer, moveTo } = start([
      labReservation(1, { window: window(-90_000, null), updatedAt: EpochMs(START - 90_000) }),
    ]);
    await moveTo(START + 29_999);
    expect(committer.history).toEqual([]);
    await moveTo(START + 30_000);
    expect(committer.history).toEqual(['establishTimedOut releasing']);
  });

  test('what agents do not report removed is freed when its state must have timed out', async () => {
    const { committer, moveTo } = start();
    committer.book(labReservation(1, { state: 'active' }));
    await committer.transition(labReservation(1).id, { type: 'releaseRequested', inOrder: false });
    await moveTo(START + 157_999);
    expect(committer.books.get(labReservation(1).id)?.state).toBe('releasing');
    await moveTo(START + 158_000);
    expect(committer.books.get(labReservation(1).id)).toBeUndefined();
    expect(committer.history).toEqual(['releaseRequested releasing', 'removed ended']);
  });
});

test('what the database could not take is tried again', async () => {
  const { committer, moveTo } = start();
  committer.book(scheduled(1, 1_000, null));
  committer.failing = true;
  await moveTo(START + 2_500);
  expect(committer.history).toEqual([]);
  committer.failing = false;
  await moveTo(START + 3_000);
  expect(committer.history).toEqual(['windowOpened establishing']);
});

test('the clock is looked at every minute, and closing stops it', async () => {
  const { committer, timer, sweeps } = start([scheduled(1, 3_600_000, null)]);
  expect(timer.at).toBe(START + 60_000);
  // PostgreSQL's clock was set forward meanwhile.
  committer.now = START + 3_600_000;
  timer.fire();
  await new Promise((resolve) => setImmediate(resolve));
  expect(committer.history).toEqual(['windowOpened establishing']);
  sweeps.close();
  committer.book(scheduled(2, 7_200_000, null));
  expect(timer.at).toBeNull();
});

describe('a change under way', () => {
  const changing = (state: Reservation['state'], more: Partial<Reservation> = {}): Reservation => {
    const before = labReservation(1, { state, ...more });
    return changed(before, before, termsOf(before.qos, before.path, []), false, EpochMs(START));
  };

  test('is given up after 30 s, with what it waited for', async () => {
    const { committer, moveTo } = start();
    committer.book(changing('active'));
    await moveTo(START + 29_999);
    expect(committer.history).toEqual([]);
    await moveTo(START + 30_000);
    expect(committer.history).toEqual(['changeRefused active']);
    expect(committer.books.get(labReservation(1).id)!.change).toMatchObject({
      state: 'reverting',
      reasons: [{ reason: 'TIMED_OUT', detail: 'not taken within 30 s: r2 has not seen PATH' }],
    });
    // Taking back has no limit: the room is held until it is certain.
    await moveTo(START + 600_000);
    expect(committer.history).toHaveLength(1);
  });

  test('has its time from when this server first saw it, and each its own', async () => {
    const { committer, moveTo } = start([changing('active')]);
    await moveTo(START + 20_000);
    const { change } = committer.books.get(labReservation(1).id)!;
    await committer.transition(labReservation(1).id, { type: 'changeApplied', since: change!.since });
    const settled = committer.books.get(labReservation(1).id)!;
    committer.book(changed(settled, settled, termsOf(settled.qos, settled.path, []), false, EpochMs(START + 20_000)));
    await moveTo(START + 49_999);
    expect(committer.history).toEqual(['changeApplied active']);
    await moveTo(START + 50_000);
    expect(committer.history.at(-1)).toBe('changeRefused active');
  });

  test('before its window waits for the window', async () => {
    const { committer, moveTo } = start();
    committer.book(changing('scheduled', { window: window(60_000, null) }));
    await moveTo(START + 59_999);
    expect(committer.history).toEqual([]);
    await moveTo(START + 60_000);
    expect(committer.history).toEqual(['windowOpened establishing']);
  });
});

describe('a clock of the books that is set', () => {
  test.each([
    ['forwards', 6 * 3_600_000],
    ['backwards', -6 * 3_600_000],
  ])('%s by hours changes nothing of how long something takes', async (_, by) => {
    let step = 0;
    const { committer, timer, moveTo } = start([], () => step);
    committer.book(labReservation(1, { state: 'establishing', window: window(0, null) }));
    committer.book(labReservation(2, { state: 'active', window: window(0, null) }));
    await committer.transition(labReservation(2).id, { type: 'releaseRequested', inOrder: true });
    const before = [...committer.history];
    await moveTo(START + 10_000);
    step = by;
    committer.now += by;
    timer.at = committer.now;
    const since = (ms: number): Promise<void> => moveTo(START + ms + by);
    await since(29_999);
    expect(committer.history).toEqual(before);
    await since(30_000);
    expect(committer.history.at(-1)).toBe('establishTimedOut releasing');
    await since(157_999);
    expect(committer.history).toHaveLength(before.length + 1);
    await since(158_000);
    expect(committer.history.at(-1)).toBe('removed ended');
  });
});
