const float = new Float32Array(1);
const bits = new Int32Array(float.buffer);

/**
 * The smallest IEEE 754 single that is ≥ `x`: +Infinity above the largest finite one, NaN for NaN.
 * Rates travel as singles; rounding up keeps a promise at least as large as what was asked.
 */
export function roundUpToFloat32(x: number): number {
  const nearest = Math.fround(x);
  if (!(nearest < x)) return nearest;
  float[0] = nearest;
  // Singles of one sign are ordered as their bit patterns are; negative ones in the opposite direction.
  bits[0] = bits[0]! >= 0 ? bits[0]! + 1 : bits[0]! - 1;
  return float[0];
}
