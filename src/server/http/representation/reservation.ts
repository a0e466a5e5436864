import type { Static } from 'typebox';
import { senderHops } from '../../../core/reservation/change.ts';
import { deviation } from '../../../core/reservation/deviation.ts';
import type { Reservation } from '../../../core/reservation/reservation.ts';
import { sendersOf } from '../../../core/reservation/senders.ts';
import type { ReservationSchema } from '../schemas/reservation.ts';
import { time, timeOrNull } from './time.ts';

export const reservationEtag = (reservation: Reservation): string => String(reservation.revision);

/** A reservation as the public contract writes it. What `validateOnly` would book has no id, times of storage or etag. */
export function reservationToJson(reservation: Reservation, booked = true): Static<typeof ReservationSchema> {
  const { flow, change, moreSenders } = reservation;
  const hops = senderHops(reservation);
  return {
    ...(booked ? { id: reservation.id } : {}),
    name: reservation.name,
    labels: { ...reservation.labels },
    state: reservation.state,
    stateReason: reservation.stateReason,
    flow: {
      protocol: flow.protocol,
      ...(moreSenders.length === 0
        ? { source: { ...flow.source } }
        : { sources: sendersOf(reservation).map(({ source }) => ({ ...source })) }),
      destination: { address: flow.destination.address, port: flow.destination.port },
    },
    qos: { ...reservation.qos },
    window: { start: time(reservation.window.start), end: timeOrNull(reservation.window.end) },
    paths: sendersOf(reservation).map(({ source, path, ...seen }, i) => ({
      role: 'forward',
      source: source.address,
      pinning: path.pinning,
      explicitRoute: [...path.explicitRoute],
      bookedBitsPerSecond: hops[i]!.reduce((most, hop) => Math.max(most, hop.bookedBitsPerSecond), 0),
      delayBoundMicros: path.delayBoundMicros,
      hops: hops[i]!.map((hop) => ({ ...hop })),
      actualHops: seen.actualHops.map((hop) => ({ ...hop })),
      deviation: deviation({ path, ...seen }),
      nonRsvpHop: seen.nonRsvpHop,
      adspecDeviation: seen.adspecDeviation,
      enforcement: reservation.enforcement,
    })),
    signaling: { style: reservation.style, confirmedAt: timeOrNull(reservation.confirmedAt) },
    change: change && {
      state: change.state,
      requested: { qos: { ...change.terms.qos } },
      requestedAt: time(change.requestedAt),
      reasons: change.reasons.map((reason) => ({ ...reason })),
    },
    endReason: reservation.endReason,
    failure: reservation.failure,
    ...(booked
      ? {
          createdAt: time(reservation.createdAt),
          updatedAt: time(reservation.updatedAt),
          etag: reservationEtag(reservation),
        }
      : {}),
  };
}
