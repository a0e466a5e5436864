import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitsPerSecond, Bytes, BytesPerSecond, Micros } from '../../../src/core/base/units.ts';
import { queueingDelayMicros, smallestRate, smallestReachableMicros } from '../../../src/core/qos/delay.ts';
import { composeErrorTerms, hopErrorTerms } from '../../../src/core/qos/error-terms.ts';
import type { Tspec } from '../../../src/core/qos/flowspec.ts';

const tspec = (r: number, b: number, p: number, M = 1500): Tspec => ({
  tokenRate: BytesPerSecond(r),
  tokenBucket: Bytes(b),
  peakRate: BytesPerSecond(p),
  minPolicedUnit: Bytes(128),
  maxPacketSize: Bytes(M),
});
const terms = (c: number, d: number) => ({ rateDependent: Bytes(c), rateIndependent: Micros(d) });

const anyTspec = fc
  .record({
    r: fc.integer({ min: 1, max: 2 ** 40 }),
    extra: fc.integer({ min: 0, max: 1e9 }),
    M: fc.integer({ min: 20, max: 65_535 }),
    peak: fc.option(fc.integer({ min: 0, max: 2 ** 40 })),
  })
  .map(({ r, extra, M, peak }) => {
    const rate = Math.fround(r);
    return tspec(rate, M + extra, peak === null ? Infinity : Math.fround(rate + peak), M);
  });
const anyTerms = fc
  .record({ c: fc.integer({ min: 0, max: 1e6 }), d: fc.integer({ min: 0, max: 1e6 }) })
  .map(({ c, d }) => terms(c, d));

describe('queueing delay of RFC 2212', () => {
  it('is (b + C) / R + D without a peak rate', () => {
    expect(queueingDelayMicros(tspec(1000, 10_000, Infinity), 2000, terms(2000, 500))).toBe(6_000_500);
  });

  it('counts of the burst only what the peak rate outruns', () => {
    // (10000 − 1500) / 2000 · (3000 − 2000) / (3000 − 1000) + (1500 + 2000) / 2000 s
    expect(queueingDelayMicros(tspec(1000, 10_000, 3000), 2000, terms(2000, 500))).toBe(2_125_000 + 1_750_000 + 500);
  });

  it('has no burst at or above the peak rate, also where p = r', () => {
    expect(queueingDelayMicros(tspec(1000, 10_000, 3000), 3000, terms(1500, 0))).toBe(1_000_000);
    expect(queueingDelayMicros(tspec(1000, 10_000, 1000), 1000, terms(1500, 0))).toBe(3_000_000);
  });

  it('is a finite number and falls as R rises', () => {
    fc.assert(
      fc.property(anyTspec, anyTerms, fc.double({ min: 1, max: 8, noNaN: true }), (t, path, factor) => {
        const slow = queueingDelayMicros(t, t.tokenRate, path);
        const fast = queueingDelayMicros(t, t.tokenRate * factor, path);
        expect(Number.isFinite(slow)).toBe(true);
        expect(fast).toBeLessThanOrEqual(slow * (1 + 1e-12));
        expect(fast).toBeGreaterThanOrEqual(path.rateIndependent);
      }),
    );
  });
});

describe('smallest rate for a delay bound', () => {
  /** The next float32 below a positive one. */
  const below = (x: number): number => {
    const float = new Float32Array([x]);
    new Uint32Array(float.buffer)[0]!--;
    return float[0]!;
  };

  it('meets the bound, and the next smaller float32 rate does not', () => {
    fc.assert(
      fc.property(anyTspec, anyTerms, fc.integer({ min: 1, max: 1e7 }), (t, path, target) => {
        const rate = smallestRate(t, path, Micros(target));
        if (rate === null) {
          expect(queueingDelayMicros(t, 2 ** 50, path)).toBeGreaterThan(target);
          return;
        }
        expect(Math.fround(rate)).toBe(rate);
        expect(rate).toBeGreaterThanOrEqual(t.tokenRate);
        expect(queueingDelayMicros(t, rate, path)).toBeLessThanOrEqual(target);
        if (rate > t.tokenRate) expect(queueingDelayMicros(t, below(rate), path)).toBeGreaterThan(target);
      }),
    );
  });

  it('is the token rate where that is enough', () => {
    expect(smallestRate(tspec(1000, 3000, Infinity), terms(0, 0), Micros(3_000_000))).toBe(1000);
  });

  it('is none where the rate-independent part alone is too long', () => {
    const path = terms(1500, 20_000);
    expect(smallestRate(tspec(1000, 3000, Infinity), path, Micros(20_000))).toBeNull();
    expect(smallestRate(tspec(1000, 3000, Infinity), path, Micros(-5))).toBeNull();
    expect(smallestReachableMicros(path)).toBe(20_000);
  });
});

describe('error terms of a hop', () => {
  const link = {
    capacityBitsPerSecond: BitsPerSecond(100_000_000),
    overheadBytes: Bytes(14),
    errorCBytes: null,
    errorDMicros: null,
  };

  it('are packet plus quantum, and one large segment at link speed plus a millisecond', () => {
    expect(hopErrorTerms(link, Bytes(1500))).toEqual(terms(1500 + 1514, 5243 + 1000));
    expect(hopErrorTerms({ ...link, overheadBytes: Bytes(38) }, Bytes(1500))).toEqual(terms(3038, 6243));
    expect(hopErrorTerms(link, Bytes(200))).toEqual(terms(1714, 6243));
  });

  it('are the operator’s where given', () => {
    expect(hopErrorTerms({ ...link, errorCBytes: Bytes(7) }, Bytes(1500))).toEqual(terms(7, 6243));
    expect(hopErrorTerms({ ...link, errorDMicros: Micros(0) }, Bytes(1500))).toEqual(terms(3014, 0));
  });

  it('add up along a path', () => {
    expect(composeErrorTerms([terms(1, 10), terms(2, 20), terms(3, 30)])).toEqual(terms(6, 60));
  });
});
