import { create } from '@bufbuild/protobuf';
import { err, ok, type Result } from '../core/base/result.ts';
import { senderHops } from '../core/reservation/change.ts';
import { deviation } from '../core/reservation/deviation.ts';
import type { ReservationInput } from '../core/qos/request-input.ts';
import type { FieldProblem, FlowEndpoint, Qos as CoreQos } from '../core/qos/request.ts';
import type { Reservation, Sender } from '../core/reservation/reservation.ts';
import { sendersOf } from '../core/reservation/senders.ts';
import type { BookedHop } from '../core/admission/decision.ts';
import type { Endpoint } from '../gen/headroom/v1/flow_pb.ts';
import {
  ReservationSchema,
  type Qos,
  type Reservation as ReservationMessage,
  type ReservationSpec,
} from '../gen/headroom/v1/reservation_pb.ts';
import { int64, numberOf } from './numbers.ts';
import { timestamp, timeText } from './time.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A caller's words as the control takes them. Only what a message can get wrong is judged here, missing parts by name. */
export function reservationInput(spec: ReservationSpec | undefined): Result<ReservationInput, readonly FieldProblem[]> {
  const problems: FieldProblem[] = [];
  const missing = (field: string): void => {
    problems.push({ field, value: undefined, code: 'INVALID_ARGUMENT', problem: 'is missing' });
  };
  if (!spec) {
    missing('reservation');
    return err(problems);
  }
  const { flow, qos, window } = spec;
  if (!flow) missing('flow');
  const listed = flow !== undefined && flow.sources.length > 0;
  if (flow && !flow.source && !listed) missing('flow.source');
  if (flow && !flow.destination) missing('flow.destination');
  if (!qos) missing('qos');
  const qosInput = qos && qosOf(qos, problems);
  const start = window?.start ? timeText('window.start', window.start, problems) : null;
  const end = window?.end ? timeText('window.end', window.end, problems) : null;
  if (!flow?.destination || !qosInput || problems.length > 0) return err(problems);
  return ok({
    name: spec.name ?? null,
    labels: spec.labels,
    flow: {
      protocol: flow.protocol,
      ...(flow.source ? { source: endpointOf(flow.source) } : {}),
      ...(listed ? { sources: flow.sources.map(endpointOf) } : {}),
      destination: endpointOf(flow.destination),
    },
    qos: qosInput,
    window: { start, end },
    ...(spec.constraints ? { constraints: { allowUnpinned: spec.constraints.allowUnpinned } } : {}),
    ...(spec.signaling?.style ? { signaling: { style: spec.signaling.style } } : {}),
  });
}

const endpointOf = (end: Endpoint): { address: string; port: number | null } => ({
  address: end.address,
  port: end.port ?? null,
});

function qosOf(qos: Qos, problems: FieldProblem[]): ReservationInput['qos'] {
  const input: Mutable<ReservationInput['qos']> = {
    serviceType: qos.serviceType,
    tokenRateBitsPerSecond: numberOf('qos.tokenRateBitsPerSecond', qos.tokenRateBitsPerSecond, problems),
  };
  const optional = [
    'tokenBucketBytes',
    'peakRateBitsPerSecond',
    'minPolicedUnitBytes',
    'maxPacketBytes',
    'maxDelayMicros',
    'slackMicros',
  ] as const;
  for (const name of optional) {
    const value = qos[name];
    if (value !== undefined) input[name] = numberOf(`qos.${name}`, value, problems);
  }
  return input;
}

/** What `validateOnly` would book has no id, times of storage or etag. */
export function reservationMessage(reservation: Reservation, booked = true): ReservationMessage {
  const { flow, window, change } = reservation;
  const hops = senderHops(reservation);
  return create(ReservationSchema, {
    ...(booked
      ? {
          id: reservation.id,
          createdAt: timestamp(reservation.createdAt),
          updatedAt: timestamp(reservation.updatedAt),
          etag: String(reservation.revision),
        }
      : {}),
    ...(reservation.name === null ? {} : { name: reservation.name }),
    labels: { ...reservation.labels },
    state: reservation.state,
    ...(reservation.stateReason === null ? {} : { stateReason: reservation.stateReason }),
    ...(reservation.endReason === null ? {} : { endReason: reservation.endReason }),
    ...(reservation.failure === null ? {} : { failure: { ...reservation.failure } }),
    ...(change === null
      ? {}
      : {
          change: {
            state: change.state,
            requested: { qos: qosInit(change.terms.qos) },
            requestedAt: timestamp(change.requestedAt),
            reasons: change.reasons.map((reason) => ({ ...reason })),
          },
        }),
    flow: {
      protocol: flow.protocol,
      ...(reservation.moreSenders.length === 0
        ? { source: endpoint(flow.source) }
        : { sources: sendersOf(reservation).map((sender) => endpoint(sender.source)) }),
      destination: endpoint(flow.destination),
    },
    qos: qosInit(reservation.qos),
    window: { start: timestamp(window.start), ...(window.end === null ? {} : { end: timestamp(window.end) }) },
    paths: sendersOf(reservation).map((sender, i) => ({
      ...pathInit(sender, hops[i]!),
      enforcement: reservation.enforcement,
    })),
    signaling: {
      style: reservation.style,
      ...(reservation.confirmedAt === null ? {} : { confirmedAt: timestamp(reservation.confirmedAt) }),
    },
  });
}

const pathInit = ({ source, path, actualHops, nonRsvpHop, adspecDeviation }: Sender, hops: readonly BookedHop[]) => {
  const difference = deviation({ path, actualHops });
  return {
    role: 'forward',
    source: source.address,
    pinning: path.pinning,
    explicitRoute: path.explicitRoute.map((address) => address ?? ''),
    bookedBitsPerSecond: int64(hops.reduce((most, hop) => Math.max(most, hop.bookedBitsPerSecond), 0)),
    ...(path.delayBoundMicros === null ? {} : { delayBoundMicros: int64(path.delayBoundMicros) }),
    hops: hops.map((hop) => ({ ...hop, bookedBitsPerSecond: int64(hop.bookedBitsPerSecond) })),
    actualHops: actualHops.map((hop) => ({ ...hop })),
    ...(difference === null ? {} : { deviation: difference }),
    nonRsvpHop,
    ...(adspecDeviation === null ? {} : { adspecDeviation }),
  };
};

const qosInit = (qos: CoreQos) => ({
  serviceType: qos.serviceType,
  tokenRateBitsPerSecond: int64(qos.tokenRateBitsPerSecond),
  tokenBucketBytes: int64(qos.tokenBucketBytes),
  minPolicedUnitBytes: int64(qos.minPolicedUnitBytes),
  maxPacketBytes: int64(qos.maxPacketBytes),
  slackMicros: int64(qos.slackMicros),
  ...(qos.peakRateBitsPerSecond === null ? {} : { peakRateBitsPerSecond: int64(qos.peakRateBitsPerSecond) }),
  ...(qos.maxDelayMicros === null ? {} : { maxDelayMicros: int64(qos.maxDelayMicros) }),
});

const endpoint = (end: FlowEndpoint): { address: string; port?: number } =>
  end.port === null ? { address: end.address } : { address: end.address, port: end.port };
