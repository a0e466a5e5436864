import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Bytes, EpochMs, Micros } from '../../../src/core/base/units.ts';
import { decide } from '../../../src/core/admission/decide.ts';
import type { BookedHop } from '../../../src/core/admission/decision.ts';
import { lowestCostWay, SlotBooks } from './slot-books.ts';
import { type Cable, network, NOW, request, world } from './fixtures.ts';

const SLOTS = 8;
/** Cables between 2 to 6 nodes; any of them may be missing, so networks fall apart too. */
const anyNetwork = fc.integer({ min: 2, max: 6 }).chain((nodes) =>
  fc.array(
    fc
      .record({
        a: fc.nat(nodes - 1),
        b: fc.nat(nodes - 1),
        cost: fc.integer({ min: 1, max: 5 }),
        capacity: fc.option(fc.integer({ min: 1, max: 40 }), { freq: 12 }),
        adminState: fc.constantFrom('up', 'up', 'up', 'up', 'draining', 'down'),
        mtu: fc.constantFrom(1500, 1500, 1500, 1200),
      })
      .filter(({ a, b }) => a !== b)
      .map(({ a, b, cost, capacity, adminState, mtu }): Cable => ({
        ends: [`n${a}`, `n${b}`],
        cost,
        capacity: capacity === null ? null : capacity * 1e6,
        link: { adminState: adminState, mtuBytes: Bytes(mtu) },
      })),
    { minLength: 1, maxLength: 9 },
  ),
);

const anyStep = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('book' as const),
      from: fc.nat(),
      to: fc.nat(),
      kilobits: fc.integer({ min: 1, max: 20_000 }),
      start: fc.nat(SLOTS - 1),
      length: fc.option(fc.integer({ min: 1, max: SLOTS })),
      packet: fc.constantFrom(1000, 1500),
      policed: fc.constantFrom(100, 1000),
      delay: fc.option(fc.integer({ min: 2000, max: 80_000 }), { freq: 2 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('release' as const), pick: fc.nat() }) },
);

describe('admission, against books kept slot by slot', () => {
  it('never overbooks, refuses only what does not fit, and offers only what does', () => {
    let grants = 0;
    let refusals = 0;
    let rates = 0;
    let paths = 0;
    fc.assert(
      fc.property(anyNetwork, fc.array(anyStep, { minLength: 5, maxLength: 25 }), (cables, steps) => {
        const topology = network(cables);
        const w = world(topology);
        const books = new SlotBooks(topology, SLOTS);
        const addresses = topology.nodes.flatMap((n) => n.interfaces.flatMap((i) => i.addresses.map((a) => a.address)));
        steps.forEach((step, n) => {
          if (step.do === 'release') {
            const id = books.ids()[step.pick % Math.max(1, books.ids().length)];
            if (id !== undefined) expect(w.ledger.remove(id)).toBe(true);
            if (id !== undefined) books.remove(id);
            return;
          }
          const end = step.length === null ? null : Math.min(SLOTS, step.start + step.length);
          const asked = request(step.kilobits * 1000, {
            source: addresses[step.from % addresses.length]!,
            destination: addresses[step.to % addresses.length]!,
            window: { start: EpochMs(NOW + step.start), end: end === null ? null : EpochMs(NOW + end) },
            qos: {
              maxPacketBytes: Bytes(step.packet),
              minPolicedUnitBytes: Bytes(step.policed),
              ...(step.delay === null ? {} : { serviceType: 'guaranteed', maxDelayMicros: Micros(step.delay) }),
            },
          });
          const decision = decide(asked, w);
          const fits = (hops: readonly BookedHop[]): boolean =>
            hops.every((hop) => hop.bookedBitsPerSecond <= books.free(hop.link, step.start, end));
          if (decision.admitted) {
            grants++;
            expect(fits(decision.path.hops)).toBe(true);
            expect(decision.path.hops.map((hop) => hop.link)).toEqual(lowestCostWay(topology, asked.flow));
            const { delayBoundMicros } = decision.path;
            if (step.delay !== null) expect(delayBoundMicros).toBeLessThanOrEqual(step.delay);
            const booking = { id: `b${n}`, ...asked, path: decision.path };
            w.ledger.add(booking);
            books.add(booking.id, decision.path.hops, step.start, end);
            books.checkNeverOverbooked();
            return;
          }
          if (decision.code === 'UNKNOWN_ENDPOINT') throw new Error('all addresses are known');
          refusals++;
          expect(decision.reasons.length).toBeGreaterThan(0);
          if (decision.code === 'NO_PATH') expect(lowestCostWay(topology, asked.flow)).toBeNull();
          for (const reason of decision.reasons) {
            if (reason.reason !== 'BANDWIDTH_UNAVAILABLE') continue;
            expect(reason.availableBitsPerSecond).toBe(books.free(reason.link, step.start, end));
            expect(reason.requestedBitsPerSecond).toBeGreaterThan(reason.availableBitsPerSecond);
            const interval = [reason.interval.start - NOW, reason.interval.end] as const;
            expect(reason.conflicting).toEqual(
              books.reservable(reason.link) === 0
                ? []
                : books.holders(reason.link, interval[0], interval[1] === null ? null : interval[1] - NOW),
            );
          }
          for (const alternative of decision.alternatives) {
            if (alternative.kind === 'path') {
              paths++;
              expect(fits(alternative.hops)).toBe(true);
              expect(alternative.hops.map((hop) => hop.link)).not.toEqual(lowestCostWay(topology, asked.flow));
              if (step.delay !== null) expect(alternative.delayBoundMicros).toBeLessThanOrEqual(step.delay);
            } else {
              rates++;
              const rate = alternative.tokenRateBitsPerSecond;
              const again = (bits: number) =>
                decide({ ...asked, qos: { ...asked.qos, tokenRateBitsPerSecond: bits as typeof rate } }, w);
              expect(rate).toBeLessThan(asked.qos.tokenRateBitsPerSecond);
              expect(again(rate).admitted).toBe(true);
              expect(again(rate + 1).admitted).toBe(false);
            }
          }
        });
      }),
      { numRuns: 300 },
    );
    // The networks above must not be so easy, or so broken, that a property was never put to the test.
    for (const seen of [grants, refusals, rates, paths]) expect(seen).toBeGreaterThan(20);
  });
});
