import type { Bytes, BytesPerSecond, Micros } from '../base/units.ts';

/** Token-bucket description of a flow's traffic (RFC 2210 3.1, RFC 2215 3.6). Counts IP packets, headers included. */
export interface Tspec {
  /** r: token rate. Finite and > 0 for a flow that can be admitted. */
  readonly tokenRate: BytesPerSecond;
  /** b: bucket depth. */
  readonly tokenBucket: Bytes;
  /** p: peak rate ≥ r; +Infinity when there is none. */
  readonly peakRate: BytesPerSecond;
  /** m: minimum policed unit; smaller packets count as this size. */
  readonly minPolicedUnit: Bytes;
  /** M: maximum packet size ≥ m. */
  readonly maxPacketSize: Bytes;
}

/** What a guaranteed-service receiver asks for on top of the Tspec (RFC 2212 5). */
export interface Rspec {
  /** R ≥ r. */
  readonly rate: BytesPerSecond;
  /** S: slack, microseconds. */
  readonly slack: Micros;
}

export type ServiceType = 'controlledLoad' | 'guaranteed';

/** What a reservation asks of every hop (RFC 2210 3.2). */
export type Flowspec =
  | { readonly service: 'controlledLoad'; readonly tspec: Tspec }
  | { readonly service: 'guaranteed'; readonly tspec: Tspec; readonly rspec: Rspec };
