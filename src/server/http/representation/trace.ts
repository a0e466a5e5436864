import { messageTypeName } from '../../../core/rsvp/wire/message.ts';
import type { TraceItem } from '../../control/api.ts';

/** Data of an item of `/v1/agents/{id}/rsvp/trace`. */
export function traceToJson(item: TraceItem): Record<string, unknown> {
  if (item.type !== 'message') {
    const { type: _, ...rest } = item;
    return rest;
  }
  const {
    timeMicros,
    direction,
    interface: name,
    source,
    destination,
    ttl,
    routerAlert,
    bytes,
    dropped,
    problem,
  } = item;
  return {
    time: microsToText(timeMicros),
    direction,
    interface: name,
    source,
    destination,
    ttl,
    routerAlert,
    messageType: bytes.length >= 2 ? messageTypeName(bytes[1]!) : null,
    bytes: Buffer.from(bytes).toString('base64'),
    dropped,
    problem,
  };
}

/** As server-sent events write it; JSON has no line breaks. */
export const traceToText = (item: TraceItem): string =>
  `event: ${item.type}\ndata: ${JSON.stringify(traceToJson(item))}\n\n`;

/** RFC 3339 in UTC with microseconds; null for what no calendar has. */
function microsToText(micros: bigint): string | null {
  const date = new Date(Number(micros / 1_000n));
  if (Number.isNaN(date.getTime())) return null;
  return date.toISOString().replace('Z', `${String(micros % 1_000n).padStart(3, '0')}Z`);
}
