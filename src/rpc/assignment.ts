import { create } from '@bufbuild/protobuf';
import { parseIp, type IpAddress } from '../core/base/ip.ts';
import { err, ok, type Result } from '../core/base/result.ts';
import { BitsPerSecond, Bytes, BytesPerSecond, EpochMs, Micros } from '../core/base/units.ts';
import { RESERVATION_STYLES, type FlowEndpoint } from '../core/qos/request.ts';
import type { Assignment } from '../core/reservation/assignment.ts';
import { AssignmentSchema, type Assignment as AssignmentMessage } from '../gen/headroom/v1/agent_channel_pb.ts';
import type { Endpoint } from '../gen/headroom/v1/flow_pb.ts';

export function assignmentToMessage(a: Assignment): AssignmentMessage {
  const several = a.sources.length > 1;
  return create(AssignmentSchema, {
    reservationId: a.reservationId,
    revision: BigInt(a.revision),
    flow: {
      protocol: a.flow.protocol,
      // An agent that knows nothing of several sources gets what it always got.
      ...(several ? { sources: a.sources.map(endpoint) } : { source: endpoint(a.flow.source) }),
      destination: endpoint(a.flow.destination),
    },
    ...(a.style === 'fixedFilter' && !several ? {} : { style: a.style }),
    ownSources: several ? [...a.ownSources] : [],
    tspec: {
      tokenRateBytesPerSecond: a.tspec.tokenRate,
      tokenBucketBytes: a.tspec.tokenBucket,
      peakRateBytesPerSecond: a.tspec.peakRate,
      minPolicedUnitBytes: a.tspec.minPolicedUnit,
      maxPacketBytes: a.tspec.maxPacketSize,
    },
    ...(a.rspec ? { rspec: { rateBytesPerSecond: a.rspec.rate, slackMicros: a.rspec.slack } } : {}),
    isSender: a.isSender,
    isReceiver: a.isReceiver,
    outgoingInterface: a.outgoingInterface ?? '',
    bookedBitsPerSecond: BigInt(a.bookedBitsPerSecond),
    nextHop: a.nextHop ?? '',
    pinned: a.pinned,
    explicitRoute: [...a.explicitRoute],
    validFromMs: BigInt(a.validFrom),
    validUntilMs: BigInt(a.validUntil ?? 0),
  });
}

/** The error names the field that an assignment cannot do without. */
export function assignmentFromMessage(m: AssignmentMessage): Result<Assignment, string> {
  const listed = m.flow?.sources ?? [];
  const sources = (listed.length > 0 ? listed : [m.flow?.source]).map(endpointFromMessage);
  const [source] = sources;
  const destination = endpointFromMessage(m.flow?.destination);
  const protocol = m.flow?.protocol;
  if (m.reservationId === '') return err('reservation_id is empty');
  if (protocol !== 'udp' && protocol !== 'tcp') return err(`flow.protocol "${protocol ?? ''}" is neither udp nor tcp`);
  if (!source || !allThere(sources) || !destination) {
    return err('flow.source, one of flow.sources or flow.destination is missing or no address');
  }
  const style = m.style === '' ? 'fixedFilter' : RESERVATION_STYLES.find((each) => each === m.style);
  if (style === undefined) return err(`style "${m.style}" is none of ${RESERVATION_STYLES.join(', ')}`);
  const ownSources = listed.length > 0 ? m.ownSources : m.isSender ? [0] : [];
  const stray = ownSources.find((index) => index >= sources.length);
  if (stray !== undefined) return err(`own_sources has ${stray}, but there are ${sources.length} sources`);
  if (!m.tspec) return err('tspec is missing');
  const nextHop = m.nextHop === '' ? null : parseIp(m.nextHop);
  if (nextHop?.ok === false) return err(`next_hop: ${nextHop.error}`);
  if (m.pinned && nextHop === null) return err('pinned without next_hop');
  const explicitRoute: IpAddress[] = [];
  for (const text of m.explicitRoute) {
    const hop = parseIp(text);
    if (!hop.ok) return err(`explicit_route: ${hop.error}`);
    explicitRoute.push(hop.value);
  }
  return ok({
    reservationId: m.reservationId,
    revision: Number(m.revision),
    flow: { protocol, source, destination },
    sources,
    ownSources,
    style,
    tspec: {
      tokenRate: BytesPerSecond(m.tspec.tokenRateBytesPerSecond),
      tokenBucket: Bytes(m.tspec.tokenBucketBytes),
      peakRate: BytesPerSecond(m.tspec.peakRateBytesPerSecond),
      minPolicedUnit: Bytes(m.tspec.minPolicedUnitBytes),
      maxPacketSize: Bytes(m.tspec.maxPacketBytes),
    },
    rspec: m.rspec ? { rate: BytesPerSecond(m.rspec.rateBytesPerSecond), slack: Micros(m.rspec.slackMicros) } : null,
    isSender: ownSources.length > 0,
    isReceiver: m.isReceiver,
    outgoingInterface: m.outgoingInterface === '' ? null : m.outgoingInterface,
    bookedBitsPerSecond: BitsPerSecond(Number(m.bookedBitsPerSecond)),
    nextHop: nextHop?.value ?? null,
    pinned: m.pinned,
    explicitRoute,
    validFrom: EpochMs(Number(m.validFromMs)),
    validUntil: m.validUntilMs === 0n ? null : EpochMs(Number(m.validUntilMs)),
  });
}

const allThere = (ends: readonly (FlowEndpoint | null)[]): ends is readonly FlowEndpoint[] => !ends.includes(null);

const endpoint = (e: FlowEndpoint): { address: string; port?: number } =>
  e.port === null ? { address: e.address } : { address: e.address, port: e.port };

/** null where there is none, or its address is none. */
export function endpointFromMessage(e: Endpoint | undefined): FlowEndpoint | null {
  const address = parseIp(e?.address ?? '');
  return address.ok ? { address: address.value, port: e?.port ?? null } : null;
}
