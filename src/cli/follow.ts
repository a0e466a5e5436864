import type { HeadroomClient, Reservation } from '../client/client.ts';

/**
 * Follows a reservation's events until it is as wanted, and hands every state on the way to `tell`.
 *
 * @returns the reservation for which `done` was true.
 */
export async function follow(
  client: HeadroomClient,
  first: Reservation,
  done: (reservation: Reservation) => boolean,
  tell: (reservation: Reservation) => void,
): Promise<Reservation> {
  const stop = new AbortController();
  const id = first.id ?? '';
  let current = first;
  tell(first);
  const judge = (reservation: Reservation): void => {
    current = reservation;
    tell(reservation);
    if (done(reservation)) stop.abort();
  };
  let failure: Error | null = null;
  // What happened before the stream was open is in the reservation itself.
  const onOpen = (): void => {
    client.getReservation(id).then(judge, (error: unknown) => {
      failure = error instanceof Error ? error : new Error(String(error));
      stop.abort();
    });
  };
  for await (const event of client.watchEvents({ signal: stop.signal, onOpen })) {
    if (event.reservationId === id && event.reservation) judge(event.reservation);
  }
  if (failure !== null) throw failure as Error;
  return current;
}
