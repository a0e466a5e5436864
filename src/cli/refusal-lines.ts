import type { Problem } from '../client/client.ts';
import { formatRate } from './rate.ts';

type Loose = Readonly<Record<string, unknown>>;

const text = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));
const rate = (value: unknown): string => (typeof value === 'number' ? formatRate(value) : text(value));

export const fieldLine = (field: Problem['fields'][number]): string =>
  `${field.field} = ${JSON.stringify(field.value)}: ${field.problem}`;

/** The same of a document; the document itself has no name. */
export const documentLine = ({ field, value, problem }: Omit<Problem['fields'][number], 'code'>): string =>
  field === '' ? problem : `${field} = ${JSON.stringify(value)}: ${problem}`;

/** One reason of a refusal as a line for people; a kind this build does not know is shown as it came. */
export function reasonLine(reason: Loose): string {
  switch (reason['reason']) {
    case 'BANDWIDTH_UNAVAILABLE': {
      const conflicting = Array.isArray(reason['conflicting']) ? reason['conflicting'] : [];
      const senders = reason['senders'] === undefined ? '' : ` for ${text(reason['senders'])} senders`;
      const holders = conflicting.length > 0 ? `; in the way: ${conflicting.map(text).join(', ')}` : '';
      return (
        `${text(reason['link'])}: ${rate(reason['requestedBitsPerSecond'])} asked${senders}, ` +
        `${rate(reason['availableBitsPerSecond'])} free${holders}`
      );
    }
    case 'NO_PATH':
      return `no path from ${text(reason['source'])} to ${text(reason['destination'])}: ${text(reason['detail'])}`;
    case 'DELAY_BOUND_UNREACHABLE':
      return `a bound of ${text(reason['requestedMicros'])} µs${reason['source'] === undefined ? '' : ` from ${text(reason['source'])}`} cannot be met, ${text(reason['smallestMicros'])} µs can`;
    case 'MTU_TOO_SMALL':
      return `${text(reason['link'])} carries ${text(reason['mtuBytes'])} bytes, ${text(reason['requestedBytes'])} asked`;
    case 'AGENT_UNREACHABLE':
      return `the agent of ${text(reason['node'])} is silent, last seen ${text(reason['lastSeenAt'] ?? 'never')}`;
    case 'MULTIPATH':
      return `the flow cannot be pinned to one way: ${text(reason['detail'])}`;
    case 'PINNING_UNAVAILABLE':
      return `another path cannot be pinned: ${text(reason['detail'])}`;
    default:
      return JSON.stringify(reason);
  }
}

export function alternativeLine(alternative: Loose): string {
  if (alternative['kind'] === 'rate') return `would fit: ${rate(alternative['tokenRateBitsPerSecond'])} on this path`;
  if (alternative['kind'] === 'path' && Array.isArray(alternative['hops'])) {
    const hops = (alternative['hops'] as Loose[]).map((hop) => text(hop['link']));
    return `would fit: the path ${hops.join(' ')} (needs ${text(alternative['needs'])})`;
  }
  return `would fit: ${JSON.stringify(alternative)}`;
}
