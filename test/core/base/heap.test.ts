import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Heap } from '../../../src/core/base/heap.ts';

test('pops in order, whatever was pushed in between', () => {
  const step = fc.oneof(fc.integer(), fc.constant('pop' as const));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const heap = new Heap<number>((a, b) => a < b);
      let model: number[] = [];
      for (const next of steps) {
        if (next === 'pop') {
          model.sort((a, b) => a - b);
          expect(heap.peek()).toBe(model[0]);
          expect(heap.pop()).toBe(model[0]);
          model = model.slice(1);
        } else {
          heap.push(next);
          model.push(next);
        }
        expect(heap.size).toBe(model.length);
      }
    }),
  );
});
