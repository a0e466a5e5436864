import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BitsPerSecond } from '../../../src/core/base/units.ts';
import { enforceableBitsPerSecond, isShapeable, setAside } from '../../../src/core/qos/set-aside.ts';

const enforceable = (capacity: number): number => enforceableBitsPerSecond(BitsPerSecond(capacity));

test('what reservations, RSVP and best effort get is never more than the interface has', () => {
  fc.assert(
    fc.property(fc.integer({ min: 100_000, max: 1_000_000_000_000 }), (capacity) => {
      const { rsvp, bestEffort } = setAside(BitsPerSecond(capacity));
      expect(enforceable(capacity)).toBeGreaterThan(0);
      expect(enforceable(capacity) + rsvp + bestEffort).toBeLessThanOrEqual(capacity);
    }),
  );
});

test.each([
  [1, false],
  [99_999, false],
  [100_000, true],
  [1_000_000_000_000, true],
  [1_000_000_000_001, false],
])('an interface of %d bit/s can be shaped: %s; where not, nothing can be promised on it', (capacity, can) => {
  expect(isShapeable(BitsPerSecond(capacity))).toBe(can);
  expect(enforceable(capacity) > 0).toBe(can);
});
