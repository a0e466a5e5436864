import { createHash } from 'node:crypto';
import type { AdmittedPath } from '../../core/admission/decision.ts';
import { sessionKey } from '../../core/admission/ledger.ts';
import type { IpAddress } from '../../core/base/ip.ts';
import { BitsPerSecond, Bytes, BytesPerSecond, EpochMs, Micros } from '../../core/base/units.ts';
import type { Flow, Qos } from '../../core/qos/request.ts';
import { flowKeyOf } from '../../core/reservation/change.ts';
import type { Failure, Reservation, Sender } from '../../core/reservation/reservation.ts';
import type { Change } from '../../core/reservation/terms.ts';

type Whole = bigint | string | number;

/** A row of `reservation`, as Prisma gives it and as `SELECT_RESERVATION` does (whole numbers are then text). */
export interface ReservationRow {
  id: string;
  revision: number;
  name: string | null;
  labels: unknown;
  state: string;
  stateReason: string | null;
  endReason: string | null;
  failure: unknown;
  protocol: string;
  sourceAddress: string;
  sourcePort: number | null;
  destinationAddress: string;
  destinationPort: number | null;
  style: string;
  moreSenders: unknown;
  serviceType: string;
  tokenRateBitsPerSecond: Whole;
  tokenBucketBytes: Whole;
  peakRateBitsPerSecond: Whole | null;
  minPolicedUnitBytes: Whole;
  maxPacketBytes: Whole;
  maxDelayMicros: Whole | null;
  slackMicros: Whole;
  windowStart: Date;
  windowEnd: Date | null;
  links: string[];
  interfaces: string[];
  nodes: string[];
  bookedBitsPerSecond: Whole[];
  rateBytesPerSecond: number;
  delayBoundMicros: number | null;
  pinning: string;
  explicitRoute: string[];
  actualHops: unknown;
  nonRsvpHop: boolean;
  adspecDeviation: string | null;
  enforcement: string;
  countsInBooks: boolean;
  confirmedAt: Date | null;
  change: unknown;
  termsRevision: number;
  createdAt: Date;
  updatedAt: Date;
}

/** Field of the row, column, type; in the order of the table. */
const COLUMNS = [
  ['id', 'id', 'uuid'],
  ['revision', 'revision', 'int'],
  ['name', 'name', 'text'],
  ['labels', 'labels', 'jsonb'],
  ['state', 'state', 'text'],
  ['stateReason', 'state_reason', 'text'],
  ['endReason', 'end_reason', 'text'],
  ['failure', 'failure', 'jsonb'],
  ['protocol', 'protocol', 'text'],
  ['sourceAddress', 'source_address', 'text'],
  ['sourcePort', 'source_port', 'int'],
  ['destinationAddress', 'destination_address', 'text'],
  ['destinationPort', 'destination_port', 'int'],
  ['style', 'style', 'text'],
  ['moreSenders', 'more_senders', 'jsonb'],
  ['flowHash', 'flow_hash', 'bigint'],
  ['sessionHash', 'session_hash', 'bigint'],
  ['serviceType', 'service_type', 'text'],
  ['tokenRateBitsPerSecond', 'token_rate_bits_per_second', 'bigint'],
  ['tokenBucketBytes', 'token_bucket_bytes', 'bigint'],
  ['peakRateBitsPerSecond', 'peak_rate_bits_per_second', 'bigint'],
  ['minPolicedUnitBytes', 'min_policed_unit_bytes', 'bigint'],
  ['maxPacketBytes', 'max_packet_bytes', 'bigint'],
  ['maxDelayMicros', 'max_delay_micros', 'bigint'],
  ['slackMicros', 'slack_micros', 'bigint'],
  ['windowStart', 'window_start', 'timestamptz'],
  ['windowEnd', 'window_end', 'timestamptz'],
  ['links', 'links', 'text[]'],
  ['interfaces', 'interfaces', 'text[]'],
  ['nodes', 'nodes', 'text[]'],
  ['bookedBitsPerSecond', 'booked_bits_per_second', 'bigint[]'],
  ['rateBytesPerSecond', 'rate_bytes_per_second', 'float8'],
  ['delayBoundMicros', 'delay_bound_micros', 'float8'],
  ['pinning', 'pinning', 'text'],
  ['explicitRoute', 'explicit_route', 'text[]'],
  ['actualHops', 'actual_hops', 'jsonb'],
  ['nonRsvpHop', 'non_rsvp_hop', 'boolean'],
  ['adspecDeviation', 'adspec_deviation', 'text'],
  ['enforcement', 'enforcement', 'text'],
  ['countsInBooks', 'counts_in_books', 'boolean'],
  ['confirmedAt', 'confirmed_at', 'timestamptz'],
  ['change', 'change', 'jsonb'],
  ['termsRevision', 'terms_revision', 'int'],
  ['createdAt', 'created_at', 'timestamptz'],
  ['updatedAt', 'updated_at', 'timestamptz'],
] as const;

/** What a life-cycle step or a change of terms can change. */
const CHANGING = new Set<string>([
  ...[
    'revision',
    'state',
    'stateReason',
    'endReason',
    'failure',
    'actualHops',
    'nonRsvpHop',
    'adspecDeviation',
    'enforcement',
    'countsInBooks',
  ],
  ...['confirmedAt', 'updatedAt', 'name', 'labels', 'change', 'termsRevision', 'serviceType', 'tokenRateBitsPerSecond'],
  ...['tokenBucketBytes', 'peakRateBitsPerSecond', 'minPolicedUnitBytes', 'maxPacketBytes', 'maxDelayMicros'],
  ...['slackMicros', 'bookedBitsPerSecond', 'rateBytesPerSecond', 'delayBoundMicros', 'moreSenders'],
]);

const quoted = COLUMNS.map(([field, column]) => `"${column}" AS "${field}"`).join(', ');
export const SELECT_RESERVATION = `SELECT ${quoted} FROM reservation`;

/** `$1` = JSON array of `reservationJson`. */
export const INSERT_RESERVATIONS = `INSERT INTO reservation (${COLUMNS.map(([, column]) => column).join(', ')})
  SELECT ${COLUMNS.map(([, column]) => `r.${column}`).join(', ')}
    FROM json_to_recordset($1::json) AS r(${COLUMNS.map(([, column, type]) => `${column} ${type}`).join(', ')})
  ON CONFLICT DO NOTHING RETURNING id`;

const changing = COLUMNS.filter(([field]) => CHANGING.has(field));
/** `$1` = JSON array of `reservationJson`; only what can change. */
export const UPDATE_RESERVATIONS = `UPDATE reservation AS t
  SET ${changing.map(([, column]) => `${column} = r.${column}`).join(', ')}
  FROM json_to_recordset($1::json) AS r(id uuid, ${changing.map(([, column, type]) => `${column} ${type}`).join(', ')})
  WHERE t.id = r.id`;

/** The reservation under the names of its columns. */
export function reservationJson(reservation: Reservation): Record<string, unknown> {
  const { flow, qos, window, path } = reservation;
  return {
    id: reservation.id,
    revision: reservation.revision,
    name: reservation.name,
    labels: reservation.labels,
    state: reservation.state,
    state_reason: reservation.stateReason,
    end_reason: reservation.endReason,
    failure: reservation.failure,
    protocol: flow.protocol,
    source_address: flow.source.address,
    source_port: flow.source.port,
    destination_address: flow.destination.address,
    destination_port: flow.destination.port,
    style: reservation.style,
    more_senders: reservation.moreSenders.length === 0 ? null : reservation.moreSenders,
    flow_hash: flowHash(reservation),
    session_hash: hash62(sessionKey(flow)),
    service_type: qos.serviceType,
    token_rate_bits_per_second: qos.tokenRateBitsPerSecond,
    token_bucket_bytes: qos.tokenBucketBytes,
    peak_rate_bits_per_second: qos.peakRateBitsPerSecond,
    min_policed_unit_bytes: qos.minPolicedUnitBytes,
    max_packet_bytes: qos.maxPacketBytes,
    max_delay_micros: qos.maxDelayMicros,
    slack_micros: qos.slackMicros,
    window_start: iso(window.start),
    window_end: iso(window.end),
    links: path.hops.map((hop) => hop.link),
    interfaces: path.hops.map((hop) => hop.interface),
    nodes: path.nodes,
    booked_bits_per_second: path.hops.map((hop) => hop.bookedBitsPerSecond),
    rate_bytes_per_second: path.rate,
    delay_bound_micros: path.delayBoundMicros,
    pinning: path.pinning,
    explicit_route: path.explicitRoute.map((address) => address ?? ''),
    actual_hops: reservation.actualHops,
    non_rsvp_hop: reservation.nonRsvpHop,
    adspec_deviation: reservation.adspecDeviation,
    enforcement: reservation.enforcement,
    counts_in_books: reservation.countsInBooks,
    confirmed_at: iso(reservation.confirmedAt),
    change: reservation.change,
    terms_revision: reservation.termsRevision,
    created_at: iso(reservation.createdAt),
    updated_at: iso(reservation.updatedAt),
  };
}

export const flowHash = (reservation: Reservation): string => hash62(flowKeyOf(reservation));

/** 62 bits of a digest as text: a range of one value must not reach the end of bigint. */
const hash62 = (text: string): string =>
  (createHash('sha256').update(text).digest().readBigUInt64BE() >> 2n).toString();

const iso = (time: EpochMs | null): string | null => (time === null ? null : new Date(time).toISOString());

export function toReservation(row: ReservationRow): Reservation {
  return {
    id: row.id,
    name: row.name,
    labels: row.labels as Reservation['labels'],
    state: row.state as Reservation['state'],
    stateReason: row.stateReason,
    endReason: row.endReason as Reservation['endReason'],
    failure: row.failure as Failure | null,
    flow: {
      protocol: row.protocol as Flow['protocol'],
      source: { address: row.sourceAddress as IpAddress, port: row.sourcePort },
      destination: { address: row.destinationAddress as IpAddress, port: row.destinationPort },
    },
    qos: {
      serviceType: row.serviceType as Qos['serviceType'],
      tokenRateBitsPerSecond: BitsPerSecond(Number(row.tokenRateBitsPerSecond)),
      tokenBucketBytes: Bytes(Number(row.tokenBucketBytes)),
      peakRateBitsPerSecond: orNull(row.peakRateBitsPerSecond, BitsPerSecond),
      minPolicedUnitBytes: Bytes(Number(row.minPolicedUnitBytes)),
      maxPacketBytes: Bytes(Number(row.maxPacketBytes)),
      maxDelayMicros: orNull(row.maxDelayMicros, Micros),
      slackMicros: Micros(Number(row.slackMicros)),
    },
    window: { start: EpochMs(row.windowStart.getTime()), end: instant(row.windowEnd) },
    style: row.style as Reservation['style'],
    path: toPath(row),
    moreSenders: (row.moreSenders ?? []) as readonly Sender[],
    actualHops: row.actualHops as Reservation['actualHops'],
    nonRsvpHop: row.nonRsvpHop,
    adspecDeviation: row.adspecDeviation,
    enforcement: row.enforcement as Reservation['enforcement'],
    countsInBooks: row.countsInBooks,
    confirmedAt: instant(row.confirmedAt),
    change: toChange(row.change as Change | null),
    termsRevision: row.termsRevision,
    revision: row.revision,
    createdAt: EpochMs(row.createdAt.getTime()),
    updatedAt: EpochMs(row.updatedAt.getTime()),
  };
}

/** One that was stored before there were several senders says nothing of more. */
const toChange = (change: Change | null): Change | null =>
  change && { ...change, terms: { ...change.terms, moreSenders: change.terms.moreSenders ?? [] } };

const toPath = (row: ReservationRow): AdmittedPath => ({
  hops: row.links.map((link, i) => ({
    node: row.nodes[i]!,
    interface: row.interfaces[i]!,
    link,
    bookedBitsPerSecond: BitsPerSecond(Number(row.bookedBitsPerSecond[i])),
  })),
  nodes: row.nodes,
  rate: BytesPerSecond(row.rateBytesPerSecond),
  delayBoundMicros: orNull(row.delayBoundMicros, Micros),
  pinning: row.pinning as AdmittedPath['pinning'],
  explicitRoute: row.explicitRoute.map((text) => (text === '' ? null : (text as IpAddress))),
});

const orNull = <T>(value: Whole | null, unit: (n: number) => T): T | null =>
  value === null ? null : unit(Number(value));

const instant = (date: Date | null): EpochMs | null => (date === null ? null : EpochMs(date.getTime()));
