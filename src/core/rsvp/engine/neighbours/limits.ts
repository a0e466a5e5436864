import type { IpAddress } from '../../../base/ip.ts';
import type { Psb } from '../blocks.ts';
import type { EngineState } from '../state.ts';
import { ANSWERS, ERRORS, type Neighbour } from './neighbour.ts';
import { findNeighbour, meetNeighbour } from './table.ts';
import { takeToken } from '../../../base/token-bucket.ts';

/** From here on the engine is crowded, and who has much gets no more: others are not starved. */
const CROWDED = 0.9;
/** The share of all state that a neighbour may have of a crowded engine. */
const SHARE_WHEN_CROWDED = 1 / 16;
/** Whether a neighbour may make one more path state. */
export function hasRoomFor(state: EngineState, name: string, address: IpAddress): boolean {
  const { neighbours, maxFlows } = state.settings;
  if (neighbours === undefined) return true;
  const flows = findNeighbour(state, name, address)?.flows ?? 0;
  const crowded = state.psbs.size >= CROWDED * maxFlows && flows >= SHARE_WHEN_CROWDED * maxFlows;
  return !crowded && flows < neighbours.maxFlowsEach;
}

/** Path state that came from a neighbour appeared (1) or went (−1). */
export function countFlow(
  state: EngineState,
  hop: { readonly interface: string; readonly address: IpAddress } | null,
  change: 1 | -1,
): void {
  if (hop === null) return;
  if (change === 1) {
    const neighbour = meetNeighbour(state, hop.interface, hop.address);
    if (neighbour !== null) neighbour.flows++;
    return;
  }
  const neighbour = findNeighbour(state, hop.interface, hop.address);
  if (neighbour !== undefined) neighbour.flows = Math.max(0, neighbour.flows - 1);
}

/** Whether one more answer to nonsense may go to the neighbour. */
export const mayAnswer = (state: EngineState, neighbour: Neighbour): boolean =>
  takeToken(neighbour.answers, ANSWERS, state.now);

/** Whether one more error may go to the neighbour. */
export const mayReport = (state: EngineState, neighbour: Neighbour): boolean =>
  takeToken(neighbour.errors, ERRORS, state.now);

/**
 * Errors about one path state that are passed on in a refresh period. Path state that made-up messages bent into a circle
 * would pass one round for ever: no field of an error counts hops.
 */
const ERRORS_A_PERIOD = 16;

export function mayPassError(state: EngineState, psb: Psb): boolean {
  const perSecond = (ERRORS_A_PERIOD * 1_000) / state.settings.refreshPeriod;
  psb.passing ??= { tokens: ERRORS_A_PERIOD, at: state.now };
  return takeToken(psb.passing, { burst: ERRORS_A_PERIOD, perSecond }, state.now);
}
