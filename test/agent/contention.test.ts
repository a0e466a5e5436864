import { expect, it } from 'vitest';
import { Contention } from '../../src/agent/contention.ts';

const holds = (contention: Contention, times: readonly number[], place = 'eth1'): readonly number[] =>
  times.map((at) => contention.taken(place, at).holdMs);

it('puts back at once a few times, then waits twice as long each time, up to half a minute', () => {
  const contention = new Contention(5);
  expect(holds(contention, [1, 2, 3, 4, 5])).toEqual([0, 0, 0, 0, 0]);
  expect(holds(contention, [6, 7, 8, 9, 10, 11, 12])).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
});

it('forgets what is a minute ago', () => {
  const contention = new Contention(2);
  expect(holds(contention, [0, 1, 2, 60_001, 60_002, 60_003])).toEqual([0, 0, 1000, 0, 0, 1000]);
});

it('counts each place by itself', () => {
  const contention = new Contention(1);
  expect(holds(contention, [1], 'eth1')).toEqual([0]);
  expect(holds(contention, [2], 'eth2')).toEqual([0]);
  expect(contention.taken('eth1', 3)).toEqual({ times: 2, holdMs: 1000 });
});
