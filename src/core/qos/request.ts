import type { IpAddress } from '../base/ip.ts';
import type { BitsPerSecond, Bytes, EpochMs, Micros } from '../base/units.ts';
import type { ServiceType } from './flowspec.ts';

/** One end of a flow; `port` null = any. */
export interface FlowEndpoint {
  readonly address: IpAddress;
  /** 1 … 65535. */
  readonly port: number | null;
}

/** `10.1.0.2:5004`, `[2001:db8::1]:5004`, or the address alone where any port is meant. */
export const endpointText = ({ address, port }: FlowEndpoint): string =>
  port === null ? address : `${address.includes(':') ? `[${address}]` : address}:${port}`;

/** How the senders of one session share what is reserved (RFC 2205 1.3); FF, SE and WF there. */
export const RESERVATION_STYLES = ['fixedFilter', 'sharedExplicit', 'wildcardFilter'] as const;

export type ReservationStyle = (typeof RESERVATION_STYLES)[number];

/** The packets that a reservation is for. */
export interface Flow {
  readonly protocol: 'udp' | 'tcp';
  readonly source: FlowEndpoint;
  readonly destination: FlowEndpoint;
}

/** What a caller asked for, defaults filled in; bits and IP packets, as the public contract counts. */
export interface Qos {
  readonly serviceType: ServiceType;
  readonly tokenRateBitsPerSecond: BitsPerSecond;
  readonly tokenBucketBytes: Bytes;
  /** null = unlimited. */
  readonly peakRateBitsPerSecond: BitsPerSecond | null;
  readonly minPolicedUnitBytes: Bytes;
  readonly maxPacketBytes: Bytes;
  /** End to end; only with guaranteed service. */
  readonly maxDelayMicros: Micros | null;
  readonly slackMicros: Micros;
}

/** Half-open: [start, end); end null = until released. */
export interface Window {
  readonly start: EpochMs;
  readonly end: EpochMs | null;
}

/** A request to book, checked and complete. */
export interface ReservationRequest {
  readonly name: string | null;
  readonly labels: Readonly<Record<string, string>>;
  /** Its `source` is the first sender. */
  readonly flow: Flow;
  /** Senders besides `flow.source`, all of them different. */
  readonly moreSources: readonly FlowEndpoint[];
  /** The caller wrote `flow.sources`, be it with one: what is said of a sender names it so. */
  readonly sourcesListed: boolean;
  readonly style: ReservationStyle;
  readonly qos: Qos;
  readonly window: Window;
  readonly constraints: Constraints;
}

/** What a caller allows or asks of the path. */
export interface Constraints {
  /** A path that agents cannot keep the flow on may be booked all the same. */
  readonly allowUnpinned: boolean;
}

/** Why an input was refused: a field in the caller's own spelling, its value, and a sentence. */
export interface FieldProblem {
  /** `flow.source.port` */
  readonly field: string;
  readonly value: unknown;
  /** OUT_OF_RANGE where a well-formed value lies outside its range or contradicts another, else INVALID_ARGUMENT. */
  readonly code: 'INVALID_ARGUMENT' | 'OUT_OF_RANGE';
  readonly problem: string;
}
