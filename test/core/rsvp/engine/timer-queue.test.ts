import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MonotonicMs } from '../../../../src/core/base/units.ts';
import { TimerQueue } from '../../../../src/core/rsvp/engine/timer-queue.ts';
import { isArmed, newTimer, type Timer, type TimerKind } from '../../../../src/core/rsvp/engine/timer.ts';

const TIMERS = 12;
/** From the same instant to minutes away, often equal. */
const wait = fc.oneof(fc.constantFrom(0, 1, 127, 128, 129, 30_000), fc.nat(400), fc.nat(200_000), fc.nat(2 ** 33));
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ set: fc.nat(TIMERS - 1), wait }) },
  { weight: 2, arbitrary: fc.record({ cancel: fc.nat(TIMERS - 1) }) },
  { weight: 3, arbitrary: fc.record({ pass: fc.oneof(fc.nat(200), fc.nat(60_000), fc.nat(2 ** 32)) }) },
  { weight: 1, arbitrary: fc.constant({ ask: true }) },
);

/** The same in the dumbest way: a list that is searched. Of equal deadlines the order is left open. */
class Deadlines {
  readonly at = new Map<number, number>();

  next(): number | null {
    return this.at.size === 0 ? null : Math.min(...this.at.values());
  }

  /** Those due at `now`, earliest first, in groups of equal deadlines. */
  takeDue(now: number): number[][] {
    const groups: number[][] = [];
    for (let next = this.next(); next !== null && next <= now; next = this.next()) {
      const group = [...this.at].filter(([, at]) => at === next).map(([n]) => n);
      for (const n of group) this.at.delete(n);
      groups.push(group.sort((a, b) => a - b));
    }
    return groups;
  }
}

describe('the deadlines of an engine', () => {
  it('fire as a searched list says, each once, whatever is set, moved and cancelled before', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.nat(1_000_000), (steps, start) => {
        const fired: number[] = [];
        const kind: TimerKind<number[], number> = { name: 'test', fire: (context, n) => void context.push(n) };
        const timers = Array.from({ length: TIMERS }, (_, n) => newTimer(kind, n));
        const queue = new TimerQueue<number[]>();
        const naive = new Deadlines();
        let now = start;
        for (const each of steps) {
          if ('set' in each) {
            queue.set(timers[each.set]!, now + each.wait);
            naive.at.set(each.set, now + each.wait);
          } else if ('cancel' in each) {
            queue.cancel(timers[each.cancel]!);
            naive.at.delete(each.cancel);
          } else if ('pass' in each) {
            now += each.pass;
            queue.runDue(MonotonicMs(now), fired);
            const groups = naive.takeDue(now);
            const rest = fired.splice(0);
            expect(groups.map(({ length }) => rest.splice(0, length).sort((a, b) => a - b))).toEqual(groups);
            expect(rest).toEqual([]);
          } else expect(queue.next()).toBe(naive.next());
          expect(timers.map(isArmed)).toEqual(timers.map((_, n) => naive.at.has(n)));
          expect(queue.armed().get('test')?.count ?? 0).toBe(naive.at.size);
        }
        expect(queue.next()).toBe(naive.next());
      }),
      { numRuns: 2_000 },
    );
  });

  it('that are equal fire in the order in which they were set', () => {
    const fired: number[] = [];
    const kind: TimerKind<null, number> = { name: 'test', fire: (_, n) => void fired.push(n) };
    const queue = new TimerQueue<null>();
    for (let n = 0; n < 100; n++) queue.set(newTimer(kind, n), n % 2 === 0 ? 5_000 : 40);
    queue.runDue(MonotonicMs(10_000), null);
    const odd = Array.from({ length: 50 }, (_, i) => 2 * i + 1);
    expect(fired).toEqual([...odd, ...odd.map((n) => n - 1)]);
  });

  it('may be set and cancelled by what fires', () => {
    const fired: string[] = [];
    const timers: Record<string, Timer> = {};
    const queue = new TimerQueue<null>();
    const kind: TimerKind<null, string> = {
      name: 'test',
      fire: (_, name) => {
        fired.push(name);
        if (name === 'first') {
          queue.cancel(timers['second']!);
          queue.set(timers['third']!, 10);
          if (fired.length < 3) queue.set(timers['first']!, 20);
        }
      },
    };
    for (const name of ['first', 'second', 'third']) timers[name] = newTimer(kind, name);
    queue.set(timers['first']!, 5);
    queue.set(timers['second']!, 6);
    queue.set(timers['third']!, 90_000);
    queue.runDue(MonotonicMs(20), null);
    expect(fired).toEqual(['first', 'third', 'first', 'third']);
    expect(queue.next()).toBeNull();
  });
});
