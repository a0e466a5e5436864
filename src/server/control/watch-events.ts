import type { EventView } from './api.ts';
import { ControlError } from './errors.ts';
import { type EventLog, eventsOf } from './event-log.ts';
import type { BooksStore } from './ports.ts';

const GROUPS_A_READ = 200;

/**
 * Every event after `after` in order, each once, then live until the signal: what this replica keeps in memory, and from
 * the database what lies further back.
 *
 * @throws ControlError EVENTS_PURGED when events after `after` are gone; OUT_OF_RANGE for an id that was never given.
 */
export async function* watchEvents(
  store: BooksStore,
  log: EventLog,
  after: bigint | null,
  signal: AbortSignal,
): AsyncIterable<EventView> {
  let seen = after ?? log.last;
  if (after !== null) await checkToken(store, after);
  while (!signal.aborted) {
    let groups = log.after(seen);
    if (groups === null) {
      groups = await store.eventsAfter(seen, GROUPS_A_READ);
      const next = groups[0];
      if (next !== undefined && next.first > seen + 1n) throw purged(seen, next.first - 1n);
    }
    for (const group of groups) {
      for (const event of eventsOf(group, seen)) {
        if (signal.aborted) return;
        yield event;
        seen = event.id;
      }
    }
    if (groups.length === 0) await log.more(seen, signal);
  }
}

async function checkToken(store: BooksStore, after: bigint): Promise<void> {
  const { last, purgedThrough } = await store.eventHead();
  if (after < purgedThrough) throw purged(after, purgedThrough);
  if (after < 0n || after > last) {
    const field = {
      field: 'resumeToken',
      value: String(after),
      code: 'OUT_OF_RANGE',
      problem: `the last event is ${last}`,
    } as const;
    throw new ControlError('OUT_OF_RANGE', `event ${after} was never there: the last one is ${last}`, {
      fields: [field],
    });
  }
}

const purged = (after: bigint, through: bigint): ControlError =>
  new ControlError(
    'EVENTS_PURGED',
    `the events after ${after} are gone up to ${through}: read the state, then watch anew`,
    {
      details: { purgedThrough: String(through) },
    },
  );
