import type { EngineState } from '../state.ts';
import { forgetAllArrived } from './arrived.ts';
import { challengeAll } from './challenge.ts';
import { stopHello, trackByHello } from './hello.ts';
import type { Neighbour } from './neighbour.ts';
import { forgetAllSent } from './sent.ts';
import { dropNeighbour, meetNeighbour } from './table.ts';

/** The interfaces are others than before: neighbours behind those that are gone go, and those agreed upon are met. */
export function followInterfaces(state: EngineState): void {
  for (const neighbour of [...state.neighbours.byKey.values()]) {
    if (!state.interfaces.has(neighbour.interface)) leave(state, neighbour);
  }
  for (const { interface: name, address } of state.settings.neighbours?.policies ?? []) {
    if (address === null || !state.interfaces.has(name)) continue;
    const neighbour = meetNeighbour(state, name, address);
    if (neighbour !== null) trackByHello(state, neighbour);
  }
  challengeAll(state);
}

/** Nothing is repeated, summarised, acknowledged or asked any more. Sequence numbers that came are kept against replays. */
function leave(state: EngineState, neighbour: Neighbour): void {
  forgetAllSent(state, neighbour);
  forgetAllArrived(neighbour, null);
  stopHello(state, neighbour);
  neighbour.acks.length = 0;
  if (neighbour.ackTimer !== null) state.timers.cancel(neighbour.ackTimer);
  for (const { timer } of neighbour.challenges.values()) state.timers.cancel(timer);
  neighbour.challenges.clear();
  if (neighbour.flows === 0 && neighbour.seen.size === 0) dropNeighbour(state, neighbour);
}
