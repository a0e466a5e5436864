import { describe, expect, it } from 'vitest';
import { Millis, MonotonicMs } from '../../../../src/core/base/units.ts';
import { assignmentFor } from '../../../../src/core/reservation/assignment.ts';
import { newTrack, type Hop, type Track } from '../../../../src/server/control/agents/hop-track.ts';
import { silenceFailure, silentHop } from '../../../../src/server/control/agents/silent-hop.ts';
import { labReservation, PATH } from './channel-fixture.ts';

const reservation = { ...labReservation(1), state: 'establishing' as const };

/** What each node of the path has told of, and when, from the sender's host on. */
function track(...hops: readonly (readonly [Hop['state'], number])[]): Track {
  const made = newTrack(Millis(0));
  for (const [i, [state, since]] of hops.entries()) {
    const node = PATH[i]!;
    const { revision } = assignmentFor(reservation, node)!;
    const hop = { state, revision, since: MonotonicMs(since), detail: null, sighting: null, nonRsvpHop: null };
    made.hops.set(node, new Map([[0, hop]]));
  }
  return made;
}

const silent = (of: Track, but: string | null = null, since = 0) =>
  silentHop(
    reservation,
    of,
    (path) => path,
    (node) => (node === but ? null : MonotonicMs(since)),
  );

describe('silentHop', () => {
  it('is the first that PATH has not reached', () => {
    const before = track(['path', 5], ['path', 6], ['path', 7]);
    expect(silent(before)).toMatchObject({ node: 'host-b', from: 'r2', message: 'PATH', since: 7 });
    expect(silent(track(['path', 5]))).toMatchObject({ node: 'r1', from: 'host-a', since: 5 });
    expect(silenceFailure(reservation, silent(before)!)).toMatchObject({
      errorNode: 'host-b',
      detail: expect.stringMatching(/^host-b hears no PATH from r2, .*IP protocol 46.*"nft insert rule/) as string,
    });
  });

  it('is the last that RESV has not reached, once PATH has reached all', () => {
    const before = track(['path', 5], ['path', 6], ['path', 7], ['installed', 8]);
    expect(silent(before)).toMatchObject({ node: 'r2', from: 'host-b', message: 'RESV', since: 8 });
    const further = track(['path', 5], ['path', 6], ['installed', 9], ['installed', 8]);
    expect(silent(further)).toMatchObject({ node: 'r1', from: 'r2', message: 'RESV', since: 9 });
  });

  it('is none where the sender has not begun, where all have heard, and where its agent is not there', () => {
    expect(silent(track())).toBeNull();
    expect(silent(track(...PATH.map(() => ['installed', 1] as const)))).toBeNull();
    expect(silent(track(['path', 5]), 'r1')).toBeNull();
  });

  it('is given the whole time from when its agent came', () => {
    expect(silent(track(['path', 5]), null, 70)).toMatchObject({ node: 'r1', since: 70 });
  });
});
