import { Type, type Static } from 'typebox';
import { RESERVATION_STYLES } from '../../../core/qos/request.ts';
import {
  Choice,
  Closed,
  Labels,
  NullableChoice,
  NullableInteger,
  NullableNumber,
  NullableString,
  NullableTime,
  Time,
} from './shared.ts';

export const RESERVATION_STATES = [
  'held',
  'scheduled',
  'establishing',
  'active',
  'degraded',
  'releasing',
  'ended',
] as const;

const RequestEndpoint = Closed({
  address: Type.String({ description: 'An IPv4 address of a node' }),
  port: Type.Optional(NullableNumber({ description: '1 … 65535; absent or null = any' })),
});

/** POST /v1/reservations. Only types are judged here; ranges and contradictions once for all edges, in `control/`. */
export const ReservationRequestSchema = Closed(
  {
    name: Type.Optional(NullableString({ description: 'For people' })),
    labels: Type.Optional(Labels),
    flow: Closed({
      protocol: Type.String({ description: 'udp or tcp' }),
      source: Type.Optional(RequestEndpoint),
      sources: Type.Optional(
        Type.Array(RequestEndpoint, {
          description:
            'Instead of source: 1 to 16 different senders to the one destination, with ports all of them or none',
        }),
      ),
      destination: RequestEndpoint,
    }),
    qos: Closed({
      serviceType: Type.String({ description: 'guaranteed or controlledLoad' }),
      tokenRateBitsPerSecond: Type.Number({ description: 'r: integer, 1 … 2^53 − 1; counts IP packets' }),
      tokenBucketBytes: Type.Optional(
        Type.Number({ description: 'b; default the larger of 2 packets and 10 ms at the rate' }),
      ),
      peakRateBitsPerSecond: Type.Optional(NullableNumber({ description: 'p ≥ r; default unlimited' })),
      minPolicedUnitBytes: Type.Optional(
        Type.Number({ description: 'm; default 128: smaller packets count as this size' }),
      ),
      maxPacketBytes: Type.Optional(Type.Number({ description: 'M ≥ m; default 1500' })),
      maxDelayMicros: Type.Optional(NullableNumber({ description: 'End to end; guaranteed service only' })),
      slackMicros: Type.Optional(Type.Number({ description: 'S of RFC 2212; default 0' })),
    }),
    window: Type.Optional(
      Closed({
        start: Type.Optional(NullableTime('Default now')),
        end: Type.Optional(NullableTime('Default until released')),
      }),
    ),
    constraints: Type.Optional(
      Closed({
        allowUnpinned: Type.Optional(
          Type.Boolean({
            description:
              'A path that routing does not take and that not every agent can keep the flow on may be booked all the same; default false',
          }),
        ),
      }),
    ),
    signaling: Type.Optional(
      Closed({
        style: Type.Optional(
          Type.String({
            description:
              'fixedFilter: each sender has a part of its own; sharedExplicit: one part for those that are listed; wildcardFilter: one for whoever sends to the destination. Default fixedFilter with source, sharedExplicit with sources',
          }),
        ),
      }),
    ),
  },
  { $id: 'ReservationRequest', description: 'What a caller asks for' },
);

/** PATCH /v1/reservations/{id}: documentation, the judge is the core. null takes a member away, back to its default. */
export const ReservationPatchSchema = Closed(
  {
    name: Type.Optional(NullableString()),
    labels: Type.Optional(
      Type.Unsafe<Record<string, string | null> | null>({
        type: ['object', 'null'],
        additionalProperties: { type: ['string', 'null'] },
        description: 'null takes a label, or all of them, away',
      }),
    ),
    qos: Type.Optional(
      Closed({
        serviceType: Type.Optional(Choice(['guaranteed', 'controlledLoad'])),
        tokenRateBitsPerSecond: Type.Optional(Type.Integer()),
        tokenBucketBytes: Type.Optional(NullableNumber()),
        peakRateBitsPerSecond: Type.Optional(NullableNumber({ description: 'null = unlimited' })),
        minPolicedUnitBytes: Type.Optional(NullableNumber()),
        maxPacketBytes: Type.Optional(NullableNumber()),
        maxDelayMicros: Type.Optional(NullableNumber()),
        slackMicros: Type.Optional(NullableNumber()),
      }),
    ),
  },
  { $id: 'ReservationPatch', description: 'A merge patch (RFC 7396) of what can be changed' },
);

const Endpoint = Type.Object({ address: Type.String(), port: NullableInteger({ description: 'null = any' }) });

const QOS = {
  serviceType: Choice(['guaranteed', 'controlledLoad']),
  tokenRateBitsPerSecond: Type.Integer(),
  tokenBucketBytes: Type.Number(),
  peakRateBitsPerSecond: NullableInteger({ description: 'null = unlimited' }),
  minPolicedUnitBytes: Type.Integer(),
  maxPacketBytes: Type.Integer(),
  maxDelayMicros: NullableNumber(),
  slackMicros: Type.Number(),
};

const ChangeReason = Type.Object({
  reason: Choice(['REFUSED', 'TIMED_OUT']),
  errorCode: Type.Integer({ description: 'RFC 2205 appendix B; 0 where nobody told' }),
  errorValue: Type.Integer(),
  errorNode: Type.String({ description: 'The node that found the error; empty where nobody told' }),
  detail: Type.String(),
});

const ChangeProperties = Type.Object({
  state: Choice(['applying', 'reverting', 'failed'], {
    description:
      'applying: agents are told the requested qos; reverting: one refused, all are told the old one again; failed: they hold it',
  }),
  requested: Type.Object({ qos: Type.Object(QOS) }),
  requestedAt: Time('When it was admitted'),
  reasons: Type.Array(ChangeReason, { description: 'Why it did not come about' }),
});

const ActualHop = Type.Object({ node: Type.String(), interface: Type.String(), link: Type.String() });

export const ReservationSchema = Type.Object(
  {
    id: Type.Optional(Type.String({ format: 'uuid', description: 'UUIDv7; absent with validateOnly' })),
    name: NullableString(),
    labels: Labels,
    state: Choice(RESERVATION_STATES),
    stateReason: NullableString({ description: 'More on the state' }),
    flow: Type.Object({
      protocol: Choice(['udp', 'tcp']),
      source: Type.Optional({ ...Endpoint, description: 'Absent where there are sources' }),
      sources: Type.Optional(
        Type.Array(Endpoint, { description: 'Two or more senders; absent where there is source' }),
      ),
      destination: Endpoint,
    }),
    qos: Type.Object(QOS, { description: 'What is in force, also while a change is under way' }),
    window: Type.Object({
      start: Time('First instant'),
      end: NullableTime('First instant after; null = until released'),
    }),
    paths: Type.Array(
      Type.Object({
        role: Choice(['forward', 'reverse', 'backup']),
        source: Type.String({ description: 'Address of its sender; forward paths are in the order of the sources' }),
        pinning: Choice(['routed', 'pinned', 'unpinned'], {
          description:
            'routed: the routes of the kernels lead there; pinned: every agent steers the flow; unpinned: not every node can',
        }),
        explicitRoute: Type.Array(NullableString(), {
          description:
            'For each hop the address by which the flow enters the next node, null = unknown; empty where routed',
        }),
        bookedBitsPerSecond: Type.Integer({
          description:
            'What the books hold for it, the largest of its hops, link-layer overhead included; the larger of old and new while a change is under way. Where paths of a shared style meet they hold it together, in fixed-filter style each for itself',
        }),
        delayBoundMicros: NullableNumber({ description: 'End-to-end bound; null for controlled load' }),
        hops: Type.Array(
          Type.Object({
            node: Type.String(),
            interface: Type.String(),
            link: Type.String(),
            bookedBitsPerSecond: Type.Integer(),
          }),
        ),
        actualHops: Type.Array(ActualHop, { description: 'Where PATH really went, as far as agents have reported' }),
        deviation: NullableString({ description: 'Where the flow leaves its admitted path; null while both agree' }),
        nonRsvpHop: Type.Boolean({
          description: 'PATH passes a hop that does not speak RSVP: nothing is reserved there',
        }),
        adspecDeviation: NullableString({
          description: 'Where ADSPEC says otherwise of the path than the books; null while both agree',
        }),
        enforcement: Choice(['kernel', 'none']),
      }),
    ),
    signaling: Type.Object({
      style: Choice(RESERVATION_STYLES),
      confirmedAt: NullableTime('When ResvConf had reached the receiver for every sender'),
    }),
    change: Type.Unsafe<Static<typeof ChangeProperties> | null>({
      ...ChangeProperties,
      type: ['object', 'null'],
      description: 'A change that is not, or will not be, in force; null = none',
    }),
    endReason: NullableChoice([
      'released',
      'expired',
      'leaseExpired',
      'holdExpired',
      'declined',
      'preempted',
      'failed',
    ]),
    failure: Type.Unsafe<null | { errorCode: number; errorValue: number; errorNode: string; detail: string }>({
      type: ['object', 'null'],
      description: 'What RSVP or the kernel said when it could not be kept',
      properties: {
        errorCode: { type: 'integer', description: 'RFC 2205 appendix B' },
        errorValue: { type: 'integer' },
        errorNode: { type: 'string' },
        detail: { type: 'string' },
      },
      required: ['errorCode', 'errorValue', 'errorNode', 'detail'],
    }),
    createdAt: Type.Optional(Time('When it was booked')),
    updatedAt: Type.Optional(Time('When it last changed')),
    etag: Type.Optional(Type.String()),
  },
  { $id: 'Reservation', description: 'A promise as the books hold it' },
);
