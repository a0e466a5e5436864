import { type IpAddress, ipFamily, ipToBytes, isMulticast, parseIp } from '../base/ip.ts';
import type { FieldProblems } from './field-problems.ts';
import type { ReservationInput } from './request-input.ts';
import type { Flow, FlowEndpoint } from './request.ts';

/** Checks `flow`. @returns null where a problem was found. */
export function parseFlow(input: ReservationInput['flow'], problems: FieldProblems): Flow | null {
  const protocol = problems.oneOf('flow.protocol', input.protocol, ['udp', 'tcp']);
  const source = parseEndpoint('flow.source', input.source, problems);
  const destination = parseEndpoint('flow.destination', input.destination, problems);
  const before = problems.list.length;
  if (typeof input.source.port === 'number' && (input.destination.port ?? null) === null) {
    // RFC 2205 3.2: a session without a destination port cannot tell senders by port.
    problems.invalid('flow.source.port', input.source.port, 'needs a flow.destination.port beside it');
  }
  if (source !== null && destination !== null) {
    const field = 'flow.destination.address';
    if (ipFamily(source.address) !== ipFamily(destination.address)) {
      problems.outOfRange(field, destination.address, `is not of the family of flow.source.address ${source.address}`);
    } else if (source.address === destination.address) {
      problems.outOfRange(field, destination.address, 'must differ from flow.source.address');
    }
  }
  if (protocol === null || source === null || destination === null || problems.list.length > before) return null;
  return { protocol, source, destination };
}

function parseEndpoint(
  path: string,
  input: ReservationInput['flow']['source'],
  problems: FieldProblems,
): FlowEndpoint | null {
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
