import { Millis } from '../../../base/units.ts';
import type { EngineState } from '../state.ts';
import type { EngineSnapshot } from '../types.ts';
import { wallClock } from './clock.ts';
import { signingKey } from './keys.ts';
import type { Neighbour } from './neighbour.ts';

type NeighbourRow = EngineSnapshot['neighbours'][number];

/** What is known of each neighbour as plain data, for people and tests. */
export const neighbourRows = (state: EngineState, now: number): NeighbourRow[] =>
  [...state.neighbours.byKey.values()].map((neighbour) => row(state, neighbour, now));

function row(state: EngineState, neighbour: Neighbour, now: number): NeighbourRow {
  const { hello, policy } = neighbour;
  const wall = wallClock(state);
  const key = policy?.integrity && wall !== null ? signingKey(policy.integrity.keys, wall) : null;
  return {
    interface: neighbour.interface,
    address: neighbour.address,
    refreshReduction: neighbour.capable,
    epoch: neighbour.epoch,
    flows: neighbour.flows,
    unacknowledged: neighbour.unacknowledged.size,
    summarised: neighbour.summary.size,
    remembered: neighbour.standing.size + neighbour.arrived.size,
    lastHeardMs: neighbour.lastHeard === null ? null : Millis(Math.max(0, now - neighbour.lastHeard)),
    hello: hello === null ? null : { state: hello.state, instance: hello.theirInstance },
    integrity:
      policy?.integrity == null
        ? null
        : { keyId: key?.key.keyId ?? null, expired: key?.expired ?? false, awaited: [...neighbour.challenges.keys()] },
    received: neighbour.received,
    dropped: Object.fromEntries(neighbour.dropped),
  };
}
