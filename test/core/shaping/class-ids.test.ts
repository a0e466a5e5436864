import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClassIds } from '../../../src/core/shaping/class-ids.ts';

describe('class numbers', () => {
  it('are stable, never shared, in range, and survive a journal', () => {
    const action = fc.record({ key: fc.integer({ min: 0, max: 12 }).map(String), take: fc.boolean() });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 80 }), (actions) => {
        let ids = new ClassIds([], 16, 25);
        const model = new Map<string, number>();
        for (const { key, take } of actions) {
          if (take) {
            const got = ids.allocate(key);
            if (!got.ok) {
              expect(model.size).toBe(10);
              continue;
            }
            expect(got.value).toBeGreaterThanOrEqual(16);
            expect(got.value).toBeLessThanOrEqual(25);
            if (model.has(key)) expect(got.value).toBe(model.get(key));
            else expect([...model.values()]).not.toContain(got.value);
            model.set(key, got.value);
          } else {
            ids.release(key);
            model.delete(key);
          }
          expect(new Map(ids.entries())).toEqual(model);
          ids = new ClassIds(ids.entries(), 16, 25);
        }
      }),
    );
  });

  it('that were released come back last', () => {
    const ids = new ClassIds([], 16, 18);
    const take = (key: string): number | string => {
      const got = ids.allocate(key);
      return got.ok ? got.value : got.error;
    };
    expect([take('a'), take('b')]).toEqual([16, 17]);
    ids.release('a');
    expect([take('c'), take('d')]).toEqual([18, 16]);
    expect(take('e')).toBe('all 3 class numbers of this agent are in use');
  });

  it('of a damaged journal are dropped', () => {
    const ids = new ClassIds([
      ['a', 16],
      ['b', 16],
      ['c', 3],
      ['d', NaN],
    ]);
    expect([...ids.entries()]).toEqual([['a', 16]]);
  });
});
