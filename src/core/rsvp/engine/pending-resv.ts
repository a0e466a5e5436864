import { NONE, type ArrivedResv, type PendingResv, type Psb, type Rsb, type Session } from './blocks.ts';
import { abandonResv } from './journal.ts';
import { becomeOtherHop } from './previous-hop.ts';
import { reserve } from './resv.ts';
import { refuseWithoutPath } from './resv-refuse.ts';
import { added, findSession, flowOfSession, releaseSession, sessionFor, without } from './session.ts';
import { drop, type EngineState, type EngineTimer } from './state.ts';
import { newTimer } from './timer.ts';
import { lifetime } from './timers.ts';
import { flowKeyText } from './types.ts';

/** RESVs of one session that can wait at a time. */
const MAX_PENDING = 1_000;

/**
 * One request of a RESV. It waits while the route of a sender that it is for is not known yet, or after a start that
 * sender, on this host, is not open again: what a restarted host plays back and what its neighbours refresh may come
 * before. Returns the block that now says just that; null where there is none.
 */
export function requestArrived(state: EngineState, arrived: ArrivedResv): Rsb | null {
  const session = sessionFor(state, arrived.session);
  forgetPending(state, session, pendingKey(arrived));
  const made = take(state, session, arrived);
  releaseSession(state, session);
  return made;
}

/** The senders of the session that the request is for. */
function matching(state: EngineState, session: Session, { style, filters }: ArrivedResv): readonly Psb[] {
  if (style === 'WF') return session.psbs;
  return filters.flatMap((filter) => state.psbs.get(flowKeyText(flowOfSession(session.id, filter))) ?? NONE);
}

function take(state: EngineState, session: Session, arrived: ArrivedResv): Rsb | null {
  const senders = matching(state, session, arrived);
  const absent = arrived.filters.filter((filter) => !senders.some((psb) => isSender(psb, filter)));
  const mayOpen =
    state.now < startEnds(state) &&
    (arrived.style === 'WF' ? senders.length === 0 : absent.some(({ source }) => state.localAddresses.has(source)));
  if (senders.some((psb) => !psb.routed)) wait(state, session, arrived, null);
  else if (mayOpen) wait(state, session, arrived, startEnds(state));
  else if (senders.length === 0) {
    refuseWithoutPath(state, arrived);
    return null;
  }
  const routed = senders.filter((psb) => psb.routed);
  const made = routed.length > 0 ? reserve(state, session, arrived, routed) : null;
  return mayOpen ? null : made;
}

const isSender = ({ flow }: Psb, filter: ArrivedResv['filters'][number]): boolean =>
  flow.source === filter.source && flow.sourcePort === filter.sourcePort;

/** Until then senders of an earlier run of this host may come back. */
const startEnds = ({ startedAt, now, settings: { refreshPeriod } }: EngineState): number =>
  (startedAt ?? now) + lifetime(refreshPeriod, refreshPeriod);

function wait(state: EngineState, session: Session, arrived: ArrivedResv, until: number | null): void {
  if (session.pending.length >= MAX_PENDING || state.pending >= state.settings.maxFlows) {
    return drop(state, 'tooManyPendingResvs');
  }
  const timer = until === null ? null : newTimer(WAIT);
  const pending: PendingResv = { key: pendingKey(arrived), arrived, timer };
  session.pending = added(session.pending, pending);
  state.pending++;
  if (timer === null || until === null) return;
  timer.subject = pending;
  state.timers.set(timer, until);
}

/** What a later request of the same next hop is known by. */
type Named = Pick<ArrivedResv, 'style' | 'filters' | 'interface' | 'nextHop'>;

const pendingKey = ({ style, filters, interface: name, nextHop }: Named): string => {
  const filter = style === 'FF' ? filters[0] : undefined;
  return `${nextHop} ${name} ${filter === undefined ? '' : `${filter.source}:${filter.sourcePort}`}`;
};

function forgetPending(state: EngineState, session: Session, key: string): void {
  for (const pending of session.pending) if (pending.key === key) stopWaiting(state, session, pending);
}

function stopWaiting(state: EngineState, session: Session, pending: PendingResv): void {
  if (pending.timer !== null) state.timers.cancel(pending.timer);
  session.pending = without(session.pending, pending);
  state.pending--;
}

const WAIT: EngineTimer<PendingResv> = { name: 'reservation before its sender', fire: giveUp };

function giveUp(state: EngineState, pending: PendingResv): void {
  const session = findSession(state, pending.arrived.session);
  if (session === undefined) return;
  const { arrived } = pending;
  stopWaiting(state, session, pending);
  if (!isTaken(state, session, arrived)) {
    refuseWithoutPath(state, arrived);
    abandonResv(state, arrived);
  }
  releaseSession(state, session);
}

/** Whether the next hop has a reservation for some of the senders: a share that stands is not given up for one that is absent. */
const isTaken = (state: EngineState, session: Session, arrived: ArrivedResv): boolean =>
  [...matching(state, session, arrived).flatMap((psb) => psb.reservations), ...session.shared].some(
    (tcsb) => tcsb.interface === arrived.interface && tcsb.rsbs.some(({ nextHop }) => nextHop === arrived.nextHop),
  );

/** A sender has its first route: what waited for it is taken up again, or given up where it leaves elsewhere. */
export function resumePending(state: EngineState, psb: Psb): void {
  const { session } = psb;
  for (const pending of session.pending) {
    const { arrived } = pending;
    if (arrived.style !== 'WF' && !arrived.filters.some((filter) => isSender(psb, filter))) continue;
    stopWaiting(state, session, pending);
    take(state, session, arrived);
    // Played back after a restart, and the flow no longer leaves there.
    const waits = session.pending.some(({ key }) => key === pending.key);
    if (waits || isTaken(state, session, arrived)) continue;
    abandonResv(state, arrived);
    becomeOtherHop(state, psb);
  }
}

/** A sender is gone: a RESV that waits for the route of no other waits for nothing. */
export function dropPending(state: EngineState, session: Session): void {
  for (const pending of session.pending) {
    if (pending.timer !== null) continue;
    if (matching(state, session, pending.arrived).every((psb) => psb.routed)) stopWaiting(state, session, pending);
  }
}

/** What waits of one next hop, torn before it came true. True when there was something. */
export function tearPending(state: EngineState, session: Session, arrived: Named): boolean {
  const key = pendingKey(arrived);
  const found = session.pending.find((pending) => pending.key === key);
  if (found === undefined) return false;
  stopWaiting(state, session, found);
  if (found.timer !== null && !isTaken(state, session, found.arrived)) abandonResv(state, found.arrived);
  return true;
}
