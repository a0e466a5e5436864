import { describe, expect, it } from 'vitest';
import { Millis, MonotonicMs } from '../../../../src/core/base/units.ts';
import { buildGraph } from '../../../../src/core/network/graph.ts';
import { assignmentFor } from '../../../../src/core/reservation/assignment.ts';
import type { Reservation } from '../../../../src/core/reservation/reservation.ts';
import { laterRefusal, newTrack, type Track } from '../../../../src/server/control/agents/hop-track.ts';
import { judgeRefusal, OWN_WORD_MS, STANDING_REFUSAL_MS } from '../../../../src/server/control/agents/refusals.ts';
import { labReservation, topology } from './channel-fixture.ts';

const graph = buildGraph(topology());
const SINCE = MonotonicMs(1_000);
const reservation = (state: Reservation['state']): Reservation => ({ ...labReservation(1), state });

function refusedBy(errorNode: string, of: Reservation): Track {
  const told = { errorCode: 1, errorValue: 2, errorNode, detail: `${errorNode} refused the reservation` };
  const { revision } = assignmentFor(of, 'host-b')!;
  return { ...newTrack(Millis(0)), failure: { told, node: 'host-b', revision, since: SINCE } };
}

const judged = (state: Reservation['state'], errorNode: string, afterMs = 0, more: Partial<Reservation> = {}) => {
  const one = { ...reservation(state), ...more };
  return judgeRefusal(one, refusedBy(errorNode, one), graph, MonotonicMs(SINCE + afterMs), () => false)?.type ?? null;
};

describe('judgeRefusal', () => {
  it('ends at once what was never in force, unless the node is off its path', () => {
    expect(judged('establishing', 'r2')).toBe('ends');
    expect(judged('establishing', 'r3')).toBeNull();
  });

  it("waits for the refusing node's own word, where that node can speak", () => {
    const one = reservation('establishing');
    const heard = (track: Track, afterMs: number) =>
      judgeRefusal(one, track, graph, MonotonicMs(SINCE + afterMs), (node) => node === 'r2');
    const hearsay = refusedBy('r2', one);
    expect(heard(hearsay, 0)).toEqual({ type: 'waits', endsAt: SINCE + OWN_WORD_MS });
    expect(heard(hearsay, OWN_WORD_MS)?.type).toBe('ends');
    expect(heard(refusedBy('r1', one), 0)?.type).toBe('ends');

    const own = {
      ...hearsay.failure!,
      node: 'r2',
      revision: assignmentFor(one, 'r2')!.revision,
      told: { ...hearsay.failure!.told, detail: 'no class is left' },
    };
    const both = { ...hearsay, failure: laterRefusal(one, hearsay.failure, own) };
    expect(heard(both, 0)).toMatchObject({ type: 'ends', failure: { detail: 'no class is left' } });
    // What others say later does not take its place, and of new terms it says nothing.
    expect(laterRefusal(one, own, hearsay.failure!)).toBe(own);
    const ofOldTerms = { ...own, revision: own.revision + 1 };
    expect(laterRefusal(one, ofOldTerms, hearsay.failure!)).toBe(hearsay.failure);
  });

  it('ends what was in force only where a node on its path stands by it', () => {
    expect(judged('active', 'r2')).toBe('degrades');
    expect(judged('degraded', 'r2', STANDING_REFUSAL_MS - 1)).toBe('degrades');
    expect(judged('degraded', 'r2', STANDING_REFUSAL_MS)).toBe('ends');
    expect(judged('degraded', 'r3', 10 * STANDING_REFUSAL_MS)).toBe('degrades');
    expect(judged('degraded', '192.0.2.1', 10 * STANDING_REFUSAL_MS)).toBe('degrades');
  });

  it('ends nothing while PATH takes another way than the admitted one', () => {
    const actualHops = [{ node: 'r1', interface: 'eth2', link: 'r1:eth2' }] as unknown as Reservation['actualHops'];
    expect(judged('degraded', 'r2', 10 * STANDING_REFUSAL_MS, { actualHops })).toBe('degrades');
  });

  it('is silent about terms that are no longer the ones', () => {
    const one = reservation('establishing');
    const track = refusedBy('r2', one);
    track.failure = { ...track.failure!, revision: 1 };
    expect(judgeRefusal(one, track, graph, SINCE, () => true)).toBeNull();
  });
});
