import { isMulticast } from '../../base/ip.ts';
import { NONE, type PreviousHop, type Psb, type Session } from './blocks.ts';
import type { EngineState } from './state.ts';
import { sessionKeyText, type Filter, type FlowKey, type SessionKey, type StyleName } from './types.ts';

/** The session, entered where it is not known yet; whoever finds nothing to add calls `releaseSession`. */
export function sessionFor(state: EngineState, id: SessionKey): Session {
  const key = sessionKeyText(id);
  const known = state.sessions.get(key);
  if (known !== undefined) return known;
  const { destination, protocol, destinationPort } = id;
  const session: Session = {
    key,
    id: { destination, protocol, destinationPort },
    multicast: isMulticast(destination),
    psbs: [],
    distinct: 0,
    shared: NONE,
    upstreams: NONE,
    receivers: NONE,
    pending: NONE,
  };
  state.sessions.set(key, session);
  return session;
}

export const findSession = (state: EngineState, id: SessionKey): Session | undefined =>
  state.sessions.get(sessionKeyText(id));

/** Forgets a session of which nothing is left. */
export function releaseSession(state: EngineState, session: Session): void {
  if (session.psbs.length + session.receivers.length + session.pending.length + session.upstreams.length > 0) return;
  state.sessions.delete(session.key);
}

/** The style of the session's reservations, which never mix (RFC 2205 1.3); null: there is none. */
export function sessionStyle(session: Session): StyleName | null {
  if (session.distinct > 0) return 'FF';
  return session.shared[0]?.style ?? session.receivers[0]?.style ?? null;
}

/** The list with one more. Spreading or `push` would reserve room for 16 more, and most lists stay at one for life. */
export const added = <T>(list: readonly T[], one: T): readonly T[] => (list.length === 0 ? [one] : list.concat([one]));

/** The list without one that is in it. */
export function without<T>(list: readonly T[], gone: T): readonly T[] {
  const left = list.filter((each) => each !== gone);
  return left.length === 0 ? NONE : left;
}

export const flowOfSession = (session: SessionKey, filter: Filter): FlowKey => ({
  destination: session.destination,
  protocol: session.protocol,
  destinationPort: session.destinationPort,
  source: filter.source,
  sourcePort: filter.sourcePort,
});

export const filterOfFlow = ({ source, sourcePort }: FlowKey): Filter => ({ source, sourcePort });

/** Whether the flow leaves by the interface. */
export const leavesBy = (psb: Psb, name: string): boolean =>
  psb.way !== null && psb.way.branches.some((branch) => branch.interface === name);

export const sameHop = (a: PreviousHop | null, b: PreviousHop): boolean =>
  a !== null &&
  a.address === b.address &&
  a.interface === b.interface &&
  a.logicalInterfaceHandle === b.logicalInterfaceHandle;
