import type { Static } from 'typebox';
import { bookedHops } from '../../../core/reservation/change.ts';
import { deviation } from '../../../core/reservation/deviation.ts';
import type { Reservation } from '../../../core/reservation/reservation.ts';
import type { ReservationSchema } from '../schemas/reservation.ts';
import { time, timeOrNull } from './time.ts';

export const reservationEtag = (reservation: Reservation): string => String(reservation.revision);

/** A reservation as the public contract writes it. What `validateOnly` would book has no id, times of storage or etag. */
export function reservationToJson(reservation: Reservation, booked = true): Static<typeof ReservationSchema> {
  const { flow, path, change } = reservation;
  const hops = bookedHops(reservation);
  return {
    ...(booked ? { id: reservation.id } : {}),
    name: reservation.name,
    labels: { ...reservation.labels },
    state: reservation.state,
    stateReason: reservation.stateReason,
    flow: {
      protocol: flow.protocol,
      source: { address: flow.source.address, port: flow.source.port },
      destination: { address: flow.destination.address, port: flow.destination.port },
    },
    qos: { ...reservation.qos },
    window: { start: time(reservation.window.start), end: timeOrNull(reservation.window.end) },
    paths: [
      {
        role: 'forward',
        source: flow.source.address,
        pinning: path.pinning,
        explicitRoute: [...path.explicitRoute],
        bookedBitsPerSecond: hops.reduce((most, hop) => Math.max(most, hop.bookedBitsPerSecond), 0),
        delayBoundMicros: path.delayBoundMicros,
        hops: hops.map((hop) => ({ ...hop })),
        actualHops: reservation.actualHops.map((hop) => ({ ...hop })),
        deviation: deviation(reservation),
        nonRsvpHop: reservation.nonRsvpHop,
        adspecDeviation: reservation.adspecDeviation,
        enforcement: reservation.enforcement,
      },
    ],
    signaling: { style: 'fixedFilter', confirmedAt: timeOrNull(reservation.confirmedAt) },
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
