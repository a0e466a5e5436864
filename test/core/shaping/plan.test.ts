import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitsPerSecond, Bytes } from '../../../src/core/base/units.ts';
import type { DesiredShaping, FlowFilter, ShapedFlow, ShapedInterface } from '../../../src/core/shaping/desired.ts';
import { mapOfElement } from '../../../src/core/shaping/filter.ts';
import { reservable } from '../../../src/core/shaping/htb.ts';
import {
  absentFilter,
  emptyInterface,
  type ObservedInterface,
  type ObservedShaping,
} from '../../../src/core/shaping/observed.ts';
import { applyPlan, planInterface, planShaping } from '../../../src/core/shaping/plan.ts';
import { applyTc } from '../../../src/core/shaping/tc.ts';
import { elementsOf, WantedShaping } from '../../../src/core/shaping/wanted.ts';
import { ip } from '../../support/network.ts';

const capacity = fc.integer({ min: 1_000_000, max: 20_000_000_000 });
const interfaceOf = (name: string, capacityBits: number): ShapedInterface => ({
  name,
  capacityBitsPerSecond: BitsPerSecond(capacityBits),
  mtuBytes: Bytes(1500),
  overheadBytes: Bytes(14),
});
/** Of a few senders, with ports or without, or of all. */
const anyFilter = fc
  .record({
    source: fc.option(fc.constantFrom('10.0.1.1', '10.0.1.2', '10.0.1.3').map(ip)),
    port: fc.option(fc.integer({ min: 1, max: 3 })),
    withSourcePort: fc.boolean(),
  })
  .map(({ source, port, withSourcePort }): FlowFilter => {
    const sourcePort = source && port && withSourcePort ? 7 : null;
    return { protocol: 17, source, sourcePort, destination: ip('10.0.0.1'), destinationPort: port };
  });
const anyFilters = fc.array(anyFilter, { minLength: 1, maxLength: 4 });
const anyFlow = fc
  .record({
    minor: fc.integer({ min: 16, max: 40 }),
    share: fc.double({ min: 0.001, max: 0.6, noNaN: true }),
    onFirst: fc.boolean(),
    peak: fc.option(fc.double({ min: 1, max: 3, noNaN: true })),
    filters: anyFilters,
  })
  .map(({ minor, share, onFirst, peak, filters }) => (capacities: readonly [number, number]): ShapedFlow => {
    const rate = Math.ceil(capacities[onFirst ? 0 : 1] * share);
    return {
      key: `k${minor}`,
      classMinor: minor,
      interface: onFirst ? 'a0' : 'b0',
      filters,
      rateBitsPerSecond: BitsPerSecond(rate),
      burstBytes: Bytes(Math.max(3000, Math.ceil(rate / 800))),
      peakBitsPerSecond: peak === null ? null : BitsPerSecond(Math.ceil(rate * peak)),
      maxFrameBytes: Bytes(1514),
    };
  });

const fresh = (): ObservedShaping => ({
  interfaces: new Map([
    ['a0', emptyInterface('a0')],
    ['b0', emptyInterface('b0')],
  ]),
  filter: absentFilter(),
});

/** Σ of the rates under the inner class. */
const childSum = (iface: ObservedInterface): number =>
  [...iface.classes.values()].reduce((sum, c) => sum + (c.class.parent === 1 ? c.class.rateBitsPerSecond : 0), 0);

describe('the plan', () => {
  it('never lets the children exceed the larger of old and new capacity, at any step, and leaves nothing to do', () => {
    const round = fc.record({
      capacities: fc.tuple(capacity, capacity),
      flows: fc.array(anyFlow, { maxLength: 12 }),
      second: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(round, { minLength: 1, maxLength: 6 }), fc.boolean(), (rounds, guard) => {
        const observed = fresh();
        const limits = new Map([
          ['a0', 0],
          ['b0', 0],
        ]);
        for (const { capacities, flows, second } of rounds) {
          const interfaces = [interfaceOf('a0', capacities[0])];
          if (second) interfaces.push(interfaceOf('b0', capacities[1]));
          const desired: DesiredShaping = { interfaces, flows: flows.map((make) => make(capacities)) };
          const plan = planShaping(desired, observed, { guard });
          for (const { step } of plan.tc) {
            const iface = observed.interfaces.get(step.dev)!;
            applyTc(iface, step);
            const limit = Math.max(limits.get(step.dev)!, capacities[step.dev === 'a0' ? 0 : 1]);
            expect(childSum(iface)).toBeLessThanOrEqual(limit);
          }
          applyPlan(observed, { tc: [], nft: plan.nft });
          limits.set('a0', capacities[0]);
          limits.set('b0', second ? capacities[1] : 0);
          const again = planShaping(desired, observed, { guard });
          expect(again.tc).toEqual([]);
          expect(again.nft).toEqual([]);
          expect(childSum(observed.interfaces.get('a0')!)).toBe(Math.floor(capacities[0] / 1000) * 1000);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('follows the senders of a class by its elements alone, and touches those of none that stays', () => {
    const interfaces = [interfaceOf('a0', 100_000_000)];
    const make = (minor: number, filters: readonly FlowFilter[]): ShapedFlow => ({
      key: `k${minor}`,
      classMinor: minor,
      interface: 'a0',
      filters,
      rateBitsPerSecond: BitsPerSecond(10_000_000),
      burstBytes: Bytes(3000),
      peakBitsPerSecond: null,
      maxFrameBytes: Bytes(1514),
    });
    fc.assert(
      fc.property(anyFilters, anyFilters, anyFilters, (before, after, others) => {
        const observed = fresh();
        const first = { interfaces, flows: [make(16, others), make(17, before)] };
        applyPlan(observed, planShaping(first, observed, { guard: false }));
        const had = new Map(observed.filter.elements);
        const plan = planShaping({ interfaces, flows: [make(16, others), make(17, after)] }, observed, {
          guard: false,
        });
        expect(plan.tc).toEqual([]);
        applyPlan(observed, plan);
        const has = observed.filter.elements;
        for (const element of elementsOf(make(17, after))) expect(has.get(element)).toBe(17);
        for (const element of elementsOf(make(16, others))) expect(has.has(element)).toBe(true);
        expect(new Set(has.keys())).toEqual(new Set([...elementsOf(make(17, after)), ...elementsOf(make(16, others))]));
        const touched = plan.nft.flatMap((step) => ('key' in step ? [step.key] : []));
        for (const element of touched) expect(had.get(element)).not.toBe(has.get(element));
      }),
      { numRuns: 300 },
    );
  });

  it('changes only what differs, best effort first when a flow comes and last of all never', () => {
    const observed = fresh();
    const a0 = interfaceOf('a0', 100_000_000);
    const make = (minor: number, rate: number): ShapedFlow => ({
      key: `k${minor}`,
      classMinor: minor,
      interface: 'a0',
      filters: [{ protocol: 17, source: null, sourcePort: null, destination: ip('10.0.0.1'), destinationPort: minor }],
      rateBitsPerSecond: BitsPerSecond(rate),
      burstBytes: Bytes(3000),
      peakBitsPerSecond: null,
      maxFrameBytes: Bytes(1514),
    });
    applyPlan(observed, planShaping({ interfaces: [a0], flows: [make(16, 10_000_000)] }, observed, { guard: false }));
    const flows = [make(16, 10_000_000), make(17, 20_000_000)];
    const plan = planShaping({ interfaces: [a0], flows }, observed, { guard: false });
    expect(plan.tc.map(({ step }) => [step.op, 'class' in step ? step.class.minor : null])).toEqual([
      ['changeClass', 2],
      ['addClass', 17],
      ['setLeaf', null],
    ]);
    expect(plan.nft).toEqual([{ op: 'addElement', key: 'v4_to_port|17 . 10.0.0.1 . 17', minor: 17 }]);
  });

  it('keeps room for classes of which it has been told nothing yet', () => {
    const observed = fresh();
    const a0 = interfaceOf('a0', 100_000_000);
    const { wanted } = WantedShaping.of({ interfaces: [a0], flows: [] });
    applyPlan(observed, planShaping({ interfaces: [a0], flows: [] }, observed, { guard: false }));
    const left = observed.interfaces.get('a0')!;
    const be = left.classes.get(2)!;
    left.classes.set(99, { ...be, class: { ...be.class, minor: 99, rateBitsPerSecond: BitsPerSecond(40_000_000) } });
    for (const { step } of planInterface(a0, wanted.flowsOn('a0'), left, new Set()).commands) applyTc(left, step);
    expect(left.classes.has(99)).toBe(true);
    expect(childSum(left)).toBe(100_000_000);
  });

  it('refuses what does not fit and displaces the latest when an interface shrinks', () => {
    const a0 = interfaceOf('a0', 100_000_000);
    expect(reservable(a0)).toBe(98_000_000);
    const wanted = new WantedShaping();
    wanted.setInterface(a0);
    const put = (minor: number, rate: number) =>
      wanted.put({
        key: `k${minor}`,
        classMinor: minor,
        interface: 'a0',
        filters: [{ protocol: 17, source: null, sourcePort: null, destination: ip('10.0.0.1'), destinationPort: 9 }],
        rateBitsPerSecond: BitsPerSecond(rate),
        burstBytes: Bytes(3000),
        peakBitsPerSecond: null,
        maxFrameBytes: Bytes(1514),
      });
    expect(put(16, 50_000_000).ok).toBe(true);
    expect(put(17, 48_000_000).ok).toBe(true);
    expect(put(18, 1)).toMatchObject({ ok: false, error: { reason: 'noRoom' } });
    // The latest of two with the same filter has it, and gives it back.
    expect([...wanted.elements.values()]).toEqual([17]);
    const shrunk = wanted.setInterface(interfaceOf('a0', 60_000_000));
    expect(shrunk).toMatchObject({ ok: true, value: [{ key: 'k17', refusal: { reason: 'noRoom' } }] });
    expect([...wanted.elements.values()]).toEqual([16]);
    expect(wanted.dropInterface('a0')).toMatchObject([{ key: 'k16' }]);
    expect(wanted.elements.size).toBe(0);
    expect(wanted.mapsInUse().size).toBe(0);
  });

  it('gives a filter that several classes have to the one that was set last, and back when that lets go of it', () => {
    const step = fc.record({ minor: fc.integer({ min: 16, max: 19 }), filters: fc.option(anyFilters) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const wanted = new WantedShaping();
        wanted.setInterface(interfaceOf('a0', 1_000_000_000));
        const model = new Map<number, ShapedFlow>();
        for (const { minor, filters } of steps) {
          model.delete(minor);
          if (filters === null) wanted.remove(`k${minor}`);
          else {
            const flow: ShapedFlow = {
              key: `k${minor}`,
              classMinor: minor,
              interface: 'a0',
              filters,
              rateBitsPerSecond: BitsPerSecond(1_000_000),
              burstBytes: Bytes(3000),
              peakBitsPerSecond: null,
              maxFrameBytes: Bytes(1514),
            };
            expect(wanted.put(flow).ok).toBe(true);
            model.set(minor, flow);
          }
          const elements = new Map<string, number>();
          for (const flow of model.values())
            for (const element of elementsOf(flow)) elements.set(element, flow.classMinor);
          expect(wanted.elements).toEqual(elements);
          expect(wanted.mapsInUse()).toEqual(new Set([...elements.keys()].map(mapOfElement)));
        }
      }),
    );
  });

  it('never touches a qdisc of somebody else', () => {
    const observed = fresh();
    observed.interfaces.get('a0')!.root = { kind: 'foreign', description: 'qdisc htb 1: root' };
    const desired = { interfaces: [interfaceOf('a0', 1_000_000), interfaceOf('c0', 1_000_000)], flows: [] };
    const plan = planShaping(desired, observed, { guard: false });
    expect(plan.tc).toEqual([]);
    expect([...plan.problems]).toEqual([
      ['a0', 'interface a0 has a root qdisc that is not ours: qdisc htb 1: root'],
      ['c0', 'interface c0 does not exist'],
    ]);
  });
});
