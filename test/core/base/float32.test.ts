import fc from 'fast-check';
import { expect, test } from 'vitest';
import { roundUpToFloat32 } from '../../../src/core/base/float32.ts';

const LARGEST = 3.4028234663852886e38;
const SMALLEST = 2 ** -149;

/** The single below, by bit pattern. */
function below(single: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, single);
  const bits = view.getInt32(0);
  view.setInt32(0, single === 0 ? -0x7fff_ffff : bits > 0 ? bits - 1 : bits + 1);
  return view.getFloat32(0);
}

test.each([
  [0, 0],
  [1, 1],
  [16_777_216, 16_777_216],
  [16_777_217, 16_777_218],
  [-16_777_217, -16_777_216],
  [1e-50, SMALLEST],
  [SMALLEST, SMALLEST],
  [LARGEST, LARGEST],
  [LARGEST * 1.0000001, Infinity],
  [Number.MAX_VALUE, Infinity],
  [Infinity, Infinity],
  [-Infinity, -Infinity],
  [-Number.MAX_VALUE, -LARGEST],
  [NaN, NaN],
])('%d rounds up to %d', (x, expected) => {
  expect(roundUpToFloat32(x)).toBe(expected);
});

test('a tiny negative number rounds up to zero', () => {
  expect(roundUpToFloat32(-1e-50)).toBeCloseTo(0, 300);
});

test('for any number: a single, not below it, and the single below that would be', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.double({ noNaN: true }), fc.integer({ min: 0 }), fc.double({ min: 0, max: 1e12, noNaN: true })),
      (x) => {
        const up = roundUpToFloat32(x);
        expect(Math.fround(up)).toBe(up);
        expect(up).toBeGreaterThanOrEqual(x);
        if (up > -Infinity) expect(below(up)).toBeLessThan(x === up ? up : x);
      },
    ),
    { numRuns: 5000 },
  );
});
