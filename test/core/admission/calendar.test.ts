import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitsPerSecond, EpochMs } from '../../../src/core/base/units.ts';
import { type CalendarStep, LinkCalendar } from '../../../src/core/admission/calendar.ts';

/** Time in the property test: slots 0 … 29, and a thirtieth that stands for all of the future. */
const SLOTS = 30;
const t = EpochMs;
const bps = BitsPerSecond;

interface Booked {
  readonly id: string;
  readonly start: number;
  readonly end: number | null;
  readonly bits: number;
}

/** The same question answered by adding up every slot. */
class Slots {
  readonly held = new Map<string, Booked>();

  level(slot: number): number {
    let sum = 0;
    for (const b of this.held.values()) if (b.start <= slot && (b.end === null || slot < b.end)) sum += b.bits;
    return sum;
  }

  levels(start: number, end: number | null): number[] {
    return Array.from({ length: (end ?? SLOTS + 1) - start }, (_, i) => this.level(start + i));
  }
}

const anyInterval = fc
  .tuple(fc.integer({ min: 0, max: SLOTS - 1 }), fc.option(fc.integer({ min: 1, max: SLOTS })))
  .map(([start, length]) => ({ start, end: length === null ? null : Math.min(start + length, SLOTS) }));
const anyOperation = fc.oneof(
  { weight: 3, arbitrary: fc.record({ op: fc.constant('add' as const), at: anyInterval, bits: fc.nat(50) }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('remove' as const), pick: fc.nat() }) },
);

describe('link calendar', () => {
  it('answers as adding up every slot does, through any additions and removals', () => {
    fc.assert(
      fc.property(fc.array(anyOperation, { maxLength: 40 }), anyInterval, fc.integer({ min: -1, max: 200 }), run),
      { numRuns: 500 },
    );

    function run(
      operations: readonly (
        { op: 'add'; at: { start: number; end: number | null }; bits: number } | { op: 'remove'; pick: number }
      )[],
      asked: { start: number; end: number | null },
      limit: number,
    ): void {
      const calendar = new LinkCalendar();
      const slots = new Slots();
      operations.forEach((operation, i) => {
        if (operation.op === 'add') {
          const booked = { id: `b${i}`, ...operation.at, bits: operation.bits };
          slots.held.set(booked.id, booked);
          calendar.add(booked.id, t(booked.start), booked.end === null ? null : t(booked.end), bps(booked.bits));
        } else {
          const id = [...slots.held.keys()][operation.pick % Math.max(1, slots.held.size)] ?? 'nothing';
          expect(calendar.remove(id)).toBe(slots.held.delete(id));
        }
      });
      for (let slot = 0; slot <= SLOTS; slot++) expect(calendar.bookedAt(t(slot))).toBe(slots.level(slot));
      expect(calendar.size).toBe(slots.held.size);
      // No step is kept where the level does not change.
      const changes = Array.from({ length: SLOTS + 1 }, (_, slot) => slots.level(slot) !== slots.level(slot - 1));
      expect(calendar.breakpoints).toBe(changes.filter(Boolean).length);

      const end = asked.end === null ? null : t(asked.end);
      const levels = slots.levels(asked.start, asked.end);
      expect(calendar.peak(t(asked.start), end)).toBe(Math.max(...levels));
      expect(calendar.free(t(asked.start), end, bps(100))).toBe(Math.max(0, 100 - Math.max(...levels)));

      // Asked for in answers of two steps each, the whole interval comes once, and no two neighbours are equal.
      const steps: CalendarStep[] = [];
      for (let from: EpochMs | null = t(asked.start); from !== null;) {
        const part = calendar.steps(from, end, 2);
        steps.push(...part);
        from = part.at(-1)!.end === end ? null : part.at(-1)!.end;
      }
      expect(steps[0]!.start).toBe(asked.start);
      expect(steps.at(-1)!.end).toBe(end);
      const told = steps.flatMap(({ start, end: to, bitsPerSecond }) =>
        Array<number>((to ?? SLOTS + 1) - start).fill(bitsPerSecond),
      );
      expect(told).toEqual(levels);
      expect(steps.every((step, i) => i === 0 || step.bitsPerSecond !== steps[i - 1]!.bitsPerSecond)).toBe(true);

      const first = levels.findIndex((level) => level > limit);
      const above = calendar.firstAbove(limit, t(asked.start), end);
      if (first < 0) {
        expect(above).toBeNull();
        return;
      }
      const after = levels.findIndex((level, i) => i > first && level <= limit);
      expect(above).toEqual({ start: asked.start + first, end: after < 0 ? asked.end : asked.start + after });
      const inTheWay = [...slots.held.values()]
        .filter((b) => b.bits > 0 && (above!.end === null || b.start < above!.end) && (b.end ?? 99) > above!.start)
        .sort((a, b) => b.bits - a.bits || (a.id < b.id ? -1 : 1))
        .map((b) => b.id);
      expect(calendar.holders(above!, 3)).toEqual(inTheWay.slice(0, 3));
    }
  });

  it('is half-open: back-to-back bookings do not add up', () => {
    const calendar = new LinkCalendar();
    calendar.add('first', t(0), t(10), bps(60));
    calendar.add('second', t(10), t(20), bps(60));
    expect(calendar.peak(t(0), null)).toBe(60);
    expect(calendar.peak(t(20), null)).toBe(0);
  });

  it('refuses what would make its sums wrong', () => {
    const calendar = new LinkCalendar();
    calendar.add('a', t(0), null, bps(1));
    expect(() => calendar.add('a', t(0), null, bps(1))).toThrow(/a is in the calendar already/);
    expect(() => calendar.add('b', t(5), t(5), bps(1))).toThrow(/ends at 5, not after 5/);
    expect(() => calendar.add('c', t(0), null, bps(0.5))).toThrow(RangeError);
    expect(() => calendar.add('d', t(0), null, bps(NaN))).toThrow(RangeError);
    expect(calendar.peak(t(0), null)).toBe(1);
    expect(calendar.size).toBe(1);
  });
});
