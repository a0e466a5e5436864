import { EpochMs } from '../../../base/units.ts';
import type { EngineState } from '../state.ts';

/** The wall clock as it was told last, and gone on since by the monotonic one; null before. Only keys go by it. */
export function wallClock(state: EngineState): EpochMs | null {
  const { wallOffset } = state.neighbours;
  return wallOffset === null ? null : EpochMs(state.now + wallOffset);
}

export function clockSet(state: EngineState, wall: EpochMs): void {
  state.neighbours.wallOffset = wall - state.now;
}
