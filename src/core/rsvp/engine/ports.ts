import type { IpAddress } from '../../base/ip.ts';
import type { Session } from './blocks.ts';
import type { EngineState } from './state.ts';
import { sessionKeyText, type FlowKey } from './types.ts';

/** A session has its first path state, or none any more. */
export function countPorts(state: EngineState, { id }: Session, by: 1 | -1): void {
  count(state.destinations, id.destination, by);
  if (id.destinationPort === 0) return;
  const { sessionsWithPort } = state;
  const known = sessionsWithPort.get(id.protocol) ?? new Map<IpAddress, number>();
  count(known, id.destination, by);
  if (known.size === 0) sessionsWithPort.delete(id.protocol);
  else if (known.size === 1) sessionsWithPort.set(id.protocol, known);
}

function count<K>(counts: Map<K, number>, key: K, by: 1 | -1): void {
  const sessions = (counts.get(key) ?? 0) + by;
  if (sessions === 0) counts.delete(key);
  else counts.set(key, sessions);
}

/** Path state for the same destination and protocol, with and without a destination port (error 7 of RFC 2205 3.2). */
export function destinationPortConflict(state: EngineState, flow: FlowKey): boolean {
  if (flow.destinationPort === 0) return state.sessionsWithPort.get(flow.protocol)?.has(flow.destination) ?? false;
  const without = state.sessions.get(sessionKeyText({ ...flow, destinationPort: 0 }));
  return without !== undefined && without.psbs.length > 0;
}

/** Same session and sender, with and without a source port (error 8). */
export const sourcePortConflict = (session: Session, flow: FlowKey): boolean =>
  session.psbs.some(
    (psb) => psb.flow.source === flow.source && (psb.flow.sourcePort === 0) !== (flow.sourcePort === 0),
  );
