import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide } from '../../../src/core/admission/decide.ts';
import { decideChange } from '../../../src/core/admission/decide-change.ts';
import type { World } from '../../../src/core/admission/world.ts';
import { BitsPerSecond, EpochMs } from '../../../src/core/base/units.ts';
import { routedPath } from '../../../src/core/network/routing.ts';
import type { Link, Topology } from '../../../src/core/network/topology.ts';
import { bookedBitsPerSecond } from '../../../src/core/qos/booking.ts';
import type { FlowEndpoint, ReservationRequest, ReservationStyle } from '../../../src/core/qos/request.ts';
import { toTspec } from '../../../src/core/qos/wire-rate.ts';
import { assignmentFor } from '../../../src/core/reservation/assignment.ts';
import { bookingOf, changed, termsOf } from '../../../src/core/reservation/change.ts';
import { occupiesBooks, step } from '../../../src/core/reservation/life-cycle.ts';
import type { Reservation } from '../../../src/core/reservation/reservation.ts';
import {
  linksOf,
  nodesOf,
  ownsSession,
  sendersAt,
  sendersOf,
  withSender,
} from '../../../src/core/reservation/senders.ts';
import { NOW, qos, request, world } from '../admission/fixtures.ts';
import { randomTopology } from '../../support/random-topology.ts';
import { reservation } from './fixtures.ts';

const SLOT = 1000;

const anyStep = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('book' as const),
      from: fc.array(fc.nat(), { minLength: 1, maxLength: 5 }),
      to: fc.nat(),
      rate: fc.integer({ min: 8, max: 400 }),
      style: fc.constantFrom<ReservationStyle>('fixedFilter', 'sharedExplicit', 'wildcardFilter'),
      start: fc.nat(5),
      length: fc.option(fc.integer({ min: 1, max: 6 })),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('release' as const), pick: fc.nat() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('change' as const, 'settle' as const, 'revert' as const),
      pick: fc.nat(),
      rate: fc.integer({ min: 8, max: 400 }),
    }),
  },
);

/** How many senders of a reservation cross each link, by the routes alone. */
function crossings(r: Reservation, w: World): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { source } of sendersOf(r)) {
    const route = routedPath(w.graph, source.address, r.flow.destination.address, new Map());
    if (!route.ok) throw new Error(route.error.problem);
    for (const index of route.value) {
      const { id } = w.graph.links[index]!;
      counts.set(id, (counts.get(id) ?? 0) + 1);
    }
  }
  return counts;
}

/** What one reservation holds of a link that so many of its senders cross, reckoned from style and rates alone. */
function expectedOn({ overheadBytes }: Link, crossing: number, r: Reservation): number {
  const one = (of: Reservation['qos']): number =>
    bookedBitsPerSecond(toTspec(of).tokenRate, of.minPolicedUnitBytes, overheadBytes);
  const underWay = r.change !== null && r.change.state !== 'failed';
  const part = underWay ? Math.max(one(r.qos), one(r.change.terms.qos)) : one(r.qos);
  return r.style === 'fixedFilter' ? crossing * part : part;
}

/** At every instant and on every link what is booked is the sum of that, and no more than is reservable. */
function expectBooks(topology: Topology, w: World, booked: readonly Reservation[]): void {
  const parts = booked.map((r) => ({ ...r.window, r, counts: crossings(r, w) }));
  for (const link of topology.links) {
    const here = parts.flatMap(({ start, end, r, counts }) => {
      const crossing = counts.get(link.id) ?? 0;
      return crossing === 0 ? [] : [{ start, end, bits: expectedOn(link, crossing, r) }];
    });
    for (let slot = 0; slot < 12; slot++) {
      const at = EpochMs(NOW + slot * SLOT);
      const there = here.filter(({ start, end }) => start <= at && (end === null || at < end));
      const sum = there.reduce((total, { bits }) => total + bits, 0);
      const found = w.ledger.bookedAt(link.id, at);
      // The matchers of the test runner take longer than all the rest.
      if (found !== sum) throw new Error(`${link.id} holds ${found} at ${at}, not ${sum}`);
      if (sum > link.capacityBitsPerSecond! * link.reservableShare) throw new Error(`${link.id} is overbooked: ${sum}`);
    }
  }
}

describe('the ledger', () => {
  it('holds on every link what routes, styles and rates say, and never more than is reservable', () => {
    const seen = { several: 0, fixed: 0, refused: 0, changes: 0 };
    fc.assert(
      fc.property(
        randomTopology({ down: false }),
        fc.array(anyStep, { minLength: 10, maxLength: 40 }),
        (topology, steps) => {
          const w = world(topology);
          const addresses = topology.nodes.map(({ interfaces }) => interfaces[0]!.addresses[0]!.address);
          const live = new Map<string, Reservation>();
          const put = (next: Reservation): void => {
            w.ledger.remove(next.id);
            if (occupiesBooks(next)) w.ledger.add(bookingOf(next));
            live.set(next.id, next);
          };
          for (const [n, each] of steps.entries()) {
            if (each.do === 'book') {
              const pick = (i: number): FlowEndpoint => ({ address: addresses[i % addresses.length]!, port: n });
              const destination = pick(each.to);
              const sources = [...new Map(each.from.map(pick).map((end) => [end.address, end])).values()];
              const [source, ...moreSources] = sources;
              const start = EpochMs(NOW + each.start * SLOT);
              const asked: ReservationRequest = {
                ...request(each.rate),
                ...{ flow: { protocol: 'udp', source: source!, destination }, moreSources, style: each.style },
                window: { start, end: each.length === null ? null : EpochMs(start + each.length * SLOT) },
              };
              const decision = decide(asked, w);
              if (!decision.admitted) seen.refused++;
              else {
                if (moreSources.length > 0) seen.several++;
                if (moreSources.length > 0 && each.style === 'fixedFilter') seen.fixed++;
                put({
                  ...reservation({ id: `r${n}`, state: 'active' }),
                  ...asked,
                  path: decision.path,
                  moreSenders: moreSources.map((end, i) => ({
                    ...{ source: end, path: decision.morePaths[i]! },
                    ...{ actualHops: [], nonRsvpHop: false, adspecDeviation: null },
                  })),
                });
              }
            } else if (live.size > 0) {
              const r = [...live.values()][each.pick % live.size]!;
              if (each.do === 'release') put({ ...r, state: 'ended', countsInBooks: false });
              else if (
                each.do === 'change' &&
                (r.change === null || r.change.state === 'failed') &&
                r.state === 'active'
              ) {
                const asks = qos(each.rate);
                const decision = decideChange(r, asks, w);
                if (!decision.admitted) continue;
                seen.changes++;
                put(changed(r, r, termsOf(asks, decision.path, decision.morePaths), false, NOW));
              } else if (r.change !== null && each.do !== 'change') {
                const { since } = r.change;
                const reason = { reason: 'REFUSED', errorCode: 1, errorValue: 2, errorNode: 'r1', detail: '' } as const;
                const event =
                  each.do === 'settle'
                    ? ({ type: r.change.state === 'reverting' ? 'changeReverted' : 'changeApplied', since } as const)
                    : ({ type: 'changeRefused', since, reason } as const);
                const next = step(r, event, NOW, true);
                if (next) put(next);
              }
            }
            const booked = [...live.values()].filter(occupiesBooks);
            expectBooks(topology, w, booked);
          }
          for (const r of live.values()) if (occupiesBooks(r)) expectOneWayOut(r);
        },
      ),
      { numRuns: 120 },
    );
    expect(
      Object.values(seen).every((count) => count > 10),
      JSON.stringify(seen),
    ).toBe(true);
  });
});

/** Every node of a reservation is told one interface for the whole session, and what its link holds for all of them. */
function expectOneWayOut(r: Reservation): void {
  const held = new Map(bookingOf({ ...r, change: null }).path.hops.map((hop) => [hop.link, hop.bookedBitsPerSecond]));
  for (const node of nodesOf(r)) {
    const assignment = assignmentFor({ ...r, change: null }, node)!;
    const hops = sendersOf(r).flatMap(({ path }) => path.hops.filter((hop) => hop.node === node));
    expect(new Set(hops.map((hop) => hop.interface)).size).toBeLessThanOrEqual(1);
    expect(assignment.outgoingInterface).toBe(hops[0]?.interface ?? null);
    expect(assignment.bookedBitsPerSecond).toBe(hops[0] ? held.get(hops[0].link) : 0);
    expect(assignment.sources).toHaveLength(sendersAt(r, node).length);
  }
}

describe('senders', () => {
  const { path, flow } = reservation();
  const [first, last] = path.hops;
  const other = { ...first!, node: 'host-c', link: 'host-c:eth1' };
  const second = {
    source: { ...flow.source, port: 7 },
    path: { ...path, hops: [other, last!], nodes: ['host-c', 'r1', 'host-b'] },
    ...{ actualHops: [], nonRsvpHop: false, adspecDeviation: null },
  };
  const both = reservation({ style: 'sharedExplicit', moreSenders: [second] });

  it('are counted with the first one among them, their nodes and links once', () => {
    expect(sendersOf(both).map(({ source }) => source.port)).toEqual([5004, 7]);
    expect(nodesOf(both)).toEqual(['host-a', 'r1', 'host-b', 'host-c']);
    expect(linksOf(both)).toEqual(['host-a:eth1', 'r1:eth1', 'host-c:eth1']);
    expect([sendersAt(both, 'r1'), sendersAt(both, 'host-c'), sendersAt(both, 'r9')]).toEqual([[0, 1], [1], []]);
  });

  it('have the session for themselves where they are several, or share', () => {
    expect(ownsSession(reservation())).toBe(false);
    expect(ownsSession(both)).toBe(true);
    expect(ownsSession(reservation({ style: 'wildcardFilter' }))).toBe(true);
    expect(ownsSession(reservation({ moreSenders: [second] }))).toBe(true);
  });

  it('get news of their own', () => {
    const hops = [{ node: 'r1', interface: 'eth1', link: 'r1:eth1' }];
    expect(withSender(both, 0, { nonRsvpHop: true })).toEqual({ nonRsvpHop: true });
    expect(withSender(both, 1, { actualHops: hops })).toEqual({ moreSenders: [{ ...second, actualHops: hops }] });
    const observed = step(both, { type: 'pathObserved', sender: 1, actualHops: hops }, NOW, true);
    expect(observed).toMatchObject({ actualHops: [], moreSenders: [{ actualHops: hops }] });
    expect(step(observed!, { type: 'pathObserved', sender: 1, actualHops: hops }, NOW, true)).toBeNull();
    const broken = step(both, { type: 'nonRsvpHop', sender: 1, present: true }, NOW, true);
    expect(broken).toMatchObject({ nonRsvpHop: false, moreSenders: [{ nonRsvpHop: true }] });
    expect(step(broken!, { type: 'nonRsvpHop', sender: 1, present: true }, NOW, true)).toBeNull();
    for (const type of ['nonRsvpHop', 'pathObserved'] as const) {
      expect(step(both, { type, sender: 2, present: true, actualHops: hops }, NOW, true)).toBeNull();
    }
  });

  it('are told to each node whose links they use, with what it holds for all of them', () => {
    const of = (r: Reservation, node: string) => {
      const {
        sources,
        ownSources,
        isSender,
        isReceiver,
        bookedBitsPerSecond: bits,
        flow: its,
      } = assignmentFor(r, node)!;
      return { ports: sources.map(({ port }) => port), ownSources, isSender, isReceiver, bits, first: its.source.port };
    };
    const part = 27_734_375;
    const at = { isSender: false, isReceiver: false, ownSources: [], bits: part, first: 5004 };
    expect(of(both, 'host-a')).toEqual({ ...at, ports: [5004], ownSources: [0], isSender: true });
    expect(of(both, 'host-c')).toEqual({ ...at, ports: [7], ownSources: [0], isSender: true, first: 7 });
    expect(of(both, 'r1')).toEqual({ ...at, ports: [5004, 7] });
    expect(of(both, 'host-b')).toEqual({ ...at, ports: [5004, 7], isReceiver: true, bits: 0 });
    const fixed = { ...both, style: 'fixedFilter' as const };
    expect(of(fixed, 'r1')).toEqual({ ...at, ports: [5004, 7], bits: 2 * part });
    expect(of(fixed, 'host-c')).toMatchObject({ bits: part });
    const onRouter = { ...second, path: { ...path, hops: [last!], nodes: ['r1', 'host-b'] } };
    expect(of({ ...both, moreSenders: [onRouter] }, 'r1')).toMatchObject({ ownSources: [1], isSender: true });
  });

  it('make another assignment when one of them, its place or the style is another', () => {
    const revision = (more: Partial<Reservation>) => assignmentFor({ ...both, ...more }, 'r1')!.revision;
    const onRouter = { ...second, path: { ...path, hops: [last!], nodes: ['r1', 'host-b'] } };
    const revisions = [
      revision({}),
      revision({ style: 'wildcardFilter' }),
      revision({ moreSenders: [] }),
      revision({ moreSenders: [], style: 'fixedFilter' }),
      revision({ moreSenders: [{ ...second, source: { ...second.source, port: 8 } }] }),
      revision({ moreSenders: [onRouter] }),
      revision({ moreSenders: [second, { ...second, source: { ...second.source, port: 8 } }] }),
    ];
    expect(new Set(revisions).size).toBe(revisions.length);
  });

  it('keep their terms until a change has settled, and have the new ones then', () => {
    const asked = changed(
      both,
      both,
      {
        ...{ qos: { ...both.qos, tokenRateBitsPerSecond: BitsPerSecond(50_000_000) }, rate: path.rate },
        ...{ bookedBitsPerSecond: [BitsPerSecond(9), BitsPerSecond(60_000_000)], delayBoundMicros: null },
        moreSenders: [
          { bookedBitsPerSecond: [BitsPerSecond(70_000_000), BitsPerSecond(60_000_000)], delayBoundMicros: null },
        ],
      },
      false,
      NOW,
    );
    const holds = (r: Reservation) =>
      Object.fromEntries(bookingOf(r).path.hops.map((h) => [h.link, h.bookedBitsPerSecond]));
    expect(holds(asked)).toEqual({ 'host-a:eth1': 27_734_375, 'r1:eth1': 60_000_000, 'host-c:eth1': 70_000_000 });
    expect(assignmentFor(asked, 'host-c')?.bookedBitsPerSecond).toBe(70_000_000);
    const settled = step(asked, { type: 'changeApplied', since: asked.change!.since }, NOW, true)!;
    expect(holds(settled)).toEqual({ 'host-a:eth1': 9, 'r1:eth1': 60_000_000, 'host-c:eth1': 70_000_000 });
    expect(settled.moreSenders[0]!.path.delayBoundMicros).toBeNull();
  });
});
