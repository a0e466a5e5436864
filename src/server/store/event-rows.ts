import { EpochMs } from '../../core/base/units.ts';
import type { EventDraft, EventGroup } from '../control/ports.ts';

/** NOTIFY on it says that there are new events; never more than a hint to look. */
export const EVENT_CHANNEL = 'headroom_events';

export interface EventRow extends Record<string, unknown> {
  first_id: string;
  time: Date;
  items: EventDraft[];
  links: Record<string, string>;
  topology_version: string | null;
}

/** `$1` = the last id seen, `$2` = how many groups. The first group may begin before it: ids of a group are cut by the reader. */
export const EVENTS_AFTER = `SELECT first_id, time, items, links, topology_version FROM event
  WHERE first_id >= coalesce((SELECT max(first_id) FROM event WHERE first_id <= $1::bigint + 1), 0)
    AND first_id + count - 1 > $1::bigint
  ORDER BY first_id LIMIT $2`;

/** Events stay as they were written: earlier ones say nothing of style, further senders and ADSPEC. */
const complete = (item: EventDraft): EventDraft =>
  item.reservationId === null
    ? item
    : { ...item, data: { style: 'fixedFilter', moreSenders: [], adspecDeviation: null, ...(item.data as object) } };

export const toEventGroup = (row: EventRow): EventGroup => ({
  first: BigInt(row.first_id),
  time: EpochMs(row.time.getTime()),
  items: row.items.map(complete),
  links: new Map(Object.entries(row.links).map(([link, version]) => [link, BigInt(version)])),
  topologyVersion: row.topology_version === null ? null : BigInt(row.topology_version),
});
