import { describe, expect, it } from 'vitest';
import { fuzzEngine } from './fuzzing.ts';

describe('an engine that gets mutated messages', () => {
  it('throws at none, holds no more than its bounds, and heals', () => {
    const { dropped, most } = fuzzEngine(4_000, 3);
    // It was reached, and in depth.
    expect(Object.keys(dropped).length).toBeGreaterThan(12);
    expect(most['paths']).toBeLessThanOrEqual(1_000);
    expect(most['neighbours']).toBeLessThanOrEqual(100);
    expect(most['remembered']).toBeLessThanOrEqual(2_000);
  }, 60_000);
});
