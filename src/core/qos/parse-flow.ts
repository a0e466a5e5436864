import { type IpAddress, ipFamily, ipToBytes, isMulticast, parseIp } from '../base/ip.ts';
import type { FieldProblems } from './field-problems.ts';
import type { EndpointInput, ReservationInput } from './request-input.ts';
import { RESERVATION_STYLES, type FlowEndpoint, type ReservationRequest, type ReservationStyle } from './request.ts';

/** Each has a path of its own, and state on every node that it passes. */
const MAX_SOURCES = 16;

/** Whose packets are meant, and how their senders share what is booked. */
export type Senders = Pick<ReservationRequest, 'flow' | 'moreSources' | 'sourcesListed' | 'style'>;

/** A sender as the caller wrote it, with the name of its field. */
interface GivenSource {
  readonly field: string;
  readonly input: EndpointInput;
}

/** Checks `flow` and `signaling`. @returns null where a problem was found. */
export function parseSenders(
  { flow, signaling = {} }: Pick<ReservationInput, 'flow' | 'signaling'>,
  problems: FieldProblems,
): Senders | null {
  const before = problems.list.length;
  const protocol = problems.oneOf('flow.protocol', flow.protocol, ['udp', 'tcp']);
  const given = givenSources(flow, problems);
  const ends = given.map(({ field, input }) => parseEndpoint(field, input, problems));
  const destination = parseEndpoint('flow.destination', flow.destination, problems);
  for (const [i, { field, input }] of given.entries()) {
    if (typeof input.port === 'number' && (flow.destination.port ?? null) === null) {
      // RFC 2205 3.2: a session without a destination port cannot tell senders by port.
      problems.invalid(`${field}.port`, input.port, 'needs a flow.destination.port beside it');
    }
    const source = ends[i];
    if (source) checkAgainst(ends.slice(0, i), given, source, field, problems);
    if (source && destination) checkEnds(field, source, destination, problems);
  }
  const sourcesListed = flow.sources !== undefined;
  const style = parseStyle(signaling.style, sourcesListed, problems);
  const [source, ...moreSources] = ends.flatMap((each) => each ?? []);
  if (protocol === null || !source || !destination || style === null || problems.list.length > before) return null;
  return { flow: { protocol, source, destination }, moreSources, sourcesListed, style };
}

function givenSources({ source, sources }: ReservationInput['flow'], problems: FieldProblems): readonly GivenSource[] {
  if (sources === undefined) {
    if (source !== undefined) return [{ field: 'flow.source', input: source }];
    problems.invalid('flow.source', source, 'is missing, and so is flow.sources');
  } else if (source !== undefined) {
    problems.invalid('flow.sources', sources, 'cannot be there beside flow.source');
  } else if (sources.length < 1 || sources.length > MAX_SOURCES) {
    problems.outOfRange('flow.sources', sources.length, `must be 1 to ${MAX_SOURCES}`);
  } else return sources.map((input, i) => ({ field: `flow.sources[${i}]`, input }));
  return [];
}

/**
 * RSVP tells the senders of a session apart by address and port, and wants ports of all of them or of none (RFC 2205
 * appendix B, error 8).
 */
function checkAgainst(
  before: readonly (FlowEndpoint | null)[],
  given: readonly GivenSource[],
  source: FlowEndpoint,
  field: string,
  problems: FieldProblems,
): void {
  const { address, port } = source;
  const same = before.findIndex((each) => each?.address === address && each.port === port);
  if (same >= 0) {
    const [member, value] = port === null ? ['address', address] : ['port', port];
    return problems.outOfRange(`${field}.${member}`, value, `makes it the same sender as ${given[same]!.field}`);
  }
  const [first] = before;
  if (first && (first.port === null) !== (port === null)) {
    problems.invalid(`${field}.port`, port, `must be there exactly where ${given[0]!.field}.port is`);
  }
}

function checkEnds(field: string, source: FlowEndpoint, destination: FlowEndpoint, problems: FieldProblems): void {
  const whole = 'flow.destination.address';
  if (ipFamily(source.address) !== ipFamily(destination.address)) {
    problems.outOfRange(whole, destination.address, `is not of the family of ${field}.address ${source.address}`);
  } else if (source.address === destination.address) {
    problems.outOfRange(whole, destination.address, `must differ from ${field}.address`);
  }
}

/** Senders that are listed share, unless it is said otherwise; one alone has what is booked for itself. */
function parseStyle(given: unknown, listed: boolean, problems: FieldProblems): ReservationStyle | null {
  if (given !== undefined) return problems.oneOf('signaling.style', given, RESERVATION_STYLES);
  return listed ? 'sharedExplicit' : 'fixedFilter';
}

function parseEndpoint(path: string, input: EndpointInput, problems: FieldProblems): FlowEndpoint | null {
  const address = parseAddress(`${path}.address`, input.address, problems);
  const given = input.port ?? null;
  const port = given === null ? null : problems.integer(`${path}.port`, given, 1, 65_535);
  return address === null || (given !== null && port === null) ? null : { address, port };
}

function parseAddress(field: string, text: unknown, problems: FieldProblems): IpAddress | null {
  const parsed = typeof text === 'string' ? parseIp(text) : null;
  if (parsed === null || !parsed.ok) {
    problems.invalid(field, text, 'is not an IP address');
    return null;
  }
  const unusable = whyUnusable(parsed.value);
  if (unusable === null) return parsed.value;
  problems.outOfRange(field, text, unusable);
  return null;
}

/** Why no host can have the address as its own towards others (RFC 6890); null when one can. */
function whyUnusable(address: IpAddress): string | null {
  const bytes = ipToBytes(address);
  if (isMulticast(address)) return 'is a multicast address; only unicast flows can be reserved';
  if (bytes.length === 4) {
    if (bytes[0] === 0) return 'is in 0.0.0.0/8, which names no host';
    if (bytes[0] === 127) return 'is a loopback address';
    return bytes[0]! >= 240 ? 'is in 240.0.0.0/4, which names no host' : null;
  }
  if (address === '::') return 'is the unspecified address';
  if (address === '::1') return 'is a loopback address';
  const mapped = bytes.subarray(0, 10).every((b) => b === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  return mapped ? 'is an IPv4 address inside an IPv6 one; write it as IPv4' : null;
}
