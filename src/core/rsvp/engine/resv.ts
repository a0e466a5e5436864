import type { IpAddress } from '../../base/ip.ts';
import { mayChange, routedHop } from './believed.ts';
import { NONE, type ArrivedResv, type Psb, type Rsb, type RsbFilter, type Session, type Tcsb } from './blocks.ts';
import { BAD_FLOWSPEC, ERROR, isBadFlowspec } from './errors.ts';
import { rememberResv } from './journal.ts';
import { sameFlowspec } from './merge.ts';
import { unstand } from './neighbours/standing.ts';
import { holdsFor } from './requests.ts';
import { refuse } from './resv-refuse.ts';
import { sameScope } from './resv-send.ts';
import { added, leavesBy, sessionStyle } from './session.ts';
import { drop, type EngineState, type EngineTimer } from './state.ts';
import { newTimer } from './timer.ts';
import { lifetime } from './timers.ts';
import {
  passConfirms,
  removeFilter,
  removeRsb,
  sendRefusal,
  tcsbFor,
  tellOf,
  updateTrafficControl,
} from './traffic-control.ts';
import { STYLE_VALUE } from './messages.ts';
import { sameObjects } from './unknown-objects.ts';
import { flushUpstream, repeatUpstream, reviewUpstream } from './upstream.ts';

/** Next hops that one share can have at a time: neighbours on one link. */
const MAX_NEXT_HOPS = 64;

/**
 * Processes one request whose senders' routes are known (RFC 2209, RESV MESSAGE ARRIVES). `senders` are those that it is
 * for; RFC 2205 3.9: RESV belongs to an interface that PATH left through. Returns the block that now says just that.
 */
export function reserve(
  state: EngineState,
  session: Session,
  arrived: ArrivedResv,
  senders: readonly Psb[],
): Rsb | null {
  const style = sessionStyle(session);
  if (style !== null && style !== arrived.style) {
    refuse(state, arrived, 'conflictingStyle', ERROR.conflictingStyle, STYLE_VALUE[style]);
    return null;
  }
  const routed = senders.filter((psb) => leavesBy(psb, arrived.interface));
  if (routed.length === 0) {
    drop(state, 'resvOnWrongInterface');
    return null;
  }
  if (!mayReserve(state, arrived, routed)) {
    drop(state, 'notProved');
    return null;
  }
  if (isBadFlowspec(arrived.flowspec)) {
    refuse(state, arrived, 'badFlowspec', ERROR.trafficControl, BAD_FLOWSPEC);
    return null;
  }
  const tcsb = tcsbFor(session, arrived.style, arrived.interface, arrived.style === 'FF' ? routed[0]! : null);
  const known = tcsb.rsbs.find((each) => each.nextHop === arrived.nextHop);
  if (known !== undefined) {
    unstand(known);
    refresh(state, known, arrived, routed);
    return says(known, arrived) ? known : null;
  }
  if (tcsb.rsbs.length >= MAX_NEXT_HOPS) {
    drop(state, 'tooManyNextHops');
    return null;
  }
  const created = create(state, tcsb, arrived);
  if (created.filters !== null) for (const psb of routed) addFilter(state, created, psb);
  tcsb.rsbs = added(tcsb.rsbs, created);
  updateTrafficControl(state, tcsb);
  return created;
}

/** Where a key is agreed with a node that the flow goes to there, no other than who shows one has a say in its share. */
function mayReserve(state: EngineState, arrived: ArrivedResv, routed: readonly Psb[]): boolean {
  const { interface: name } = arrived;
  const may = (hop: IpAddress | null): boolean => mayChange(state, arrived, name, hop);
  if (arrived.proved) return true;
  const blocks = arrived.style === 'FF' ? routed[0]!.reservations : routed[0]!.session.shared;
  const others = blocks.find((tcsb) => tcsb.interface === name)?.rsbs ?? NONE;
  return routed.every((psb) => may(routedHop(psb, name))) && others.every(({ nextHop }) => may(nextHop));
}

/** Whether the block holds all that the request said; of one that stands refused the rest is not taken over. */
const says = (rsb: Rsb, { scope, forwarded }: ArrivedResv): boolean =>
  sameScope(rsb.scope, scope) && sameObjects(rsb.forwarded, forwarded);

function create(state: EngineState, tcsb: Tcsb, arrived: ArrivedResv): Rsb {
  const rsb: Rsb = {
    tcsb,
    nextHop: arrived.nextHop,
    forwarded: arrived.forwarded,
    refreshPeriod: arrived.refreshPeriod,
    requested: state.shared.flowspecs.of(arrived.flowspec.flowspec),
    accepted: null,
    filters: tcsb.style === 'SE' ? new Map<string, RsbFilter>() : null,
    styleObject: arrived.styleObject,
    scope: arrived.scope,
    standing: null,
    standingId: 0,
    refusal: null,
    confirm: arrived.confirm,
    confirmedTo: null,
    expiry: newTimer(EXPIRY),
  };
  rsb.expiry.subject = rsb;
  if (rsb.filters === null) state.timers.set(rsb.expiry, state.now + lifetimeOf(state, rsb));
  return rsb;
}

/** The senders of a shared-explicit reservation live each by itself (RFC 2209). True when it is new. */
function addFilter(state: EngineState, rsb: Rsb, psb: Psb): boolean {
  const known = rsb.filters!.get(psb.key);
  const filter: RsbFilter = known ?? { rsb, psb, expiry: newTimer(FILTER_EXPIRY), accepted: false };
  filter.expiry.subject = filter;
  state.timers.set(filter.expiry, state.now + lifetimeOf(state, rsb));
  if (known === undefined) rsb.filters!.set(psb.key, filter);
  return known === undefined;
}

const EXPIRY: EngineTimer<Rsb> = {
  name: 'reservation expiry',
  fire: (state, rsb) => {
    removeRsb(state, rsb, 'timeout');
    followUpstream(state, rsb.tcsb);
  },
};

const FILTER_EXPIRY: EngineTimer<RsbFilter> = {
  name: 'reservation expiry',
  fire: (state, { rsb, psb }) => {
    removeFilter(state, rsb, psb, 'timeout');
    followUpstream(state, rsb.tcsb);
    reviewUpstream(state, psb);
    flushUpstream(state);
  },
};

const lifetimeOf = (state: EngineState, { refreshPeriod }: Rsb): number =>
  lifetime(refreshPeriod, state.settings.refreshPeriod);

/** Of a request what names it; the rest is what it says. */
type Asked = Pick<ArrivedResv, 'session' | 'style' | 'filters' | 'interface' | 'nextHop' | 'proved'>;

/** The same next hop asks once more, or for something else. */
export function refresh(
  state: EngineState,
  rsb: Rsb,
  arrived: Omit<ArrivedResv, keyof Asked>,
  routed: readonly Psb[],
): void {
  const { tcsb, refusal } = rsb;
  const { flowspec } = arrived.flowspec;
  rsb.refreshPeriod = arrived.refreshPeriod;
  rsb.styleObject = arrived.styleObject;
  let grown = false;
  if (rsb.filters === null) state.timers.set(rsb.expiry, state.now + lifetimeOf(state, rsb));
  else for (const psb of routed) grown = addFilter(state, rsb, psb) || grown;
  if (!grown && refusal !== null && sameFlowspec(refusal.flowspec, flowspec) && refusal.until > state.now) {
    return sendRefusal(state, rsb);
  }
  rsb.refusal = null;
  if (arrived.confirm !== null) rsb.confirm = arrived.confirm;
  const same = sameFlowspec(rsb.requested, flowspec);
  if (!same) rsb.requested = state.shared.flowspecs.of(flowspec);
  takeOver(state, rsb, arrived);
  if (!same || grown || refusal !== null) return updateTrafficControl(state, tcsb);
  const settled = rsb.accepted !== null && sameFlowspec(rsb.accepted, flowspec);
  if (settled && rsb.confirm !== null) passConfirms(state, tcsb);
}

/** What does not concern traffic control: SCOPE and objects that are only forwarded. They are news upstream at once. */
function takeOver(state: EngineState, rsb: Rsb, { scope, forwarded }: Pick<ArrivedResv, 'scope' | 'forwarded'>): void {
  const carries = !sameObjects(rsb.forwarded, forwarded);
  if (sameScope(rsb.scope, scope) && !carries) return;
  rsb.scope = scope;
  rsb.forwarded = forwarded;
  if (rsb.accepted === null) return;
  rememberResv(state, rsb);
  for (const psb of rsb.tcsb.sender === null ? rsb.tcsb.session.psbs : [rsb.tcsb.sender]) {
    if (!leavesBy(psb, rsb.tcsb.interface)) continue;
    if (carries) repeatUpstream(state, psb, null);
    else reviewUpstream(state, psb);
    if (carries && holdsFor(rsb, psb)) tellOf(state, rsb, psb);
  }
  flushUpstream(state);
}

/** After a reservation went or shrank: previous hops are asked for what is left. */
export function followUpstream(state: EngineState, tcsb: Tcsb): void {
  for (const psb of tcsb.sender === null ? tcsb.session.psbs : [tcsb.sender]) reviewUpstream(state, psb);
  flushUpstream(state);
}
