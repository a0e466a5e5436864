import { PrismaPg } from '@prisma/adapter-pg';
import type pg from 'pg';
import { type Prisma, PrismaClient } from '../../gen/prisma/client.ts';
import type { Reservation } from '../../core/reservation/reservation.ts';
import { type ReservationQueries, StoreFault } from '../control/ports.ts';
import { toReservation } from './reservation-row.ts';

/** Queries over all reservations, ended ones included. */
export class PrismaQueries implements ReservationQueries {
  readonly #prisma: PrismaClient;

  /** Shares the pool, which stays its owner's to close. */
  constructor(pool: pg.Pool) {
    this.#prisma = new PrismaClient({ adapter: new PrismaPg(pool) });
  }

  find(id: string): Promise<Reservation | null> {
    return asking(async () => {
      const row = await this.#prisma.reservation.findUnique({ where: { id } });
      return row && toReservation(row);
    });
  }

  list(
    filter: Parameters<ReservationQueries['list']>[0],
    after: string | null,
    limit: number,
  ): Promise<readonly Reservation[]> {
    const { states, source, destination, node, link } = filter;
    const where: Prisma.ReservationWhereInput = {
      ...(after === null ? {} : { id: { gt: after } }),
      ...(states.length === 0 ? {} : { state: { in: [...states] } }),
      ...(destination === null ? {} : { destinationAddress: destination }),
      AND: [
        ...(source === null ? [] : [anySender({ sourceAddress: source }, { source: { address: source } })]),
        ...(node === null ? [] : [anySender({ nodes: { has: node } }, { path: { nodes: [node] } })]),
        ...(link === null ? [] : [anySender({ links: { has: link } }, { path: { hops: [{ link }] } })]),
      ],
    };
    return asking(async () => {
      const rows = await this.#prisma.reservation.findMany({ where, orderBy: { id: 'asc' }, take: limit });
      return rows.map(toReservation);
    });
  }
}

/** Of the first sender, which has columns, or of one of the others. */
const anySender = (
  first: Prisma.ReservationWhereInput,
  other: Prisma.InputJsonObject,
): Prisma.ReservationWhereInput => ({
  OR: [first, { moreSenders: { array_contains: [other] } }],
});

async function asking<T>(query: () => Promise<T>): Promise<T> {
  try {
    return await query();
  } catch (error) {
    throw new StoreFault(isConnectionError(error) ? 'away' : 'refused', error);
  }
}

/** P1…: Prisma could not reach the database; P2024, P2037: no connection was free. */
function isConnectionError(error: unknown): boolean {
  const { code, name, message } = error as { code?: unknown; name?: unknown; message?: unknown };
  // What PostgreSQL said on a new connection (starting, stopping, full) stands in the text alone.
  if (/Code: `(57P|53|08)/.test(String(message))) return true;
  if (typeof code === 'string') return /^(P1|P2024|P2037|E[A-Z]+$|57P|53|08)/.test(code);
  return name === 'PrismaClientInitializationError' || name === 'DriverAdapterError';
}
