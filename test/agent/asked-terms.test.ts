import { describe, expect, it } from 'vitest';
import { beyondMtu, exceeds, largestOf, type AskedTerms } from '../../src/agent/asked-terms.ts';
import { Bytes } from '../../src/core/base/units.ts';

const booked: AskedTerms = {
  tokenRate: 1e6,
  tokenBucket: 15_000,
  peakRate: null,
  minPolicedUnit: 100,
  maxPacketSize: 1_500,
  rate: null,
};

describe('what a RESV asks for against what is booked', () => {
  it('is granted where it is no more', () => {
    expect(exceeds(booked, booked)).toBeNull();
    expect(exceeds({ ...booked, tokenRate: 1, tokenBucket: 1, peakRate: 1, maxPacketSize: 576 }, booked)).toBeNull();
    // Guaranteed service gives all that controlled load does.
    expect(exceeds(booked, { ...booked, rate: 1e6 })).toBeNull();
  });

  it.each([
    [{ tokenRate: 2e6 }, 1, 2, /2000000 bytes.s, 1000000/],
    [{ tokenBucket: 1e6 }, 1, 2, /b 1000000, 15000/],
    [{ maxPacketSize: 9_000 }, 1, 2, /M 9000, 1500/],
    [{ minPolicedUnit: 64 }, 1, 2, /m 64, 100/],
    [{ rate: 1e6 }, 21, 1, /guaranteed service, controlled load is assigned/],
  ])('%o is refused with %i/%i', (change, code, value, detail) => {
    const excess = exceeds({ ...booked, ...change }, booked);
    expect(excess).toMatchObject({ code, value });
    expect(excess!.detail).toMatch(detail);
  });

  it('judges p where one is booked', () => {
    const limited = { ...booked, peakRate: 2e6 };
    expect(exceeds(limited, limited)).toBeNull();
    expect(exceeds(booked, limited)).toMatchObject({ code: 1, value: 2 });
  });

  it('packets that the link does not take are error 1/3, but for those that are booked', () => {
    expect(beyondMtu({ ...booked, maxPacketSize: 9_000 }, booked, Bytes(1_500))).toMatchObject({ code: 1, value: 3 });
    expect(beyondMtu(booked, booked, Bytes(1_400))).toBeNull();
  });

  it('of two terms the most counts', () => {
    const other = { ...booked, tokenRate: 5, tokenBucket: 20_000, minPolicedUnit: 64, rate: 7 };
    expect(largestOf(booked, other)).toEqual({ ...booked, tokenBucket: 20_000, minPolicedUnit: 64, rate: 7 });
  });
});
