import type { AdmittedPath, BookedHop } from '../admission/decision.ts';
import type { Booking } from '../admission/ledger.ts';
import { BitsPerSecond, EpochMs } from '../base/units.ts';
import type { Changeable } from '../qos/parse-patch.ts';
import type { Qos } from '../qos/request.ts';
import type { Reservation } from './reservation.ts';
import type { Terms } from './terms.ts';

/** The terms of a grant on the path that the reservation has. */
export const termsOf = (qos: Qos, path: AdmittedPath): Terms => ({
  qos,
  bookedBitsPerSecond: path.hops.map((hop) => hop.bookedBitsPerSecond),
  rate: path.rate,
  delayBoundMicros: path.delayBoundMicros,
});

/** The reservation's qos and path under other terms. */
export function underTerms({ path }: Pick<Reservation, 'path'>, terms: Terms): Pick<Reservation, 'qos' | 'path'> {
  const { qos, rate, delayBoundMicros, bookedBitsPerSecond: booked } = terms;
  const hops = path.hops.map((hop, i) => ({ ...hop, bookedBitsPerSecond: booked[i] ?? hop.bookedBitsPerSecond }));
  return { qos, path: { ...path, hops, rate, delayBoundMicros } };
}

/** Agents may hold the old terms, the new ones, or one here and the other there. */
export const isChanging = ({ change }: Pick<Reservation, 'change'>): boolean =>
  change !== null && change.state !== 'failed';

/** What agents are told to hold. */
export const askedOfAgents = (reservation: Pick<Reservation, 'qos' | 'path' | 'change'>) =>
  reservation.change?.state === 'applying' ? underTerms(reservation, reservation.change.terms) : reservation;

/** What the books hold: on every link the larger of old and new until the change has settled. */
export function bookedHops({ path, change }: Pick<Reservation, 'path' | 'change'>): readonly BookedHop[] {
  if (change === null || !isChanging({ change })) return path.hops;
  const requested = change.terms.bookedBitsPerSecond;
  return path.hops.map((hop, i) => ({
    ...hop,
    bookedBitsPerSecond: BitsPerSecond(Math.max(hop.bookedBitsPerSecond, requested[i] ?? 0)),
  }));
}

/** The reservation as the ledger counts it. */
export const bookingOf = (reservation: Reservation): Booking => ({
  ...reservation,
  path: { hops: bookedHops(reservation) },
});

/** Whether both hold the same on every link of the path that they share. */
export function sameBooking(a: Pick<Reservation, 'path' | 'change'>, b: Pick<Reservation, 'path' | 'change'>): boolean {
  if (a.path === b.path && a.change === b.change) return true;
  const hops = bookedHops(b);
  return bookedHops(a).every((hop, i) => hop.bookedBitsPerSecond === hops[i]!.bookedBitsPerSecond);
}

/**
 * The reservation as a caller's change leaves it.
 *
 * @param terms null = qos stays; else what was admitted for it.
 * @param atOnce nobody has to be waited for: the terms are in force now.
 */
export function changed(
  reservation: Reservation,
  { name, labels }: Pick<Changeable, 'name' | 'labels'>,
  terms: Terms | null,
  atOnce: boolean,
  now: EpochMs,
): Reservation {
  const revision = reservation.revision + 1;
  const updated = { ...reservation, name, labels, revision, updatedAt: EpochMs(Math.max(now, reservation.updatedAt)) };
  if (terms === null) return updated;
  const termsRevision = reservation.termsRevision + 1;
  if (atOnce) return { ...updated, ...underTerms(reservation, terms), change: null, termsRevision };
  return {
    ...updated,
    termsRevision,
    change: { state: 'applying', since: revision, requestedAt: now, terms, reasons: [] },
  };
}
