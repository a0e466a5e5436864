import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Assignments } from '../../src/agent/assignments.ts';
import { flowKeyOf, sessionOf } from '../../src/agent/flow-key.ts';
import type { IpAddress } from '../../src/core/base/ip.ts';
import { BitsPerSecond, Bytes, BytesPerSecond, EpochMs } from '../../src/core/base/units.ts';
import type { Assignment } from '../../src/core/reservation/assignment.ts';

const assignment = (id: string, from: number, until: number | null, port = 5004): Assignment => ({
  reservationId: id,
  revision: 1,
  flow: {
    protocol: 'udp',
    source: { address: '10.1.0.2' as IpAddress, port },
    destination: { address: '10.2.0.2' as IpAddress, port },
  },
  sources: [{ address: '10.1.0.2' as IpAddress, port }],
  ownSources: [0],
  style: 'fixedFilter',
  tspec: {
    tokenRate: BytesPerSecond(1e6),
    tokenBucket: Bytes(3000),
    peakRate: BytesPerSecond(Infinity),
    minPolicedUnit: Bytes(128),
    maxPacketSize: Bytes(1500),
  },
  rspec: null,
  isSender: true,
  isReceiver: false,
  outgoingInterface: 'eth0',
  bookedBitsPerSecond: BitsPerSecond(8_875_000),
  nextHop: null,
  pinned: false,
  explicitRoute: [],
  validFrom: EpochMs(from),
  validUntil: until === null ? null : EpochMs(until),
});
const ids = (list: readonly Assignment[]): string[] => list.map((a) => a.reservationId);

describe('Assignments', () => {
  it('opens at validFrom, closes at validUntil, neither earlier nor later', () => {
    const table = new Assignments();
    table.put(assignment('a', 100, 200));
    expect(table.nextBoundary()).toBe(100);
    expect(table.advance(EpochMs(99))).toEqual({ closed: [], opened: [] });
    expect(ids(table.advance(EpochMs(100)).opened)).toEqual(['a']);
    expect(table.nextBoundary()).toBe(200);
    expect(table.advance(EpochMs(199)).closed).toEqual([]);
    expect(ids(table.advance(EpochMs(200)).closed)).toEqual(['a']);
    expect(table.isOpen('a')).toBe(false);
    expect(table.nextBoundary()).toBeNull();
  });

  it('swaps back-to-back windows of one flow in one step', () => {
    const table = new Assignments();
    table.put(assignment('a', 0, 100));
    table.put(assignment('b', 100, null));
    table.advance(EpochMs(0));
    const change = table.advance(EpochMs(100));
    expect([ids(change.closed), ids(change.opened)]).toEqual([['a'], ['b']]);
    expect(table.openFor(flowKeyOf(assignment('x', 0, null).flow))?.reservationId).toBe('b');
  });

  it('never opens a window that is over already', () => {
    const table = new Assignments();
    table.put(assignment('a', 0, 100));
    expect(table.advance(EpochMs(500))).toEqual({ closed: [], opened: [] });
  });

  it('tells what was open when it is replaced or removed, and forgets its boundaries', () => {
    const table = new Assignments();
    table.put(assignment('a', 0, 100));
    table.advance(EpochMs(0));
    expect(table.put(assignment('a', 0, 300))?.validUntil).toBe(100);
    table.advance(EpochMs(1));
    expect(table.advance(EpochMs(100)).closed).toEqual([]);
    expect(table.remove('a')?.validUntil).toBe(300);
    expect(table.advance(EpochMs(1000))).toEqual({ closed: [], opened: [] });
    expect(table.remove('a')).toBeNull();
  });

  it('gives an open one other terms without closing it, and nothing else', () => {
    const table = new Assignments();
    const first = assignment('a', 0, 100);
    const terms = { ...first, revision: 2, bookedBitsPerSecond: BitsPerSecond(1), tspec: { ...first.tspec } };
    table.put(first);
    expect(table.change(terms)).toBeNull();
    table.advance(EpochMs(0));
    expect(table.change(terms)).toBe(first);
    expect(table.get('a')).toBe(terms);
    expect(table.isOpen('a')).toBe(true);
    expect(table.openFor(flowKeyOf(first.flow))).toBe(terms);
    expect(table.advance(EpochMs(100)).closed).toEqual([terms]);
    table.put(first);
    table.advance(EpochMs(50));
    for (const other of [{ validUntil: EpochMs(200) }, { outgoingInterface: 'eth1' }, { isReceiver: true }]) {
      expect(table.change({ ...terms, ...other })).toBeNull();
    }
    expect(table.change(assignment('b', 0, null))).toBeNull();
    expect(table.get('a')).toBe(first);
  });

  describe('with several senders', () => {
    const [first, second, third] = [5004, 5006, 5008].map((port) => assignment('x', 0, null, port).flow.source);
    const of = (style: Assignment['style'], sources = [first!, second!]): Assignments => {
      const table = new Assignments();
      const { flow, ...rest } = assignment('a', 0, 100);
      table.put({ ...rest, flow, sources, style });
      table.advance(EpochMs(0));
      return table;
    };
    const { flow } = assignment('a', 0, 100);
    const keyOf = (source = first!) => flowKeyOf(flow, source);
    const share = (style: 'FF' | 'SE' | 'WF', ...filters: (typeof first)[]) => ({
      session: sessionOf(flow),
      style,
      filters: filters.map((each) => keyOf(each)),
    });

    it('is found by each of them, and by none once it is closed or gone', () => {
      const table = of('sharedExplicit');
      const found = () => [first, second, third].map((each) => table.openFor(keyOf(each))?.reservationId);
      expect(found()).toEqual(['a', 'a', undefined]);
      table.advance(EpochMs(100));
      expect(found()).toEqual([undefined, undefined, undefined]);
      table.put({ ...table.get('a')!, validUntil: null });
      table.advance(EpochMs(101));
      expect(found()).toEqual(['a', 'a', undefined]);
      table.remove('a');
      expect(found()).toEqual([undefined, undefined, undefined]);
    });

    it.each([
      ['sharedExplicit', share('SE', first, second), true],
      ['sharedExplicit', share('SE', second), true],
      ['sharedExplicit', share('SE', first, third), false],
      ['sharedExplicit', share('FF', first), false],
      ['sharedExplicit', share('WF'), false],
      ['fixedFilter', share('FF', second), true],
      ['fixedFilter', share('FF', third), false],
      ['fixedFilter', share('SE', first, second), false],
      ['wildcardFilter', share('WF'), true],
      ['wildcardFilter', share('SE', first, second), false],
      ['wildcardFilter', { ...share('WF'), session: { ...sessionOf(flow), destinationPort: 9 } }, false],
    ] as const)('%s answers for a share that is within it, in its style: %j is %s', (style, wanted, isFound) => {
      const table = of(style);
      expect(table.openForShare(wanted)?.reservationId).toBe(isFound ? 'a' : undefined);
      table.advance(EpochMs(100));
      expect(table.openForShare(wanted)).toBeUndefined();
    });

    it('does not answer for a share of senders of two', () => {
      const table = of('sharedExplicit', [first!]);
      table.put({ ...assignment('b', 0, null), sources: [second!], style: 'sharedExplicit' });
      table.advance(EpochMs(1));
      expect(table.openForShare(share('SE', second))?.reservationId).toBe('b');
      expect(table.openForShare(share('SE', first, second))).toBeUndefined();
    });

    it('is not changed in place to others', () => {
      const table = of('sharedExplicit');
      const known = table.get('a')!;
      for (const other of [{ sources: [first!] }, { style: 'fixedFilter' as const }, { ownSources: [1] }]) {
        expect(table.change({ ...known, revision: 2, ...other })).toBeNull();
      }
      expect(table.change({ ...known, revision: 2 })).toBe(known);
    });
  });

  it('has open at any time exactly what its windows say, whatever was put and removed', () => {
    const step = fc.oneof(
      fc.record({ put: fc.constantFrom('a', 'b', 'c'), from: fc.nat(50), length: fc.integer({ min: 1, max: 50 }) }),
      fc.record({ remove: fc.constantFrom('a', 'b', 'c') }),
      fc.record({ wait: fc.nat(20) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const table = new Assignments();
        const model = new Map<string, { from: number; until: number }>();
        let now = 0;
        for (const s of steps) {
          if ('put' in s) {
            table.put(assignment(s.put, s.from, s.from + s.length, s.put.charCodeAt(0)));
            model.set(s.put, { from: s.from, until: s.from + s.length });
          } else if ('remove' in s) {
            table.remove(s.remove);
            model.delete(s.remove);
          } else now += s.wait;
          table.advance(EpochMs(now));
          for (const id of ['a', 'b', 'c']) {
            const window = model.get(id);
            expect(table.isOpen(id)).toBe(window !== undefined && window.from <= now && now < window.until);
          }
        }
      }),
    );
  });
});
