import { BytesPerSecond, Micros } from '../base/units.ts';
import type { ErrorTerms } from './error-terms.ts';
import type { Tspec } from './flowspec.ts';

/**
 * The largest queueing delay of a flow that keeps to its Tspec and is served at R (RFC 2212, "End-to-End Behavior"):
 *
 *     (b − M) / R · (p − R) / (p − r) + (M + Ctot) / R + Dtot   for p > R ≥ r
 *     (M + Ctot) / R + Dtot                                     for R ≥ p ≥ r
 *
 * An infinite p makes the factor (p − R) / (p − r) one. For b the larger of b and M is used: a packet goes out whole, however
 * small the bucket (RFC 2215 3.6 leaves b < M open). Not rounded.
 *
 * @param rate R, bytes/s, r ≤ R, finite.
 */
export function queueingDelayMicros(tspec: Tspec, rate: number, path: ErrorTerms): number {
  const { tokenRate: r, tokenBucket: b, peakRate: p, maxPacketSize: M } = tspec;
  const bucket = Math.max(b, M);
  const burst = rate >= p ? 0 : (bucket - M) * (p === Infinity ? 1 : (p - rate) / (p - r));
  return (1e6 * (burst + M + path.rateDependent)) / rate + path.rateIndependent;
}

/** More than any link can carry: 2^53 bits a second. */
const LARGEST_RATE_BYTES = 2 ** 50;

/**
 * The smallest float32 rate R ≥ r whose queueing delay is at most `target`.
 *
 * @param tspec r is a float32 value ≥ 1.
 * @returns null when no rate is enough; `smallestReachableMicros` says what remains at any rate.
 */
export function smallestRate(tspec: Tspec, path: ErrorTerms, target: Micros): BytesPerSecond | null {
  const fits = (rate: number): boolean => queueingDelayMicros(tspec, rate, path) <= target;
  // The delay falls with R, and positive float32 values are ordered as their bit patterns are.
  let low = toBits(tspec.tokenRate);
  if (fits(tspec.tokenRate)) return tspec.tokenRate;
  let high = toBits(LARGEST_RATE_BYTES);
  if (high <= low || !fits(LARGEST_RATE_BYTES)) return null;
  while (high - low > 1) {
    const middle = low + Math.floor((high - low) / 2);
    if (fits(fromBits(middle))) high = middle;
    else low = middle;
  }
  return BytesPerSecond(fromBits(high));
}

/** The delay that no rate goes below: Dtot, rounded up. */
export const smallestReachableMicros = (path: ErrorTerms): Micros => Micros(Math.ceil(path.rateIndependent));

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

function toBits(value: number): number {
  float[0] = value;
  return bits[0]!;
}

function fromBits(pattern: number): number {
  bits[0] = pattern;
  return float[0]!;
}
