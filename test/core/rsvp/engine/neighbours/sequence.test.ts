import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EpochMs } from '../../../../../src/core/base/units.ts';
import { nextSequence, takeSequence } from '../../../../../src/core/rsvp/engine/neighbours/sequence.ts';

const MAX = 2n ** 64n - 1n;

describe('numbers to sign with (RFC 2747 3.2)', () => {
  it('grow with every message, within a millisecond and when the clock is set back', () => {
    const clock = [1_000, 1_000, 1_000, 1_001, 500, 2_000];
    let last = 0n;
    for (const now of clock) {
      const next = nextSequence(last, EpochMs(now));
      expect(next > last).toBe(true);
      last = next;
    }
  });

  it('are greater after a restart than all before, unless more than a million were signed a millisecond', () => {
    let before = 0n;
    for (let i = 0; i < 10_000; i++) before = nextSequence(before, EpochMs(1_790_000_000_000));
    expect(nextSequence(0n, EpochMs(1_790_000_000_001)) > before).toBe(true);
  });

  it('fit in 64 bits for ten thousand years', () => {
    expect(nextSequence(0n, EpochMs(Date.UTC(9999, 0, 1))) <= MAX).toBe(true);
    expect(nextSequence(MAX, EpochMs(0))).toBe(0n);
  });
});

/** RFC 2747 4.2 as it stands: all numbers that came, the window as the last ones of them. */
function slowly(window: number): (sequence: bigint) => boolean {
  let list: bigint[] = [];
  return (sequence) => {
    const lowest = list.reduce((a, b) => (a < b ? a : b), sequence);
    if (list.includes(sequence)) return false;
    if (list.length > 0 && sequence === lowest) return false;
    list = [...list, sequence].sort((a, b) => (a < b ? -1 : 1)).slice(-window);
    return true;
  };
}

describe('numbers that came (RFC 2747 4.2)', () => {
  it('must grow where the window is 1', () => {
    const seen: bigint[] = [5n];
    expect([6n, 6n, 5n, 7n, 9n, 8n].map((n) => takeSequence(seen, n, 1))).toEqual([
      true,
      false,
      false,
      true,
      true,
      false,
    ]);
  });

  it('may overtake each other within a window, each once', () => {
    const seen: bigint[] = [10n];
    expect([40n, 20n, 30n, 20n, 50n, 15n, 25n].map((n) => takeSequence(seen, n, 3))).toEqual([
      true,
      true,
      true,
      false,
      true,
      false,
      false,
    ]);
  });

  it('go on after the greatest number (modulo 2^64)', () => {
    const seen: bigint[] = [MAX - 1n];
    expect([MAX, 0n, 1n, MAX].map((n) => takeSequence(seen, n, 2))).toEqual([true, true, true, false]);
  });

  it('are judged as by the rule, and never more are kept than the window has', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.array(fc.bigInt({ min: 1n, max: 30n })), (window, numbers) => {
        const seen: bigint[] = [];
        const rule = slowly(window);
        for (const number of numbers) {
          expect(takeSequence(seen, number, window)).toBe(rule(number));
          expect(seen.length).toBeLessThanOrEqual(window);
        }
      }),
    );
  });
});
