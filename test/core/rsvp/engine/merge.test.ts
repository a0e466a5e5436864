import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Bytes, BytesPerSecond, Micros } from '../../../../src/core/base/units.ts';
import type { Flowspec } from '../../../../src/core/qos/flowspec.ts';
import {
  blockades,
  covers,
  greatestLowerBound,
  leastUpperBound,
  sameFlowspec,
} from '../../../../src/core/rsvp/engine/merge.ts';
import { flowspecProblem } from '../../../../src/core/rsvp/wire/flowspec-problem.ts';

const flowspec = (r: number, b: number, p: number, m: number, M: number, R?: number, slack = 0): Flowspec => {
  const tspec = {
    tokenRate: BytesPerSecond(r),
    tokenBucket: Bytes(b),
    peakRate: BytesPerSecond(p),
    minPolicedUnit: Bytes(m),
    maxPacketSize: Bytes(M),
  };
  return R === undefined
    ? { service: 'controlledLoad', tspec }
    : { service: 'guaranteed', tspec, rspec: { rate: BytesPerSecond(R), slack: Micros(slack) } };
};

/** Flowspecs that can be served, of few values, so that they are often alike. */
const any: fc.Arbitrary<Flowspec> = fc
  .record({
    r: fc.integer({ min: 1, max: 3 }),
    b: fc.integer({ min: 4, max: 6 }),
    p: fc.constantFrom(3, 4, Infinity),
    m: fc.integer({ min: 1, max: 2 }),
    M: fc.integer({ min: 2, max: 4 }),
    R: fc.option(fc.integer({ min: 3, max: 5 }), { nil: undefined }),
    slack: fc.integer({ min: 0, max: 2 }),
  })
  .map(({ r, b, p, m, M, R, slack }) => flowspec(r, b, p, m, M, R, slack));

const all = (check: (a: Flowspec, b: Flowspec, c: Flowspec) => unknown) =>
  fc.assert(
    fc.property(any, any, any, (a, b, c) => void check(a, b, c)),
    { numRuns: 2_000, seed: 2211 },
  );

/** Covers in everything but the maximum packet size, of which a merge takes the smallest. */
const coversButSize = (a: Flowspec, b: Flowspec): boolean =>
  covers({ ...a, tspec: { ...a.tspec, maxPacketSize: Bytes(99) } }, b);

describe('merging of flowspecs', () => {
  it.each([
    [
      'controlled load (RFC 2211 8)',
      flowspec(1, 9, 5, 64, 1500),
      flowspec(2, 8, 9, 128, 1400),
      flowspec(2, 9, 9, 64, 1400),
    ],
    [
      'guaranteed service (RFC 2212)',
      flowspec(1, 9, 5, 64, 1500, 7, 3),
      flowspec(2, 8, 9, 128, 1400, 6, 2),
      flowspec(2, 9, 9, 64, 1400, 7, 2),
    ],
    ['both', flowspec(1, 9, 5, 64, 1500, 7, 3), flowspec(2, 8, 9, 128, 1400), flowspec(2, 9, 9, 64, 1400, 7, 3)],
    [
      'both, the token rate above R',
      flowspec(1, 9, 9, 64, 1500, 2),
      flowspec(3, 9, 9, 64, 1500),
      flowspec(3, 9, 9, 64, 1500, 3),
    ],
  ])('of %s', (_, a, b, merged) => {
    expect(leastUpperBound(a, b)).toEqual(merged);
    expect(leastUpperBound(b, a)).toEqual(merged);
  });

  it('is commutative, associative and idempotent: order and repetition of requests do not matter', () => {
    all((a, b, c) => {
      expect(leastUpperBound(a, b)).toEqual(leastUpperBound(b, a));
      expect(leastUpperBound(a, leastUpperBound(b, c))).toEqual(leastUpperBound(leastUpperBound(a, b), c));
      expect(leastUpperBound(a, a)).toEqual(a);
    });
  });

  it('gives each request all it asks for, but for packets that some path cannot carry', () => {
    all((a, b) => {
      const merged = leastUpperBound(a, b);
      expect(coversButSize(merged, a) && coversButSize(merged, b)).toBe(true);
      expect(merged.tspec.maxPacketSize).toBe(Math.min(a.tspec.maxPacketSize, b.tspec.maxPacketSize));
    });
  });

  it('makes nothing that could not be served', () => {
    all((a, b) => {
      fc.pre(flowspecProblem(a) === null && flowspecProblem(b) === null);
      expect(flowspecProblem(leastUpperBound(a, b))).toBeNull();
    });
  });

  it('has a lower bound that both cover', () => {
    all((a, b) => expect(covers(a, greatestLowerBound(a, b))).toBe(true));
  });
});

describe('the order of flowspecs', () => {
  it('is one: reflexive, antisymmetric, transitive', () => {
    all((a, b, c) => {
      expect(covers(a, a)).toBe(true);
      if (covers(a, b) && covers(b, a)) expect(sameFlowspec(a, b)).toBe(true);
      if (covers(a, b) && covers(b, c)) expect(covers(a, c)).toBe(true);
    });
  });

  it('decides what a refused flowspec blockades: all that is not strictly smaller (RFC 2205 3.5)', () => {
    all((a, b) => expect(blockades(a, b)).toBe(!(covers(a, b) && !sameFlowspec(a, b))));
    expect(blockades(flowspec(2, 9, 9, 64, 1500), flowspec(1, 9, 9, 64, 1500))).toBe(false);
    expect(blockades(flowspec(2, 9, 9, 64, 1500), flowspec(1, 10, 9, 64, 1500))).toBe(true);
  });

  it('puts guaranteed service above controlled load', () => {
    expect(covers(flowspec(1, 9, 9, 64, 1500, 1), flowspec(1, 9, 9, 64, 1500))).toBe(true);
    expect(covers(flowspec(1, 9, 9, 64, 1500), flowspec(1, 9, 9, 64, 1500, 1))).toBe(false);
  });
});
