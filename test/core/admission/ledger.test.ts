import { describe, expect, it } from 'vitest';
import { BitsPerSecond, EpochMs } from '../../../src/core/base/units.ts';
import { type Booking, flowKey, Ledger } from '../../../src/core/admission/ledger.ts';
import { isManaged, managedNodes } from '../../../src/core/admission/managed.ts';
import { request } from './fixtures.ts';

const booking = (id: string, start: number, end: number | null, bits: number, links: readonly string[]): Booking => ({
  id,
  flowKey: flowKey(request(1e6)),
  window: { start: EpochMs(start), end: end === null ? null : EpochMs(end) },
  path: {
    hops: links.map((link) => ({ node: 'n', interface: 'i', link, bookedBitsPerSecond: BitsPerSecond(bits) })),
  },
});

describe('ledger', () => {
  it('counts a booking on every hop, and takes it off every hop', () => {
    const ledger = new Ledger();
    ledger.add(booking('a', 0, null, 5, ['x', 'y']));
    ledger.add(booking('b', 10, 20, 7, ['y', 'z']));
    const at = (time: number) => ['x', 'y', 'z'].map((link) => ledger.bookedAt(link, EpochMs(time)));
    expect([at(0), at(10), at(20)]).toEqual([
      [5, 5, 0],
      [5, 12, 7],
      [5, 5, 0],
    ]);
    expect(ledger.free('y', { start: EpochMs(0), end: null }, BitsPerSecond(20))).toBe(8);
    expect(ledger.free('nothing booked', { start: EpochMs(0), end: null }, BitsPerSecond(20))).toBe(20);
    expect(ledger.remove('a')).toBe(true);
    expect(ledger.remove('a')).toBe(false);
    expect(at(10)).toEqual([0, 7, 7]);
    expect(ledger.calendar('x')).toBeUndefined();
    expect([ledger.size, ledger.has('a'), ledger.has('b')]).toEqual([1, false, true]);
  });

  it('refuses to count a booking twice', () => {
    const ledger = new Ledger();
    ledger.add(booking('a', 0, null, 5, ['x']));
    expect(() => ledger.add(booking('a', 0, null, 5, ['x', 'y']))).toThrow(/a is booked already/);
    expect(ledger.bookedAt('x', EpochMs(0))).toBe(5);
    expect(ledger.bookedAt('y', EpochMs(0))).toBe(0);
  });

  it('finds the same flow in an overlapping window only', () => {
    const ledger = new Ledger();
    ledger.add(booking('a', 10, 20, 5, ['x']));
    const asked = request(1e6);
    const { flow } = asked;
    const find = (start: number, end: number | null, f = flow) =>
      ledger.sameFlow(flowKey({ ...asked, flow: f }), {
        start: EpochMs(start),
        end: end === null ? null : EpochMs(end),
      });
    expect([find(0, 10), find(20, null), find(0, 11), find(19, null), find(0, null)]).toEqual([
      null,
      null,
      'a',
      'a',
      'a',
    ]);
    expect(find(0, null, { ...flow, protocol: 'tcp' })).toBeNull();
    expect(find(0, null, { ...flow, source: { ...flow.source, port: null } })).toBeNull();
    ledger.remove('a');
    expect(find(0, null)).toBeNull();
  });

  it('tells flows apart by every part', () => {
    const asked = request(1e6);
    const { flow } = asked;
    const others = [
      flow,
      { ...flow, protocol: 'tcp' as const },
      { ...flow, source: { ...flow.source, port: 1 } },
      { ...flow, destination: { ...flow.destination, port: 1 } },
      { ...flow, destination: { ...flow.destination, port: null } },
      { ...flow, source: flow.destination, destination: flow.source },
    ];
    expect(new Set(others.map((each) => flowKey({ ...asked, flow: each }))).size).toBe(others.length);
  });
});

describe('managed nodes', () => {
  it('are those that require an agent, and those whose optional one is there', () => {
    const modes = { a: 'required', b: 'optional', c: 'optional', d: 'none' } as const;
    const modeOf = (node: string) => modes[node as keyof typeof modes];
    const hasAgent = (node: string) => node !== 'c';
    expect(managedNodes(['a', 'b', 'c', 'd', 'gone'], modeOf, hasAgent)).toEqual(['a', 'b']);
    expect(isManaged(['c', 'd'], modeOf, hasAgent)).toBe(false);
    expect(isManaged(['c', 'd', 'a'], modeOf, hasAgent)).toBe(true);
  });
});
