import type { Reservation } from '../../../core/reservation/reservation.ts';
import type { EventView } from '../../control/api.ts';
import { reservationToJson } from './reservation.ts';
import { time } from './time.ts';

/** The data of an event: what happened, when, and the thing as it was afterwards. */
export function eventToJson(event: EventView): Record<string, unknown> {
  return {
    id: String(event.id),
    type: event.type,
    time: time(event.time),
    ...(event.reservationId === null
      ? { data: event.data }
      : { reservationId: event.reservationId, reservation: reservationToJson(event.data as Reservation) }),
  };
}

/** As server-sent events write it; JSON has no line breaks. */
export const eventToText = (event: EventView): string =>
  `id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(eventToJson(event))}\n\n`;
