import { deviation } from '../../core/reservation/deviation.ts';
import type { Reservation } from '../../core/reservation/reservation.ts';
import { sendersOf } from '../../core/reservation/senders.ts';

/** What an event is called that tells of a reservation as it is after a change. */
export function eventType(before: Reservation, after: Reservation): string {
  if (before.state !== after.state || before.stateReason !== after.stateReason) return `reservation.${after.state}`;
  if (before.change !== after.change || before.qos !== after.qos) return changeEventType(after);
  if (before.confirmedAt !== after.confirmedAt) return 'reservation.confirmed';
  const [old, now] = [sendersOf(before), sendersOf(after)];
  if (now.some(({ nonRsvpHop }, i) => nonRsvpHop !== old[i]!.nonRsvpHop)) return 'reservation.nonRsvpHop';
  const compared = now.find(({ adspecDeviation }, i) => adspecDeviation !== old[i]!.adspecDeviation);
  if (compared !== undefined) {
    return compared.adspecDeviation === null ? 'reservation.adspecObserved' : 'reservation.adspecMismatch';
  }
  const observed = now.find(({ actualHops }, i) => actualHops !== old[i]!.actualHops);
  if (observed === undefined) return 'reservation.updated';
  return deviation(observed) === null ? 'reservation.pathObserved' : 'reservation.pathMismatch';
}

/** `reservation.changed`: the new terms are in force everywhere. */
function changeEventType({ change }: Reservation): string {
  if (change === null) return 'reservation.changed';
  const names = { applying: 'changing', reverting: 'changeRefused', failed: 'changeFailed' } as const;
  return `reservation.${names[change.state]}`;
}
