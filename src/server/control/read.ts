import { createHash } from 'node:crypto';
import { parseIp } from '../../core/base/ip.ts';
import type { FieldProblem } from '../../core/qos/request.ts';
import { linksOf, nodesOf, sendersOf } from '../../core/reservation/senders.ts';
import type { Reservation } from '../../core/reservation/reservation.ts';
import type { ReservationQuery } from './api.ts';
import { badRequest } from './bad-request.ts';
import { ControlError } from './errors.ts';
import type { MemoryBooks } from './memory-books.ts';
import { type ReservationQueries, StoreFault } from './ports.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export const notFound = (id: string): ControlError => new ControlError('NOT_FOUND', `there is no reservation ${id}`);

/** One reservation, ended ones too. @throws ControlError NOT_FOUND, also for what is no id at all. */
export async function getReservation(
  books: MemoryBooks,
  queries: ReservationQueries,
  id: string,
): Promise<Reservation> {
  if (!UUID.test(id)) throw notFound(id);
  const reservation = books.get(id.toLowerCase()) ?? (await queries.find(id.toLowerCase()));
  if (reservation === null) throw notFound(id);
  return reservation;
}

/**
 * A page, in the order of ids, which is that of creation. While the database is away: of what has not ended, as it was known
 * last.
 */
export async function listReservations(
  books: MemoryBooks,
  queries: ReservationQueries,
  query: ReservationQuery,
): Promise<{ items: readonly Reservation[]; nextPageToken: string | null }> {
  const { pageSize, pageToken, ...filter } = query;
  if (!Number.isInteger(pageSize) || pageSize < 1 || pageSize > 500) {
    const problem = 'must be an integer from 1 to 500';
    throw badRequest([{ field: 'pageSize', value: pageSize, code: 'OUT_OF_RANGE', problem }]);
  }
  const problems = filterProblems(filter);
  if (problems.length > 0) throw badRequest(problems);
  const print = fingerprint(filter);
  const after = pageToken === null ? null : readToken(pageToken, print);
  const found = await queries.list(filter, after, pageSize + 1).catch((error: unknown) => {
    if (!(error instanceof StoreFault) || error.kind === 'refused') throw error;
    return listKnown(books, filter, after).slice(0, pageSize + 1);
  });
  const items = found.slice(0, pageSize);
  return {
    items,
    nextPageToken: found.length > pageSize ? writeToken(items[items.length - 1]!.id, print) : null,
  };
}

function listKnown(
  books: MemoryBooks,
  filter: Omit<ReservationQuery, 'pageSize' | 'pageToken'>,
  after: string | null,
): readonly Reservation[] {
  const { states, source, destination, node, link } = filter;
  return [...books.live()]
    .filter(
      (each) =>
        (after === null || each.id > after) &&
        (states.length === 0 || states.includes(each.state)) &&
        (source === null || sendersOf(each).some((sender) => sender.source.address === source)) &&
        (destination === null || each.flow.destination.address === destination) &&
        (node === null || nodesOf(each).includes(node)) &&
        (link === null || linksOf(each).includes(link)),
    )
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

function filterProblems(filter: Omit<ReservationQuery, 'pageSize' | 'pageToken'>): readonly FieldProblem[] {
  const problems: FieldProblem[] = [];
  for (const field of ['source', 'destination'] as const) {
    const value = filter[field];
    const address = value === null ? null : parseIp(value);
    if (address?.ok === false) problems.push({ field, value, code: 'INVALID_ARGUMENT', problem: address.error });
  }
  for (const field of ['node', 'link'] as const) {
    const value = filter[field];
    // PostgreSQL takes neither NUL nor lone surrogates as text.
    if (value !== null && (value.length > 200 || /[\p{Cc}\p{Cs}]/u.test(value))) {
      const problem = 'must be at most 200 characters without control characters';
      problems.push({ field, value, code: 'INVALID_ARGUMENT', problem });
    }
  }
  return problems;
}

const writeToken = (after: string, print: string): string => Buffer.from(`${after} ${print}`).toString('base64url');

function readToken(token: string, print: string): string {
  const [after, of] = Buffer.from(token, 'base64url').toString('latin1').split(' ');
  // Written again because base64 is read loosely: what is added to a token would be ignored.
  if (after === undefined || !UUID.test(after) || of === undefined || writeToken(after, of) !== token)
    throw badToken(token, 'is not one that a list gave');
  if (of !== print) throw badToken(token, 'belongs to a list with other filters');
  return after;
}

const badToken = (value: string, problem: string): ControlError =>
  badRequest([{ field: 'pageToken', value, code: 'INVALID_ARGUMENT', problem }]);

const fingerprint = (filter: Omit<ReservationQuery, 'pageSize' | 'pageToken'>): string =>
  createHash('sha256')
    .update(JSON.stringify([[...filter.states].sort(), filter.source, filter.destination, filter.node, filter.link]))
    .digest('base64url')
    .slice(0, 16);
