import { expect, test } from 'vitest';
import { seededRandom } from '../../../../src/core/base/random.ts';
import { exercise, mutated, seedMessages } from './mutation.ts';

/** A short form of `npm run fuzz:wire`. */
test('20,000 mutated messages: refused with a reason, or read and written back as the same bytes', () => {
  const seeds = seedMessages(2205);
  const random = seededRandom(2205);
  let read = 0;
  for (let i = 0; i < 20_000; i++) if (exercise(mutated(seeds, random))) read++;
  // Both ways are taken often, or the mutations have lost their point.
  expect(read).toBeGreaterThan(2000);
  expect(read).toBeLessThan(18_000);
});
