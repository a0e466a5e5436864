import type { Session } from './blocks.ts';
import type { EngineState } from './state.ts';
import { sessionKeyText, type FlowKey, type SessionKey } from './types.ts';

const destinationText = ({ protocol, destination }: SessionKey): string => `${protocol} ${destination}`;

/** A session has its first path state, or none any more. */
export function countPorts(state: EngineState, { id }: Session, by: 1 | -1): void {
  if (id.destinationPort === 0) return;
  const key = destinationText(id);
  const sessions = (state.sessionsWithPort.get(key) ?? 0) + by;
  if (sessions === 0) state.sessionsWithPort.delete(key);
  else state.sessionsWithPort.set(key, sessions);
}

/** Path state for the same destination and protocol, with and without a destination port (error 7 of RFC 2205 3.2). */
export function destinationPortConflict(state: EngineState, flow: FlowKey): boolean {
  if (flow.destinationPort === 0) return state.sessionsWithPort.has(destinationText(flow));
  const without = state.sessions.get(sessionKeyText({ ...flow, destinationPort: 0 }));
  return without !== undefined && without.psbs.length > 0;
}

/** Same session and sender, with and without a source port (error 8). */
export const sourcePortConflict = (session: Session, flow: FlowKey): boolean =>
  session.psbs.some(
    (psb) => psb.flow.source === flow.source && (psb.flow.sourcePort === 0) !== (flow.sourcePort === 0),
  );
