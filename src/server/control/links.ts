import { openBitsPerSecond } from '../../core/admission/judge-path.ts';
import { BitsPerSecond } from '../../core/base/units.ts';
import type { Link } from '../../core/network/topology.ts';
import { parseWhen, type When, type WhenInput } from '../../core/qos/parse-when.ts';
import type { LinkView } from './api.ts';
import { badRequest } from './bad-request.ts';
import { ControlError } from './errors.ts';
import type { MemoryBooks } from './memory-books.ts';

/** Steps of a calendar in one answer; the rest is asked for from where the last one ends. */
export const MAX_CALENDAR_STEPS = 1_000;

/** @throws ControlError INVALID_ARGUMENT, OUT_OF_RANGE */
export function listLinks(books: MemoryBooks, input: WhenInput): readonly LinkView[] {
  const when = checkedWhen(books, input);
  return books.topology().topology.links.map((link) => linkView(books, link, when));
}

/** With its calendar where a time from one instant to another is asked about. @throws ControlError NOT_FOUND, INVALID_ARGUMENT, OUT_OF_RANGE */
export function getLink(books: MemoryBooks, id: string, input: WhenInput): LinkView {
  const { graph } = books.topology();
  const link = graph.links[graph.linkIndex.get(id) ?? -1];
  if (link === undefined) throw new ControlError('NOT_FOUND', `there is no link ${id}`);
  const when = checkedWhen(books, input);
  const view = linkView(books, link, when);
  if ('at' in when) return view;
  const { from, to } = when;
  const calendar = books.ledger.calendar(id)?.steps(from, to, MAX_CALENDAR_STEPS);
  return { ...view, calendar: calendar ?? [{ start: from, end: to, bitsPerSecond: BitsPerSecond(0) }] };
}

function checkedWhen(books: MemoryBooks, input: WhenInput): When {
  const when = parseWhen(input, books.now());
  if (!when.ok) throw badRequest(when.error);
  return when.value;
}

function linkView(books: MemoryBooks, link: Link, when: When): LinkView {
  const { ledger } = books;
  const reservable = openBitsPerSecond(link, books.topology().graph);
  const booked =
    'at' in when
      ? ledger.bookedAt(link.id, when.at)
      : (ledger.calendar(link.id)?.peak(when.from, when.to) ?? BitsPerSecond(0));
  return {
    ...link,
    reservableBitsPerSecond: reservable,
    bookedBitsPerSecond: booked,
    overbookedBitsPerSecond: BitsPerSecond(Math.max(0, booked - reservable)),
    calendar: null,
  };
}
