import type { IpAddress } from '../../base/ip.ts';
import { NONE, type PreviousHop, type Psb, type Session, type Upstream } from './blocks.ts';
import { sameFlowspec } from './merge.ts';
import { awaitConfirm, wantedFor } from './requests.ts';
import type { StatementKind } from './neighbours/neighbour.ts';
import { retract, sayWhole } from './neighbours/sent.ts';
import {
  carriesObjects,
  forwardedBy,
  mergedFlowspec,
  sameScope,
  scopeFor,
  sendResv,
  sendResvTear,
  toSameHop,
} from './resv-send.ts';
import { added, releaseSession, sameHop, sessionStyle, without } from './session.ts';
import type { EngineState, EngineTimer } from './state.ts';
import { isArmed, newTimer } from './timer.ts';
import { FAST_START_STEPS, refreshDelay } from './timers.ts';
import type { StyleName } from './types.ts';
import { sameObjects } from './unknown-objects.ts';

/** So many flow descriptors of guaranteed service, 60 bytes each, fit a packet of 1,500 bytes with the other objects. */
const DESCRIPTORS_PER_RESV = 20;

/**
 * Compares what the previous hop is asked for a sender with what should be asked now. What differs is sent by the next
 * `flushUpstream`: a RESV where more or something else is wanted, a ResvTear where nothing is.
 */
export function reviewUpstream(state: EngineState, psb: Psb): void {
  if (psb.hop === null) return;
  if (psb.upstream !== null && !sameHop(psb.upstream.hop, psb.hop)) leaveUpstream(state, psb, false);
  const wanted = wantedFor(state, psb);
  if (wanted === null) return leaveUpstream(state, psb, true);
  const upstream = psb.upstream ?? join(state, psb, psb.hop);
  if (upstream.forwarded.length > 0 || carriesObjects(state, psb)) state.unsent.add(upstream);
  if (psb.asked !== null && sameFlowspec(psb.asked, wanted)) return;
  psb.asked = wanted;
  // What a shared style asks for is merged over all senders, and need not change with one of them.
  if (upstream.style === 'FF') upstream.news = true;
  for (const each of upstream.style === 'SE' ? toSameHop(upstream) : [upstream]) state.unsent.add(each);
}

/** Tells the previous hop once more what it is asked for, though nothing changed. */
export function repeatUpstream(state: EngineState, psb: Psb, confirm: IpAddress | null): void {
  reviewUpstream(state, psb);
  const { upstream } = psb;
  if (upstream === null) return;
  if (confirm !== null && !upstream.confirms.includes(confirm)) upstream.confirms = [...upstream.confirms, confirm];
  upstream.news = true;
  state.unsent.add(upstream);
}

/** The sender is asked for no more: with a tear, or because its path state, here or upstream, goes by itself. */
export function leaveUpstream(state: EngineState, psb: Psb, tear: boolean): void {
  const { upstream, asked } = psb;
  if (upstream === null) return;
  psb.upstream = null;
  psb.asked = null;
  upstream.members = without(upstream.members, psb);
  // The RESV that was said last has it still: the next one must be whole.
  sayWhole(state, upstream);
  if (tear && asked !== null) upstream.dropped = [...upstream.dropped, { psb, flowspec: asked }];
  if (tear || upstream.members.length === 0) state.unsent.add(upstream);
  // The others to the same previous hop may ask for less without it.
  if (tear && upstream.style === 'SE') for (const each of toSameHop(upstream)) state.unsent.add(each);
}

function join(state: EngineState, psb: Psb, hop: PreviousHop): Upstream {
  const { session } = psb;
  const style = sessionStyle(session) ?? 'FF';
  const known = session.upstreams.find(
    (each) =>
      each.style === style && sameHop(each.hop, hop) && (style === 'WF' || each.members.length < DESCRIPTORS_PER_RESV),
  );
  const upstream = known ?? create(state, session, style, hop);
  upstream.members = added(upstream.members, psb);
  psb.upstream = upstream;
  // In wildcard style a RESV says nothing new for one more sender, but it may have to ask for a confirmation again.
  if (style !== 'WF' || awaitConfirm(state, psb).length > 0) upstream.news = true;
  // With a second previous hop the first one's RESV needs a SCOPE, too (RFC 2205 3.1.4).
  if (style === 'WF') for (const each of session.upstreams) state.unsent.add(each);
  return upstream;
}

function create(state: EngineState, session: Session, style: StyleName, hop: PreviousHop): Upstream {
  const upstream: Upstream = {
    session,
    style,
    hop,
    members: NONE,
    flowspec: null,
    scope: null,
    forwarded: NONE,
    blockade: null,
    news: true,
    asking: false,
    dropped: NONE,
    confirms: NONE,
    step: 0,
    timer: newTimer(REFRESH),
    told: null,
  };
  upstream.timer.subject = upstream;
  session.upstreams = added(session.upstreams, upstream);
  return upstream;
}

/** Sends what the reviews of this input found. */
export function flushUpstream(state: EngineState): void {
  for (const upstream of state.unsent) {
    state.unsent.delete(upstream);
    flush(state, upstream);
  }
}

/** True when a RESV was sent. */
function flush(state: EngineState, upstream: Upstream): boolean {
  const { session, dropped } = upstream;
  upstream.dropped = NONE;
  const empty = upstream.members.length === 0;
  // A wildcard reservation has no senders of its own: it goes with the last of them.
  const tears = dropped.length > 0 && (empty || upstream.style !== 'WF');
  // The RESV that was said last would bring back what is torn: it stands for the state no more.
  if (empty) retract(state, upstream);
  else if (tears) sayWhole(state, upstream);
  if (tears) sendResvTear(state, upstream, dropped);
  if (empty) {
    state.timers.cancel(upstream.timer);
    session.upstreams = without(session.upstreams, upstream);
    releaseSession(state, session);
    return false;
  }
  if (!bringUpToDate(state, upstream)) return false;
  const { confirms } = upstream;
  upstream.confirms = NONE;
  upstream.step = 0;
  arm(state, upstream);
  for (const confirm of confirms.length > 0 ? confirms : [null]) sendResv(state, upstream, RESV, confirm, 'news');
  return true;
}

/** What is merged over all senders: objects, and what a shared style asks for. True when it is news. */
function bringUpToDate(state: EngineState, upstream: Upstream): boolean {
  let { news } = upstream;
  upstream.news = false;
  const forwarded = forwardedBy(state, upstream);
  news ||= !sameObjects(upstream.forwarded, forwarded);
  upstream.forwarded = forwarded;
  if (upstream.style === 'FF') return news;
  const flowspec = mergedFlowspec(upstream);
  const scope = scopeFor(upstream);
  news ||= upstream.flowspec === null || !sameFlowspec(upstream.flowspec, flowspec);
  news ||= !sameScope(upstream.scope, scope);
  upstream.flowspec = flowspec;
  upstream.scope = scope;
  return news;
}

const REFRESH: EngineTimer<Upstream> = {
  name: 'reservation refresh',
  fire: (state, upstream) => repeat(state, upstream, 'refresh'),
};

const RESV: StatementKind<EngineState, Upstream> = {
  again: (state, upstream) => repeat(state, upstream, 'refresh'),
  renew: (state, upstream, thorough) => {
    if (thorough || isBlockaded(upstream)) repeat(state, upstream, 'look');
  },
  alone: (state, upstream) => {
    if (!isArmed(upstream.timer)) arm(state, upstream);
  },
};

/** A blockade may end by itself, and then there is news. */
const isBlockaded = ({ blockade, members }: Upstream): boolean =>
  blockade !== null || members.some((psb) => psb.blockade !== null);

/** The refresh. What became free of a blockade since is news in it. */
function repeat(state: EngineState, upstream: Upstream, why: 'refresh' | 'look'): void {
  for (const psb of upstream.members) reviewUpstream(state, psb);
  const sent = state.unsent.delete(upstream) && flush(state, upstream);
  if (upstream.members.length === 0 || sent) return;
  const news = bringUpToDate(state, upstream);
  upstream.step++;
  // What summaries name needs no timer of its own: the neighbour's comes for all.
  if (sendResv(state, upstream, RESV, null, news ? 'news' : why)) return arm(state, upstream);
  state.timers.cancel(upstream.timer);
  upstream.step = FAST_START_STEPS;
}

function arm(state: EngineState, upstream: Upstream): void {
  const { refreshPeriod } = state.settings;
  state.timers.set(upstream.timer, state.now + refreshDelay(upstream.step, refreshPeriod, state.random));
}
