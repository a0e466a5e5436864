import { expect, it } from 'vitest';
import { BitsPerSecond, Bytes } from '../../../src/core/base/units.ts';
import type { DesiredShaping, ShapedFlow } from '../../../src/core/shaping/desired.ts';
import { filterDisturbance, queueDisturbance, type Disturbance } from '../../../src/core/shaping/disturbance.ts';
import { planFilter } from '../../../src/core/shaping/nft.ts';
import { absentFilter, emptyInterface, type ObservedShaping } from '../../../src/core/shaping/observed.ts';
import { applyPlan, planInterface, planShaping, wantedFilter } from '../../../src/core/shaping/plan.ts';
import { WantedShaping } from '../../../src/core/shaping/wanted.ts';
import { ip } from '../../support/network.ts';

const flow = (key: string, classMinor: number, megabits = 1): ShapedFlow => ({
  key,
  classMinor,
  interface: 'eth1',
  filters: [{ protocol: 17, source: null, sourcePort: null, destination: ip('10.2.0.2'), destinationPort: classMinor }],
  rateBitsPerSecond: BitsPerSecond(megabits * 1e6),
  burstBytes: Bytes(3000),
  peakBitsPerSecond: null,
  maxFrameBytes: Bytes(1514),
});
const desired = (...flows: ShapedFlow[]): DesiredShaping => ({
  interfaces: [
    {
      name: 'eth1',
      capacityBitsPerSecond: BitsPerSecond(100e6),
      mtuBytes: Bytes(1500),
      overheadBytes: Bytes(14),
    },
  ],
  flows,
});

/** What is in the kernel after everything wanted `before` was put there, and what a comparison with `after` says of it. */
function compared(
  before: DesiredShaping,
  after: DesiredShaping,
  change: (seen: ObservedShaping) => void,
): readonly Disturbance[] {
  const seen: ObservedShaping = { interfaces: new Map([['eth1', emptyInterface('eth1')]]), filter: absentFilter() };
  applyPlan(seen, planShaping(before, seen, { guard: true }));
  change(seen);
  const [was, is] = [before, after].map((each) => WantedShaping.of(each).wanted) as [WantedShaping, WantedShaping];
  const plan = planInterface(is.interfaces.get('eth1')!, is.flowsOn('eth1'), seen.interfaces.get('eth1')!);
  const steps = planFilter(wantedFilter(is, true), seen.filter);
  return [queueDisturbance('eth1', was, is, plan), filterDisturbance(was, is, steps)].flatMap((each) => each ?? []);
}
const two = desired(flow('a', 16), flow('b', 17));

it('is nothing where the kernel has what it was given, or our own wishes have changed', () => {
  expect(compared(two, two, () => undefined)).toEqual([]);
  expect(compared(two, desired(flow('a', 16, 3), flow('c', 18)), () => undefined)).toEqual([]);
  const none = { interfaces: [], flows: [] };
  expect(compared(none, two, () => undefined)).toEqual([]);
});

it('of the root qdisc, or of the table, concerns every flow', () => {
  const bare = compared(two, two, (seen) => void seen.interfaces.set('eth1', emptyInterface('eth1')));
  expect(bare).toEqual([{ place: 'eth1', what: 'the root qdisc of eth1 was gone', keys: ['a', 'b'] }]);
  const flushed = compared(two, two, (seen) => (seen.filter = absentFilter()));
  expect(flushed).toEqual([
    { place: 'inet headroom', what: 'nftables: table inet headroom was gone', keys: ['a', 'b'] },
  ]);
});

it('of one class or one entry concerns its flow', () => {
  const classless = compared(two, two, (seen) => void seen.interfaces.get('eth1')!.classes.delete(17));
  expect(classless).toEqual([{ place: 'eth1', what: 'a class of eth1 gone or changed', keys: ['b'] }]);
  const entryless = compared(two, two, ({ filter }) => {
    for (const [key, minor] of filter.elements) if (minor === 16) filter.elements.delete(key);
  });
  expect(entryless).toMatchObject([{ place: 'inet headroom', keys: ['a'] }]);
});
