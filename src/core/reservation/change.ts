import type { AdmittedPath, BookedHop } from '../admission/decision.ts';
import { type Booking, flowKey } from '../admission/ledger.ts';
import { heldTogether } from '../admission/shares.ts';
import { BitsPerSecond, EpochMs } from '../base/units.ts';
import type { Changeable } from '../qos/parse-patch.ts';
import type { Qos } from '../qos/request.ts';
import type { Reservation } from './reservation.ts';
import type { SenderTerms, Terms } from './terms.ts';

/** The terms of a grant on the paths that the reservation has. */
export const termsOf = (qos: Qos, path: AdmittedPath, morePaths: readonly AdmittedPath[]): Terms => ({
  qos,
  rate: path.rate,
  ...pathTerms(path),
  moreSenders: morePaths.map(pathTerms),
});

const pathTerms = ({ hops, delayBoundMicros }: AdmittedPath): SenderTerms => ({
  bookedBitsPerSecond: hops.map((hop) => hop.bookedBitsPerSecond),
  delayBoundMicros,
});

/** The reservation's qos and paths under other terms. */
export function underTerms(
  { path, moreSenders }: Pick<Reservation, 'path' | 'moreSenders'>,
  terms: Terms,
): Pick<Reservation, 'qos' | 'path' | 'moreSenders'> {
  const under = (each: AdmittedPath, { bookedBitsPerSecond: booked, delayBoundMicros }: SenderTerms): AdmittedPath => {
    const hops = each.hops.map((hop, i) => ({ ...hop, bookedBitsPerSecond: booked[i] ?? hop.bookedBitsPerSecond }));
    return { ...each, hops, rate: terms.rate, delayBoundMicros };
  };
  return {
    qos: terms.qos,
    path: under(path, terms),
    moreSenders: moreSenders.map((each, i) => ({ ...each, path: under(each.path, terms.moreSenders[i] ?? NO_TERMS) })),
  };
}

const NO_TERMS: SenderTerms = { bookedBitsPerSecond: [], delayBoundMicros: null };

/** Agents may hold the old terms, the new ones, or one here and the other there. */
export const isChanging = ({ change }: Pick<Reservation, 'change'>): boolean =>
  change !== null && change.state !== 'failed';

/** What agents are told to hold. */
export const askedOfAgents = (reservation: Pick<Reservation, 'qos' | 'path' | 'moreSenders' | 'change'>) =>
  reservation.change?.state === 'applying' ? underTerms(reservation, reservation.change.terms) : reservation;

type Holding = Pick<Reservation, 'path' | 'moreSenders' | 'change'>;

/** What is held for each sender, in their order: on every link the larger of old and new until the change has settled. */
export function senderHops({ path, moreSenders, change }: Holding): readonly (readonly BookedHop[])[] {
  const paths = [path, ...moreSenders.map((sender) => sender.path)];
  if (change === null || !isChanging({ change })) return paths.map((each) => each.hops);
  const requested = [change.terms, ...change.terms.moreSenders];
  return paths.map(({ hops }, sender) =>
    hops.map((hop, i) => ({
      ...hop,
      bookedBitsPerSecond: BitsPerSecond(
        Math.max(hop.bookedBitsPerSecond, requested[sender]?.bookedBitsPerSecond[i] ?? 0),
      ),
    })),
  );
}

/** What the books hold, every link once. */
export const bookedHops = (reservation: Holding & Pick<Reservation, 'style'>): readonly BookedHop[] =>
  heldTogether(reservation.style, senderHops(reservation));

/** The reservation as the ledger counts it. */
export const bookingOf = (reservation: Reservation): Booking => ({
  id: reservation.id,
  flowKey: flowKeyOf(reservation),
  window: reservation.window,
  path: { hops: bookedHops(reservation) },
});

export const flowKeyOf = ({ flow, style, moreSenders }: Pick<Reservation, 'flow' | 'style' | 'moreSenders'>): string =>
  flowKey({ flow, style, moreSources: moreSenders.map((sender) => sender.source) });

/** Whether both, of the same reservation, hold the same on every link. */
export function sameBooking(a: Holding & Pick<Reservation, 'style'>, b: Holding & Pick<Reservation, 'style'>): boolean {
  if (a.path === b.path && a.moreSenders === b.moreSenders && a.change === b.change) return true;
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
