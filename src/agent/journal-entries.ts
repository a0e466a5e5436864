import { parseIp } from '../core/base/ip.ts';

type Values = Readonly<Record<string, unknown>>;

/**
 * Whether a value is of the form that its key promises, as far as the agent would stumble over another one. A journal of an
 * older agent says less of some things.
 */
export function isSoundEntry(key: string, value: unknown): boolean {
  const check = CHECKS[key.split('/', 1)[0]!];
  return check === undefined || check(value);
}

const CHECKS: Readonly<Record<string, (value: unknown) => boolean>> = {
  assignment: (value) =>
    isObject(value) &&
    isText(value['reservationId']) &&
    isNumber(value['revision']) &&
    isFlow(value['flow']) &&
    isTspec(value['tspec']) &&
    (value['rspec'] === null || (isObject(value['rspec']) && isNumber(value['rspec']['rate']))) &&
    (value['outgoingInterface'] === null || isText(value['outgoingInterface'])) &&
    isNumber(value['bookedBitsPerSecond']) &&
    isNumber(value['validFrom']) &&
    (value['validUntil'] === null || isNumber(value['validUntil'])) &&
    (value['sources'] === undefined || (isList(value['sources'], isEndpoint) && value['sources'].length > 0)) &&
    (value['ownSources'] === undefined || isList(value['ownSources'], isNumber)) &&
    (value['style'] === undefined || STYLES.has(value['style'])) &&
    (value['explicitRoute'] === undefined || isList(value['explicitRoute'], isText)) &&
    (value['nextHop'] === undefined || value['nextHop'] === null || isText(value['nextHop'])),
  change: (value) =>
    isObject(value) &&
    isNumber(value['revision']) &&
    isNumber(value['formerRate']) &&
    (value['former'] === undefined || isObject(value['former'])) &&
    (value['arrived'] === undefined || isList(value['arrived'], isText)),
  interface: (value) => isObject(value) && isText(value['name']) && isNumber(value['capacityBitsPerSecond']),
  clock: (value) => isObject(value) && isText(value['boot']) && Number.isFinite(value['offset']),
  class: isNumber,
  neighbour: isNumber,
  'mark-mask': isNumber,
  generation: (value) => isObject(value) && isText(value['epoch']) && /^\d{1,19}$/.test(String(value['counter'])),
  rsvp: (value) => isObject(value) && isAddress(value['source']) && isAddress(value['destination']),
};

const STYLES: ReadonlySet<unknown> = new Set(['fixedFilter', 'sharedExplicit', 'wildcardFilter']);

const isObject = (value: unknown): value is Values =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isAddress = (value: unknown): boolean => typeof value === 'string' && parseIp(value).ok;

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number';
}

function isList(value: unknown, isItem: (item: unknown) => boolean): value is readonly unknown[] {
  return Array.isArray(value) && value.every(isItem);
}

function isEndpoint(value: unknown): boolean {
  return isObject(value) && isAddress(value['address']) && (value['port'] === null || isNumber(value['port']));
}

function isFlow(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { protocol, source, destination } = value;
  return (protocol === 'udp' || protocol === 'tcp') && isEndpoint(source) && isEndpoint(destination);
}

function isTspec(value: unknown): boolean {
  return (
    isObject(value) &&
    ['tokenRate', 'tokenBucket', 'peakRate', 'minPolicedUnit', 'maxPacketSize'].every((name) => isNumber(value[name]))
  );
}
