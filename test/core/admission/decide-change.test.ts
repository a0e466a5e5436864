import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide } from '../../../src/core/admission/decide.ts';
import { decideChange, type Held } from '../../../src/core/admission/decide-change.ts';
import type { Decision } from '../../../src/core/admission/decision.ts';
import type { World } from '../../../src/core/admission/world.ts';
import { Bytes, EpochMs, Micros } from '../../../src/core/base/units.ts';
import { buildGraph } from '../../../src/core/network/graph.ts';
import { booking, LAB, network, NOW, qos, request, world } from './fixtures.ts';

let ids = 0;
function book(w: World, rate: number, more: Parameters<typeof request>[1] = {}): Held {
  const asked = request(rate, more);
  const decision = decide(asked, w);
  if (!decision.admitted) throw new Error(JSON.stringify(decision));
  const held = { id: `b${ids++}`, ...asked, path: decision.path, moreSenders: [] };
  w.ledger.add(booking(held.id, asked, held.path));
  return held;
}

const refused = (decision: Decision) => {
  if (decision.admitted) throw new Error('admitted');
  return decision;
};
const reasonsOf = (decision: Decision) => refused(decision).reasons.map(({ reason }) => reason);
/** r1–r2 carries 75 Mbit/s of reservations; frames are 14 bytes larger than packets of 1200. */
const FRAMES = 1214 / 1200;

describe('a change of qos', () => {
  it('is decided on the room that the others leave, to the last byte a second', () => {
    const w = world(network(LAB));
    const mine = book(w, 20e6);
    book(w, 40e6);
    const most = Math.floor(75e6 / FRAMES - 40e6) - 8;
    const granted = decideChange(mine, qos(most), w);
    expect(granted).toMatchObject({ admitted: true, touched: mine.path.hops.map((hop) => hop.link) });
    const reason = refused(decideChange(mine, qos(36e6), w)).reasons[0];
    expect(reason).toMatchObject({
      reason: 'BANDWIDTH_UNAVAILABLE',
      link: 'r1:r1-r2-1',
      availableBitsPerSecond: 75e6 - Math.ceil(40e6 * FRAMES),
      conflicting: [`b${ids - 1}`],
    });
  });

  it('offers the largest rate that would fit, and never less than is held already', () => {
    const w = world(network(LAB));
    const mine = book(w, 20e6);
    const [offer] = refused(decideChange(mine, qos(100e6), w)).alternatives;
    if (offer?.kind !== 'rate') throw new Error('no rate is offered');
    expect(decideChange(mine, qos(offer.tokenRateBitsPerSecond), w).admitted).toBe(true);
    expect(decideChange(mine, qos(offer.tokenRateBitsPerSecond + 1), w).admitted).toBe(false);
    const shrunk = { ...w, graph: buildGraph(network(LAB.map((c, i) => (i === 1 ? { ...c, capacity: 15e6 } : c)))) };
    expect(refused(decideChange(mine, qos(25e6), shrunk)).alternatives).toEqual([]);
  });

  it('to what is no more than before stands on a link that was shrunk or is drained', () => {
    const topology = network(LAB);
    const w = world(topology);
    const mine = book(w, 20e6, { qos: { maxPacketBytes: Bytes(1400) } });
    const drained = network(
      LAB.map((c, i) => (i === 1 ? { ...c, link: { adminState: 'down', mtuBytes: Bytes(1300) } } : c)),
    );
    const later = { ...w, graph: buildGraph(drained) };
    expect(decideChange(mine, qos(10e6, { maxPacketBytes: Bytes(1400) }), later).admitted).toBe(true);
    expect(
      decideChange(mine, qos(20e6, { maxPacketBytes: Bytes(1400), tokenBucketBytes: Bytes(9000) }), later).admitted,
    ).toBe(true);
    expect(reasonsOf(decideChange(mine, qos(20_000_001, { maxPacketBytes: Bytes(1500) }), later))).toEqual([
      'MTU_TOO_SMALL',
      'BANDWIDTH_UNAVAILABLE',
    ]);
  });

  it('looks at what is left of the window only, and keeps to the path that it has', () => {
    const w = world(network(LAB));
    const mine = book(w, 20e6, { window: { start: NOW, end: EpochMs(NOW + 1000) } });
    book(w, 50e6, { window: { start: NOW, end: EpochMs(NOW + 500) } });
    expect(reasonsOf(decideChange(mine, qos(60e6), w))).toEqual(['BANDWIDTH_UNAVAILABLE']);
    expect(decideChange(mine, qos(60e6), { ...w, now: EpochMs(NOW + 500) }).admitted).toBe(true);
    // r1–r3–r2 would have room.
    expect(refused(decideChange(mine, qos(60e6), w)).alternatives.map(({ kind }) => kind)).toEqual(['rate']);
  });

  it('needs the agents of the path now, and a delay bound that the path can keep', () => {
    const w = world(network(LAB));
    const mine = book(w, 20e6);
    const silent = { ...w, unreachable: new Map([['r2', NOW]]) };
    expect(refused(decideChange(mine, qos(10e6), silent))).toMatchObject({
      code: 'AGENT_UNREACHABLE',
      alternatives: [],
    });
    const bound = (micros: number) =>
      decideChange(mine, qos(10e6, { serviceType: 'guaranteed', maxDelayMicros: Micros(micros) }), w);
    expect(reasonsOf(bound(100))).toEqual(['DELAY_BOUND_UNREACHABLE']);
    const granted = bound(20_000);
    expect(granted.admitted && granted.path.delayBoundMicros).toBeLessThanOrEqual(20_000);
  });

  it('on a link that the topology has lost is refused, not decided without it', () => {
    const w = world(network(LAB));
    const mine = book(w, 20e6);
    const cut = { ...w, graph: buildGraph(network(LAB.filter((_, i) => i !== 1))) };
    expect(refused(decideChange(mine, qos(10e6), cut))).toMatchObject({ code: 'NO_PATH' });
  });

  it('leaves the books as they were, whatever the answer', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 8, max: 30_000_000 }), { minLength: 1, maxLength: 5 }),
        fc.nat(4),
        fc.integer({ min: 8, max: 90_000_000 }),
        (rates, pick, rate) => {
          const w = world(network(LAB));
          const held = rates.flatMap((each) => (decide(request(each), w).admitted ? [book(w, each)] : []));
          const levels = () => [...w.graph.links].map(({ id }) => w.ledger.bookedAt(id, NOW));
          const before = levels();
          const mine = held[pick % held.length]!;
          const decision = decideChange(mine, qos(rate), w);
          expect(levels()).toEqual(before);
          const others = held.reduce(
            (sum, each) => sum + (each === mine ? 0 : each.path.hops[1]!.bookedBitsPerSecond),
            0,
          );
          const needs = Math.ceil(Math.fround(rate / 8) * 8 * FRAMES);
          // A float32 is a little more than what was asked: within that it may go either way.
          if (Math.abs(75e6 - others - needs) > 16) expect(decision.admitted).toBe(others + needs <= 75e6);
          if (decision.admitted) expect(decision.path.nodes).toEqual(mine.path.nodes);
        },
      ),
    );
  });
});
