import type { Bytes, BytesPerSecond, Micros } from '../../base/units.ts';

/** Default general parameters fragment (RFC 2210 3.3.2). */
export interface AdspecGeneral {
  /** Some hop on the path does not do IntServ. */
  readonly breakBit: boolean;
  /** Number of IntServ-aware hops, parameter 4. */
  readonly isHops: number;
  /** Minimum of the hops' bandwidth estimates, parameter 6. */
  readonly pathBandwidth: BytesPerSecond;
  /** Sum of the hops' minimum latencies in microseconds, parameter 8; 2^32 − 1 = indeterminate. */
  readonly minPathLatency: Micros;
  /** Composed path MTU, parameter 10. */
  readonly pathMtu: Bytes;
}

/** Guaranteed service fragment (RFC 2210 3.3.3, RFC 2212). */
export interface AdspecGuaranteed {
  readonly breakBit: boolean;
  /** Parameter 133: end-to-end C, bytes. */
  readonly cTot: Bytes;
  /** Parameter 134: end-to-end D, microseconds. */
  readonly dTot: Micros;
  /** Parameters 135 and 136: since the last shaping point. */
  readonly cSum: Bytes;
  readonly dSum: Micros;
  /** Service-specific general parameters (overrides), raw, 4-byte aligned; empty when none. */
  readonly overrides: Uint8Array;
}

/** Controlled load fragment (RFC 2210 3.3.4); often of length 0. */
export interface AdspecControlledLoad {
  readonly breakBit: boolean;
  readonly overrides: Uint8Array;
}

/** ADSPEC, class 13, C-Type 2 (RFC 2210 3.3). */
export interface RsvpAdspec {
  readonly kind: 'adspec';
  readonly general: AdspecGeneral;
  readonly guaranteed: AdspecGuaranteed | null;
  readonly controlledLoad: AdspecControlledLoad | null;
}

export const INDETERMINATE_LATENCY = 0xffff_ffff;
