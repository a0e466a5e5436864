import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide } from '../../../src/core/admission/decide.ts';
import { decideChange } from '../../../src/core/admission/decide-change.ts';
import { BitsPerSecond, BytesPerSecond, EpochMs } from '../../../src/core/base/units.ts';
import { assignmentFor } from '../../../src/core/reservation/assignment.ts';
import { bookedHops, bookingOf, changed, termsOf, underTerms } from '../../../src/core/reservation/change.ts';
import type { LifeCycleEvent } from '../../../src/core/reservation/life-cycle-events.ts';
import { occupiesBooks, step } from '../../../src/core/reservation/life-cycle.ts';
import type { Reservation } from '../../../src/core/reservation/reservation.ts';
import { LAB, network, NOW, qos, request, world } from '../admission/fixtures.ts';
import type { Terms } from '../../../src/core/reservation/terms.ts';
import { reservation } from './fixtures.ts';

const old = reservation({ state: 'active', name: 'n', labels: { a: '1' } });
const terms = (factor: number): Terms => ({
  qos: { ...old.qos, tokenRateBitsPerSecond: BitsPerSecond(old.qos.tokenRateBitsPerSecond * factor) },
  bookedBitsPerSecond: old.path.hops.map((hop) => BitsPerSecond(hop.bookedBitsPerSecond * factor)),
  rate: BytesPerSecond(old.path.rate * factor),
  delayBoundMicros: old.path.delayBoundMicros,
  moreSenders: [],
});
const asked = (factor: number, from = old) => changed(from, from, terms(factor), false, EpochMs(3000));
const REASON = { reason: 'REFUSED', errorCode: 1, errorValue: 2, errorNode: 'r1', detail: 'no class left' } as const;
const booked = (r: Reservation) => bookedHops(r).map((hop) => hop.bookedBitsPerSecond as number);
const after = (r: Reservation, event: LifeCycleEvent, managed = true) => {
  const next = step(r, event, EpochMs(4000), managed);
  if (next === null) throw new Error(`${event.type} changes nothing`);
  return next;
};

describe('a change under way', () => {
  it.each([
    ['up', 2],
    ['down', 0.5],
  ])('%s: agents hear the new terms, the books hold the larger, the promise is the old one', (_, factor) => {
    const applying = asked(factor);
    expect(applying).toMatchObject({ qos: old.qos, path: old.path, state: 'active', revision: old.revision + 1 });
    expect(applying.change).toMatchObject({
      state: 'applying',
      since: applying.revision,
      requestedAt: 3000,
      reasons: [],
    });
    expect(booked(applying)).toEqual(old.path.hops.map((hop) => hop.bookedBitsPerSecond * Math.max(1, factor)));
    const assignment = assignmentFor(applying, 'r1')!;
    expect(assignment.bookedBitsPerSecond).toBe(old.path.hops[1]!.bookedBitsPerSecond * factor);
    expect(assignment.tspec.tokenRate).toBe((old.qos.tokenRateBitsPerSecond * factor) / 8);
    expect(assignment.revision).not.toBe(assignmentFor(old, 'r1')!.revision);

    const settled = after(applying, { type: 'changeApplied', since: applying.revision });
    expect(settled).toMatchObject({ ...underTerms(old, terms(factor)), change: null, state: 'active' });
    expect(booked(settled)).toEqual(terms(factor).bookedBitsPerSecond);
    expect(assignmentFor(settled, 'r1')).toEqual(assignment);
  });

  it('refused: the old terms go out again, both count until they are back, and why is kept', () => {
    const applying = asked(2);
    const since = applying.revision;
    const reverting = after(applying, { type: 'changeRefused', since, reason: REASON });
    expect(reverting.change).toMatchObject({ state: 'reverting', reasons: [REASON] });
    expect(booked(reverting)).toEqual(booked(applying));
    const revision = expect.any(Number) as number;
    expect(assignmentFor(reverting, 'r1')).toEqual({ ...assignmentFor(old, 'r1')!, revision });
    // What an agent said of the old terms before says nothing of how they are installed again.
    const revisions = [old, applying, reverting].map((each) => assignmentFor(each, 'r1')!.revision);
    expect(new Set(revisions).size).toBe(3);
    const failed = after(reverting, { type: 'changeReverted', since });
    expect(failed.change).toMatchObject({ state: 'failed', reasons: [REASON], terms: terms(2) });
    expect(booked(failed)).toEqual(booked(old));
    const untouched = { change: null, revision: 0, updatedAt: 0, termsRevision: 0 };
    expect({ ...failed, ...untouched }).toEqual({ ...old, ...untouched });
    expect(assignmentFor(failed, 'r1')).toEqual(assignmentFor(reverting, 'r1'));
    expect(asked(3, failed).change).toMatchObject({ state: 'applying', reasons: [] });
  });

  it('where nobody has to be waited for is in force at once', () => {
    expect(changed(old, old, terms(2), true, NOW)).toMatchObject({ ...underTerms(old, terms(2)), change: null });
    const since = asked(2).revision;
    expect(after(asked(2), { type: 'changeRefused', since, reason: REASON }, false).change?.state).toBe('failed');
  });

  it('is not moved by news of another change, nor by news in the wrong order', () => {
    const applying = asked(2);
    const since = applying.revision;
    for (const event of [
      { type: 'changeApplied', since: since - 1 },
      { type: 'changeRefused', since: since + 1, reason: REASON },
      { type: 'changeReverted', since },
    ] as const) {
      expect(step(applying, event, NOW, true)).toBeNull();
    }
    const reverting = after(applying, { type: 'changeRefused', since, reason: REASON });
    expect(step(reverting, { type: 'changeApplied', since }, NOW, true)).toBeNull();
  });

  it('counts with the larger while it is released, and is gone with the reservation', () => {
    const releasing = after(asked(2), { type: 'releaseRequested', inOrder: false });
    expect(booked(releasing)).toEqual(booked(asked(2)));
    expect(step(releasing, { type: 'changeApplied', since: asked(2).revision }, NOW, true)).toBeNull();
    expect(after(releasing, { type: 'removed' }).change).toBeNull();
  });

  it('changes name and labels alone without a word to the agents', () => {
    const renamed = changed(asked(2), { name: 'm', labels: {} }, null, false, NOW);
    expect(renamed).toMatchObject({ name: 'm', labels: {}, change: asked(2).change });
    expect(assignmentFor(renamed, 'r1')).toEqual(assignmentFor(asked(2), 'r1'));
  });
});

/** What one node holds of each reservation, and what it has been told and not carried out yet. */
class ModelNode {
  readonly held = new Map<string, number>();
  readonly inbox: { readonly id: string; readonly rate: number }[] = [];
}

const anyStep = fc.record({
  do: fc.constantFrom(
    ...['book', 'change', 'refuse'],
    ...Array<string>(6).fill('deliver'),
    ...Array<string>(3).fill('settle'),
  ),
  pick: fc.nat(),
  rate: fc.integer({ min: 1000, max: 60_000_000 }),
});

describe('changes of many reservations, agents that carry them out when they like', () => {
  it('never exceed what is reservable, in the books or in any kernel, and leave what was refused untouched', () => {
    const seen = { settled: 0, reverted: 0, refusals: 0 };
    fc.assert(
      fc.property(fc.array(anyStep, { minLength: 100, maxLength: 200 }), (steps) => {
        const topology = network(LAB);
        const w = world(topology);
        const live = new Map<string, Reservation>();
        const nodes = new Map(topology.nodes.map((node) => [node.name, new ModelNode()]));
        const before = new Map<string, Reservation>();
        const put = (next: Reservation): void => {
          w.ledger.remove(next.id);
          if (occupiesBooks(next)) w.ledger.add(bookingOf(next));
          const was = live.get(next.id);
          live.set(next.id, next);
          for (const node of next.path.nodes) {
            const told = assignmentFor(next, node)!;
            if (was && assignmentFor(was, node)!.revision === told.revision) continue;
            nodes.get(node)!.inbox.push({ id: next.id, rate: told.bookedBitsPerSecond });
          }
        };
        /** Every node holds what it was told last. */
        const reported = (r: Reservation): boolean =>
          r.path.nodes.every((name) => {
            const node = nodes.get(name)!;
            return node.held.has(r.id) && !node.inbox.some(({ id }) => id === r.id);
          });
        const check = (): void => {
          for (const link of topology.links) {
            const reservable = Math.floor((link.capacityBitsPerSecond ?? 0) * link.reservableShare);
            const inBooks = w.ledger.bookedAt(link.id, NOW);
            expect(inBooks).toBeLessThanOrEqual(reservable);
            const node = nodes.get(link.from.node)!;
            let inKernel = 0;
            for (const r of live.values()) {
              if (r.path.hops.some((hop) => hop.link === link.id)) inKernel += node.held.get(r.id) ?? 0;
            }
            expect(inKernel).toBeLessThanOrEqual(inBooks);
          }
        };
        steps.forEach((each, n) => {
          const r = [...live.values()][each.pick % Math.max(1, live.size)];
          if (each.do === 'book') {
            const decision = decide(request(each.rate), w);
            if (!decision.admitted) return;
            put(reservation({ id: `r${n}`, ...request(each.rate), path: decision.path, state: 'active' }));
          } else if (each.do === 'deliver') {
            const node = [...nodes.values()][each.pick % nodes.size]!;
            // One by one, or all that has come.
            for (const told of node.inbox.splice(0, each.rate % 2 === 0 ? 1 : node.inbox.length)) {
              node.held.set(told.id, told.rate);
              check();
            }
          } else if (r === undefined) return;
          else if (each.do === 'change') {
            if (r.change !== null && r.change.state !== 'failed') return;
            const asks = qos(each.rate);
            const decision = decideChange(r, asks, w);
            if (!decision.admitted) {
              seen.refusals++;
              return;
            }
            before.set(r.id, r);
            put(changed(r, r, termsOf(asks, decision.path, []), false, NOW));
          } else if (r.change !== null && each.do === 'refuse') {
            const next = step(r, { type: 'changeRefused', since: r.change.since, reason: REASON }, NOW, true);
            if (next) put(next);
          } else if (r.change !== null && reported(r)) {
            const { since, state } = r.change;
            const next = step(r, { type: state === 'applying' ? 'changeApplied' : 'changeReverted', since }, NOW, true);
            if (next === null) return;
            put(next);
            if (state === 'applying') seen.settled++;
            else {
              seen.reverted++;
              const { qos: promised, path } = before.get(r.id)!;
              expect(next).toMatchObject({ qos: promised, path });
            }
          }
          check();
        });
      }),
      { numRuns: 100 },
    );
    // The runs above must not be so easy that a rule was never put to the test.
    for (const count of [seen.settled, seen.reverted, seen.refusals]) expect(count).toBeGreaterThan(20);
  });
});
