import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EpochMs } from '../../../src/core/base/units.ts';
import { initialState, isLive, isSignalled, occupiesBooks, step } from '../../../src/core/reservation/life-cycle.ts';
import type { LifeCycleEvent } from '../../../src/core/reservation/life-cycle-events.ts';
import type { ReservationState } from '../../../src/core/reservation/reservation.ts';
import { reservation } from './fixtures.ts';

const NOW = EpochMs(2000);
const FAILURE = { errorCode: 1, errorValue: 2, errorNode: 'r1', detail: 'no class left' };
const EVENTS = {
  windowOpened: { type: 'windowOpened' },
  hopsInstalled: { type: 'hopsInstalled' },
  confirmed: { type: 'confirmed', at: EpochMs(1999) },
  hopLost: { type: 'hopLost', detail: 'r1 lost eth1' },
  signallingFailed: { type: 'signallingFailed', failure: FAILURE },
  establishTimedOut: { type: 'establishTimedOut', detail: 'r1 did not answer' },
  releaseRequested: { type: 'releaseRequested', inOrder: false },
  windowEnded: { type: 'windowEnded' },
  removed: { type: 'removed' },
  changeApplied: { type: 'changeApplied', since: 1 },
  changeRefused: { type: 'changeRefused', since: 1, reason: { ...FAILURE, reason: 'REFUSED' } },
  changeReverted: { type: 'changeReverted', since: 1 },
  pathObserved: { type: 'pathObserved', sender: 0, actualHops: [{ node: 'r1', interface: 'eth1', link: 'r1:eth1' }] },
  nonRsvpHop: { type: 'nonRsvpHop', sender: 0, present: true },
  adspecObserved: { type: 'adspecObserved', sender: 0, deviation: 'C 5 bytes instead of 4' },
} satisfies { readonly [T in LifeCycleEvent['type']]: Extract<LifeCycleEvent, { type: T }> };
const STATES = ['held', 'scheduled', 'establishing', 'active', 'degraded', 'releasing', 'ended'] as const;

/** State after the event by state before it; `=` = changed but in the same state, `.` = nothing changes. */
const MANAGED: { readonly [T in keyof typeof EVENTS]: string } = {
  //                  held  scheduled    establishing active    degraded  releasing ended
  windowOpened: '     .     establishing .            .         .         .         .',
  hopsInstalled: '    .     active       active       .         active    .         .',
  confirmed: '        .     =            =            =         =         .         .',
  hopLost: '          .     .            .            degraded  =         .         .',
  signallingFailed: ' .     releasing    releasing    releasing releasing .         .',
  establishTimedOut: '.     .            releasing    .         .         .         .',
  releaseRequested: ' ended releasing    releasing    releasing releasing .         .',
  windowEnded: '      ended releasing    releasing    releasing releasing .         .',
  removed: '          .     .            .            .         .         ended     .',
  pathObserved: '     =     =            =            =         =         .         .',
  nonRsvpHop: '       =     =            =            =         =         .         .',
  adspecObserved: '   =     =            =            =         =         .         .',
  // Nothing is under way: change.test.ts has the rest.
  changeApplied: '    .     .            .            .         .         .         .',
  changeRefused: '    .     .            .            .         .         .         .',
  changeReverted: '   .     .            .            .         .         .         .',
};
/** Without managed nodes nobody reports; what differs is that nothing has to be waited for. */
const UNMANAGED: typeof MANAGED = {
  ...MANAGED,
  windowOpened: '     .     active       .            .         .         .         .',
  signallingFailed: ' .     ended        ended        ended     ended     .         .',
  establishTimedOut: '.     .            ended        .         .         .         .',
  releaseRequested: ' ended ended        ended        ended     ended     .         .',
  windowEnded: '      ended ended        ended        ended     ended     .         .',
};

const anyEvent = fc.constantFrom<LifeCycleEvent>(
  ...Object.values(EVENTS),
  { type: 'releaseRequested', inOrder: true },
  { type: 'hopLost', detail: 'another' },
);

describe.each([
  { managed: true, table: MANAGED },
  { managed: false, table: UNMANAGED },
])('life cycle, managed: $managed', ({ managed, table }) => {
  const cells = Object.entries(table).flatMap(([type, row]) =>
    row
      .trim()
      .split(/\s+/)
      .map((after, i) => ({ type: type as keyof typeof EVENTS, before: STATES[i]!, after })),
  );

  it('has a cell for every state and event', () => {
    expect(cells).toHaveLength(STATES.length * Object.keys(EVENTS).length);
  });

  it.each(cells)('$before + $type → $after', ({ before, type, after }) => {
    const was = reservation({ state: before });
    const is = step(was, EVENTS[type], NOW, managed);
    if (after === '.') {
      expect(is).toBeNull();
      return;
    }
    expect(is).not.toBeNull();
    expect(is!.state).toBe(after === '=' ? before : after);
    expect(is!.revision).toBe(was.revision + 1);
    expect(is!.updatedAt).toBe(NOW);
    expect({ ...is, state: 0, ...CHANGES }).toEqual({ ...was, state: 0, ...CHANGES });
  });

  it('ends whatever happened before, stays ended, and never counts in the books then', () => {
    fc.assert(
      fc.property(
        fc.constantFrom<ReservationState>(...STATES),
        fc.array(anyEvent, { maxLength: 30 }),
        (first, events) => {
          let r = reservation({ state: first, countsInBooks: first !== 'ended' });
          for (const event of [...events, EVENTS.windowEnded, EVENTS.removed]) {
            const next = step(r, event, NOW, managed);
            if (r.state === 'ended') expect(next).toBeNull();
            if (next !== null) {
              expect(next.revision).toBe(r.revision + 1);
              // Once an end is on its way, its reason stands.
              if (!isLive(r)) expect(next.endReason).toBe(r.endReason);
              if (isLive(next)) expect(next.endReason).toBeNull();
              if (!managed) expect(next.state === 'releasing' && r.state !== 'releasing').toBe(false);
              // Room that was given up does not come back.
              if (!occupiesBooks(r)) expect(occupiesBooks(next)).toBe(false);
            }
            r = next ?? r;
          }
          expect(r.state).toBe('ended');
          expect(occupiesBooks(r)).toBe(false);
        },
      ),
    );
  });
});

/** Everything that an event may change; the rest must stay. */
const CHANGES = {
  stateReason: 0,
  endReason: 0,
  failure: 0,
  actualHops: 0,
  nonRsvpHop: 0,
  adspecDeviation: 0,
  confirmedAt: 0,
  countsInBooks: 0,
  revision: 0,
  updatedAt: 0,
};

describe('life cycle', () => {
  it('remembers that PATH passes a hop without RSVP until it is told that it does not', () => {
    const seen = step(reservation(), EVENTS.nonRsvpHop, NOW, true)!;
    expect(seen.nonRsvpHop).toBe(true);
    expect(step(seen, EVENTS.nonRsvpHop, NOW, true)).toBeNull();
    expect(step(seen, { type: 'nonRsvpHop', sender: 0, present: false }, NOW, true)?.nonRsvpHop).toBe(false);
  });

  it('keeps where ADSPEC and books differ until they agree', () => {
    const differs = step(reservation(), EVENTS.adspecObserved, NOW, true)!;
    expect(differs.adspecDeviation).toBe(EVENTS.adspecObserved.deviation);
    expect(step(differs, EVENTS.adspecObserved, NOW, true)).toBeNull();
    expect(
      step(differs, { type: 'adspecObserved', sender: 0, deviation: null }, NOW, true)?.adspecDeviation,
    ).toBeNull();
  });

  it('starts scheduled before its window, else establishing, or active where nobody signals', () => {
    const window = { start: EpochMs(1000), end: null };
    expect(initialState(window, EpochMs(999), true)).toBe('scheduled');
    expect(initialState(window, EpochMs(999), false)).toBe('scheduled');
    expect(initialState(window, EpochMs(1000), true)).toBe('establishing');
    expect(initialState(window, EpochMs(1000), false)).toBe('active');
  });

  it('keeps what RSVP said when it failed', () => {
    expect(step(reservation(), EVENTS.signallingFailed, NOW, true)).toMatchObject({
      state: 'releasing',
      endReason: 'failed',
      stateReason: 'no class left',
      failure: FAILURE,
      countsInBooks: true,
    });
    expect(step(reservation(), EVENTS.establishTimedOut, NOW, true)).toMatchObject({
      endReason: 'failed',
      stateReason: 'r1 did not answer',
      failure: null,
    });
  });

  it('tells a release from an expiry', () => {
    expect(step(reservation(), EVENTS.releaseRequested, NOW, true)?.endReason).toBe('released');
    expect(step(reservation(), EVENTS.windowEnded, NOW, true)?.endReason).toBe('expired');
  });

  it('frees the room at once only when every agent sees the release before a later booking', () => {
    const release = (inOrder: boolean) =>
      step(reservation({ state: 'active' }), { type: 'releaseRequested', inOrder }, NOW, true)!;
    expect(occupiesBooks(release(false))).toBe(true);
    expect(occupiesBooks(release(true))).toBe(false);
    expect(step(release(false), EVENTS.removed, NOW, true)).toMatchObject({ state: 'ended', countsInBooks: false });
  });

  it('forgets why it was degraded once all hops are back', () => {
    const lost = step(reservation({ state: 'active' }), EVENTS.hopLost, NOW, true)!;
    expect(lost.stateReason).toBe('r1 lost eth1');
    expect(step(lost, EVENTS.hopLost, NOW, true)).toBeNull();
    expect(step(lost, EVENTS.hopsInstalled, NOW, true)?.stateReason).toBeNull();
  });

  it('changes nothing for what it knows already', () => {
    const confirmed = step(reservation(), EVENTS.confirmed, NOW, true)!;
    expect(confirmed.confirmedAt).toBe(1999);
    expect(step(confirmed, EVENTS.confirmed, NOW, true)).toBeNull();
    const observed = step(reservation(), EVENTS.pathObserved, NOW, true)!;
    expect(observed.actualHops).toEqual(EVENTS.pathObserved.actualHops);
    expect(step(observed, EVENTS.pathObserved, NOW, true)).toBeNull();
    expect(step(observed, { type: 'pathObserved', sender: 0, actualHops: [] }, NOW, true)?.actualHops).toEqual([]);
  });

  it('does not go back in time when a clock does', () => {
    expect(step(reservation({ updatedAt: EpochMs(5000) }), EVENTS.windowEnded, NOW, true)?.updatedAt).toBe(5000);
  });

  it('is signalled from scheduled to degraded', () => {
    expect(STATES.filter((state) => isSignalled({ state }))).toEqual([
      'scheduled',
      'establishing',
      'active',
      'degraded',
    ]);
    expect(STATES.filter((state) => isLive({ state }))).toEqual([
      'held',
      'scheduled',
      'establishing',
      'active',
      'degraded',
    ]);
  });
});
