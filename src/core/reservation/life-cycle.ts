import { assertNever } from '../base/assert-never.ts';
import { EpochMs } from '../base/units.ts';
import type { Window } from '../qos/request.ts';
import { isChanging, underTerms } from './change.ts';
import type { LifeCycleEvent } from './life-cycle-events.ts';
import { sendersOf, withSender } from './senders.ts';
import type { EndReason, Failure, Reservation, ReservationState } from './reservation.ts';
import type { ChangeState } from './terms.ts';

/**
 * What a reservation's row needs to know of its path: true when agents signal it (see admission/managed.ts). Nobody reports
 * on a path without them, so it is active as soon as its window opens and gone as soon as it is released.
 */
export type Managed = boolean;

/** The state in which a granted request is stored. */
export function initialState(window: Window, now: EpochMs, managed: Managed): ReservationState {
  if (window.start > now) return 'scheduled';
  return managed ? 'establishing' : 'active';
}

/**
 * One step of the life cycle:
 *
 *     held → scheduled → establishing → active ⇄ degraded → releasing → ended
 *
 * `held` and, on paths without managed nodes, every state may end directly. A change of its terms runs beside it (see
 * change.ts) and never moves it. Pure: the same arguments give the same answer.
 *
 * @returns the reservation as it is after the event, its revision one higher, or null where the event changes nothing:
 * repeated, late and out-of-place events are harmless.
 */
export function step(
  reservation: Reservation,
  event: LifeCycleEvent,
  now: EpochMs,
  managed: Managed,
): Reservation | null {
  const changed = change(reservation, event, managed);
  if (changed === null) return null;
  // What was under way when it ended has no outcome any more.
  const moot = changed.state === 'ended' && isChanging(reservation);
  return {
    ...reservation,
    ...changed,
    ...(moot ? { change: null } : {}),
    revision: reservation.revision + 1,
    // A clock that was set back does not make a later state look older.
    updatedAt: EpochMs(Math.max(now, reservation.updatedAt)),
  };
}

function change(reservation: Reservation, event: LifeCycleEvent, managed: Managed): Partial<Reservation> | null {
  const { state } = reservation;
  switch (event.type) {
    case 'windowOpened':
      return state === 'scheduled' ? { state: managed ? 'establishing' : 'active', stateReason: null } : null;
    case 'hopsInstalled':
      // Agents open windows by themselves: their report may be here before the sweep that opens it for the server.
      return state === 'scheduled' || state === 'establishing' || state === 'degraded'
        ? { state: 'active', stateReason: null }
        : null;
    case 'confirmed':
      return isLive(reservation) && state !== 'held' && reservation.confirmedAt === null
        ? { confirmedAt: event.at }
        : null;
    case 'hopLost':
      if (state === 'active') return { state: 'degraded', stateReason: event.detail };
      return state === 'degraded' && reservation.stateReason !== event.detail ? { stateReason: event.detail } : null;
    case 'signallingFailed':
      return isLive(reservation) && state !== 'held'
        ? ending(reservation, 'failed', event.failure.detail, managed, { failure: event.failure })
        : null;
    case 'establishTimedOut':
      return state === 'establishing' ? ending(reservation, 'failed', event.detail, managed) : null;
    case 'releaseRequested':
      if (event.revision !== undefined && event.revision !== reservation.revision) return null;
      return isLive(reservation)
        ? ending(reservation, 'released', null, managed, event.inOrder ? { countsInBooks: false } : {})
        : null;
    case 'windowEnded':
      // The calendar ends with the window by itself, so this changes nothing there.
      return isLive(reservation) ? ending(reservation, 'expired', null, managed) : null;
    case 'removed':
      return state === 'releasing' ? { state: 'ended', countsInBooks: false } : null;
    case 'changeApplied':
      return isUnderWay(reservation, 'applying', event.since)
        ? { ...underTerms(reservation, reservation.change!.terms), change: null }
        : null;
    case 'changeRefused': {
      if (!isUnderWay(reservation, 'applying', event.since)) return null;
      const { change } = reservation;
      // Who reports on nothing has nothing to give back.
      const termsRevision = reservation.termsRevision + 1;
      return {
        termsRevision,
        change: { ...change!, state: managed ? 'reverting' : 'failed', reasons: [event.reason] },
      };
    }
    case 'changeReverted':
      return isUnderWay(reservation, 'reverting', event.since)
        ? { change: { ...reservation.change!, state: 'failed' } }
        : null;
    case 'pathObserved':
      return isLive(reservation) && !sameHops(sendersOf(reservation)[event.sender]?.actualHops, event.actualHops)
        ? withSender(reservation, event.sender, { actualHops: event.actualHops })
        : null;
    case 'nonRsvpHop':
      return isLive(reservation) && sendersOf(reservation)[event.sender]?.nonRsvpHop === !event.present
        ? withSender(reservation, event.sender, { nonRsvpHop: event.present })
        : null;
    case 'adspecObserved': {
      const known = sendersOf(reservation)[event.sender]?.adspecDeviation;
      return isLive(reservation) && known !== undefined && known !== event.deviation
        ? withSender(reservation, event.sender, { adspecDeviation: event.deviation })
        : null;
    }
    default:
      return assertNever(event);
  }
}

const isUnderWay = (reservation: Reservation, state: ChangeState, since: number): boolean =>
  isLive(reservation) && reservation.change?.state === state && reservation.change.since === since;

/** Through `releasing` where agents hold something that must be seen to go; nobody was told of a held one. */
function ending(
  reservation: Reservation,
  endReason: EndReason,
  stateReason: string | null,
  managed: Managed,
  more: { readonly failure?: Failure; readonly countsInBooks?: false } = {},
): Partial<Reservation> {
  return managed && reservation.state !== 'held'
    ? { state: 'releasing', endReason, stateReason, ...more }
    : { state: 'ended', endReason, stateReason, ...more, countsInBooks: false };
}

/** What is said of a sender that there is not is no news. */
const sameHops = (a: Reservation['actualHops'] | undefined, b: Reservation['actualHops']): boolean =>
  a === undefined ||
  (a.length === b.length &&
    a.every((hop, i) => hop.node === b[i]!.node && hop.interface === b[i]!.interface && hop.link === b[i]!.link));

/** Neither ended nor on its way out: it promises something. */
export const isLive = (reservation: Pick<Reservation, 'state'>): boolean =>
  reservation.state !== 'releasing' && reservation.state !== 'ended';

/** Agents have to hold it (or to be about to, before its window). */
export const isSignalled = (reservation: Pick<Reservation, 'state'>): boolean =>
  isLive(reservation) && reservation.state !== 'held';

/** Its bandwidth counts within its window, also while it is being removed. */
export const occupiesBooks = (reservation: Pick<Reservation, 'state' | 'countsInBooks'>): boolean =>
  reservation.state !== 'ended' && reservation.countsInBooks;
