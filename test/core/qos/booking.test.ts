import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitsPerSecond, Bytes, BytesPerSecond } from '../../../src/core/base/units.ts';
import { bookedBitsPerSecond } from '../../../src/core/qos/booking.ts';
import { wireRate } from '../../../src/core/qos/wire-rate.ts';

const book = (rate: number, m: number, o: number): number =>
  bookedBitsPerSecond(BytesPerSecond(rate), Bytes(m), Bytes(o));

const anyRate = fc.integer({ min: 8, max: Number.MAX_SAFE_INTEGER });
const anyUnit = fc.integer({ min: 20, max: 65_535 });
const anyOverhead = fc.integer({ min: 0, max: 65_535 });

/** A float32 value ≥ 1 as a fraction of 2^30, without rounding. */
const exact = (rate: number): bigint =>
  BigInt(Math.floor(rate)) * (1n << 30n) + BigInt((rate - Math.floor(rate)) * 2 ** 30);

describe('booked bandwidth', () => {
  it('adds the overhead of the smallest packets: 25 Mbit/s at 128 bytes over veth', () => {
    expect(book(3_125_000, 128, 14)).toBe(27_734_375);
  });

  it('is the rate itself where a link adds nothing', () => {
    expect(book(wireRate(BitsPerSecond(25_000_000)), 128, 0)).toBe(25_000_000);
  });

  it('rounds up, never down', () => {
    expect(book(1, 1000, 1)).toBe(9);
    expect(book(1.5, 28, 0)).toBe(12);
  });

  it('is exactly the ceiling of r · 8 · (m + o) / m', () => {
    fc.assert(
      fc.property(anyRate, anyUnit, anyOverhead, (bits, m, o) => {
        const rate = wireRate(BitsPerSecond(bits));
        const numerator = exact(rate) * 8n * BigInt(m + o);
        const denominator = BigInt(m) * (1n << 30n);
        const ceiling = (numerator + denominator - 1n) / denominator;
        expect(book(rate, m, o)).toBe(Number(ceiling));
      }),
    );
  });

  it('never falls when the rate rises, and never lies below the rate', () => {
    fc.assert(
      fc.property(anyRate, anyRate, anyUnit, anyOverhead, (a, b, m, o) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b)];
        const booked = book(wireRate(BitsPerSecond(low)), m, o);
        expect(booked).toBeGreaterThanOrEqual(low);
        expect(booked).toBeLessThanOrEqual(book(wireRate(BitsPerSecond(high)), m, o));
      }),
    );
  });

  it('refuses a rate that cannot be on the wire', () => {
    expect(() => book(0.1, 128, 14)).toThrow(RangeError);
    expect(() => book(Infinity, 128, 14)).toThrow(RangeError);
    expect(() => book(NaN, 128, 14)).toThrow(RangeError);
  });
});

describe('wire rates', () => {
  it('are single-precision and never below what was asked', () => {
    fc.assert(
      fc.property(anyRate, (bits) => {
        const rate = wireRate(BitsPerSecond(bits));
        expect(Math.fround(rate)).toBe(rate);
        expect(rate * 8).toBeGreaterThanOrEqual(bits);
        expect(rate * 8).toBeLessThan(bits * (1 + 2 ** -22));
      }),
    );
  });
});
