import { BitsPerSecond, type Bytes, type BytesPerSecond } from '../base/units.ts';

/**
 * What a link's books hold for a flow: ceil(rate · 8 · (m + o) / m). A flowspec counts IP packets, a link counts frames; the
 * overhead weighs most on the smallest packets, which the minimum policed unit bounds. Exact, and monotone in the rate.
 *
 * @param rate bytes of IP packets a second: a float32 value, finite, ≥ 0.
 * @param minPolicedUnit m, integer ≥ 1.
 * @param overhead o: link-layer bytes a packet, integer ≥ 0.
 * @returns an integer; above 2^53 − 1 an approximation (no link can carry it).
 * @throws RangeError for a rate that is no finite float32.
 */
export function bookedBitsPerSecond(rate: BytesPerSecond, minPolicedUnit: Bytes, overhead: Bytes): BitsPerSecond {
  if (!Number.isFinite(rate) || Math.fround(rate) !== rate)
    throw new RangeError(`${rate} bytes/s is no finite float32`);
  // 24 significant bits times an integer below 2^29 are exact in a double, and ceil(x / m) = ceil(ceil(x) / m).
  const frameBits = BigInt(Math.ceil(rate * 8 * (minPolicedUnit + overhead)));
  const m = BigInt(minPolicedUnit);
  return BitsPerSecond(Number((frameBits + m - 1n) / m));
}
