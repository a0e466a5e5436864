import { describe, expect, it } from 'vitest';
import { classesOf, classOfShare, reservationOfClass } from '../../src/agent/share-classes.ts';
import { shapedFlow } from '../../src/agent/shaped-flow.ts';
import { Bytes } from '../../src/core/base/units.ts';
import { assignmentFor, type Assignment } from '../../src/core/reservation/assignment.ts';
import { reservation } from '../core/reservation/fixtures.ts';
import { ip } from '../support/network.ts';

const base = assignmentFor(reservation(), 'r1')!;
const sources = [
  { address: ip('10.1.0.2'), port: 5004 },
  { address: ip('10.3.0.2'), port: null },
];
const of = (style: Assignment['style'], some = sources): Assignment => ({ ...base, style, sources: some });
const filters = sources.map(({ address, port }) => ({ source: address, sourcePort: port ?? 0 }));
const id = base.reservationId;

describe('the classes of an assignment', () => {
  it.each([
    ['sharedExplicit', [id]],
    ['wildcardFilter', [id]],
    ['fixedFilter', [`${id} 10.1.0.2:5004`, `${id} 10.3.0.2:0`]],
  ] as const)('%s: %j', (style, keys) => {
    expect(classesOf(of(style)).map(({ key }) => key)).toEqual(keys);
    for (const key of keys) expect(reservationOfClass(key)).toBe(id);
  });

  it('are one under the reservation’s own name where there is one sender, as ever', () => {
    expect(classesOf(of('fixedFilter', sources.slice(0, 1)))).toEqual([{ key: id, sources: sources.slice(0, 1) }]);
  });

  it('follow the senders that RSVP names, in the order of the assignment whatever that of RSVP is', () => {
    const [first, second] = filters as [(typeof filters)[number], (typeof filters)[number]];
    const named = (style: 'SE' | 'FF', ...some: typeof filters) =>
      classOfShare(of(style === 'SE' ? 'sharedExplicit' : 'fixedFilter'), { style, filters: some });
    expect(named('SE', second, first)).toEqual({ key: id, sources });
    expect(named('SE', second)).toEqual({ key: id, sources: [sources[1]] });
    expect(named('FF', second)).toEqual({ key: `${id} 10.3.0.2:0`, sources: [sources[1]] });
    expect(classOfShare(of('wildcardFilter'), { style: 'WF', filters: [] })).toEqual({ key: id, sources });
  });

  it('take what is booked together, and the packets of their senders or of all', () => {
    const flows = (style: Assignment['style']) =>
      classesOf(of(style)).map((one) => shapedFlow(of(style), one, 'eth1', 16, Bytes(0)));
    const [shared] = flows('sharedExplicit');
    expect(shared!.rateBitsPerSecond).toBe(base.bookedBitsPerSecond);
    expect(shared!.filters.map(({ source, sourcePort }) => [source, sourcePort])).toEqual([
      ['10.1.0.2', 5004],
      ['10.3.0.2', null],
    ]);
    const [all] = flows('wildcardFilter');
    expect(all!.rateBitsPerSecond).toBe(base.bookedBitsPerSecond);
    expect(all!.filters).toEqual([
      { ...shared!.filters[0], source: null, sourcePort: null, destination: base.flow.destination.address },
    ]);
    const each = flows('fixedFilter');
    expect(each.map(({ rateBitsPerSecond }) => rateBitsPerSecond)).toEqual([
      Math.ceil(base.bookedBitsPerSecond / 2),
      Math.ceil(base.bookedBitsPerSecond / 2),
    ]);
    expect(each.map((one) => one.filters.map(({ source }) => source))).toEqual([['10.1.0.2'], ['10.3.0.2']]);
    expect(each.map(({ burstBytes }) => burstBytes)).toEqual([shared!.burstBytes, shared!.burstBytes]);
  });
});
