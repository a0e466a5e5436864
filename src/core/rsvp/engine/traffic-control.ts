import type { Flowspec } from '../../qos/flowspec.ts';
import { NONE, type Psb, type Refusal, type Rsb, type Session, type Tcsb } from './blocks.ts';
import { carriedBy } from './carried.ts';
import { takeConfirms } from './confirm.ts';
import { ERROR, eventFlags, IN_PLACE, sendResvErr } from './errors.ts';
import { forgetResv, rememberResv } from './journal.ts';
import { leastUpperBound, sameFlowspec } from './merge.ts';
import { unstand } from './neighbours/standing.ts';
import { rsbsFor } from './requests.ts';
import { added, filterOfFlow, leavesBy, without } from './session.ts';
import { emit, newId, type EngineState } from './state.ts';
import { BLOCKADE_FACTOR } from './timers.ts';
import { policyIn } from './unknown-objects.ts';
import { flowKeyText, type EngineEvent, type FlowKey, type Share, type StyleName } from './types.ts';
import { flushUpstream, repeatUpstream, reviewUpstream } from './upstream.ts';

type ResvDownCause = (EngineEvent & { readonly type: 'resvDown' })['cause'];

/** The block of an interface, entered where there is none yet; FF: of one sender there. */
export function tcsbFor(session: Session, style: StyleName, name: string, sender: Psb | null): Tcsb {
  const known = (sender?.reservations ?? session.shared).find((each) => each.interface === name);
  if (known !== undefined) return known;
  const tcsb: Tcsb = {
    session,
    style,
    interface: name,
    sender,
    rsbs: NONE,
    installed: null,
    senders: NONE,
    pending: null,
    uncertain: false,
  };
  if (sender === null) session.shared = added(session.shared, tcsb);
  else {
    sender.reservations = added(sender.reservations, tcsb);
    session.distinct++;
  }
  return tcsb;
}

/** The senders whose data the reservation is for, as far as it stands. */
function coveredBy({ style, sender, session, interface: name, rsbs }: Tcsb): readonly Psb[] {
  if (sender !== null) return [sender];
  const routed = session.psbs.filter((psb) => leavesBy(psb, name));
  return style === 'WF' ? routed : routed.filter((psb) => rsbs.some((rsb) => rsb.filters!.has(psb.key)));
}

/** Asked for and neither installed nor refused yet. */
function isOpen({ refusal, accepted, requested, filters }: Rsb): boolean {
  if (refusal !== null) return false;
  if (accepted === null || !sameFlowspec(accepted, requested)) return true;
  if (filters !== null) for (const filter of filters.values()) if (!filter.accepted) return true;
  return false;
}

/** What the interface should hold: the least upper bound of what the next hops may have, for all senders they name. */
function target({ rsbs }: Tcsb): { readonly flowspec: Flowspec; readonly senders: readonly Psb[] } | null {
  let bound: Flowspec | null = null;
  let senders: readonly Psb[] = NONE;
  for (const { refusal, requested, accepted, filters } of rsbs) {
    const share = refusal === null ? requested : accepted;
    if (share === null) continue;
    bound = bound === null ? share : leastUpperBound(bound, share);
    for (const filter of filters?.values() ?? NONE) {
      if ((filter.accepted || refusal === null) && !senders.includes(filter.psb)) senders = added(senders, filter.psb);
    }
  }
  return bound && { flowspec: bound, senders };
}

const sameSenders = (a: readonly Psb[], b: readonly Psb[]): boolean =>
  a.length === b.length && a.every((psb) => b.includes(psb));

const shareOf = ({ session, interface: name, style, sender }: Tcsb, senders: readonly Psb[]): Share => ({
  session: session.id,
  interface: name,
  style,
  filters: (sender === null ? senders : [sender]).map((psb) => filterOfFlow(psb.flow)),
});

/** UPDATE TRAFFIC CONTROL of RFC 2209: brings the outgoing interface to what the reservations ask for. */
export function updateTrafficControl(state: EngineState, tcsb: Tcsb): void {
  const wanted = target(tcsb);
  if (wanted === null) return release(state, tcsb);
  const { flowspec, senders } = wanted;
  if (tcsb.pending !== null) {
    if (sameFlowspec(tcsb.pending.flowspec, flowspec) && sameSenders(tcsb.pending.senders, senders)) return;
    state.installs.delete(tcsb.pending.installId);
    tcsb.uncertain = true;
  } else if (
    tcsb.installed !== null &&
    !tcsb.uncertain &&
    sameFlowspec(tcsb.installed, flowspec) &&
    sameSenders(tcsb.senders, senders)
  ) {
    return settle(state, tcsb);
  }
  const installId = newId(state);
  tcsb.pending = { installId, flowspec, senders };
  state.installs.set(installId, tcsb);
  state.out.push({ type: 'install', installId, ...shareOf(tcsb, senders), flowspec });
}

/** The kernel holds it. An answer to an install that was overtaken or removed is none. */
export function installed(state: EngineState, installId: number): void {
  const answered = takeAnswer(state, installId);
  if (answered === null) return;
  const { tcsb } = answered;
  tcsb.installed = answered.flowspec;
  tcsb.senders = answered.senders;
  tcsb.uncertain = false;
  settle(state, tcsb);
}

/**
 * The kernel, or local admission, will not hold it: every next hop whose request was new in it gets a ResvErr, with
 * InPlace where an earlier reservation stays, and the request is not tried again for Kb · R.
 */
export function refused(state: EngineState, installId: number, errorCode: number, errorValue: number): void {
  const answered = takeAnswer(state, installId);
  if (answered === null) return;
  const { tcsb } = answered;
  const guilty = tcsb.rsbs.filter(isOpen);
  for (const rsb of guilty) {
    rsb.confirm = null;
    const until = state.now + BLOCKADE_FACTOR * rsb.refreshPeriod;
    rsb.refusal = { flowspec: rsb.requested, errorCode, errorValue, until: until as typeof state.now };
    sendRefusal(state, rsb);
    const errorNode = state.interfaces.get(tcsb.interface)?.address ?? rsb.nextHop;
    const inPlace = rsb.accepted !== null;
    for (const { flow, key } of coveredBy(tcsb)) {
      if (rsb.filters !== null && !rsb.filters.has(key)) continue;
      const error = { flow, errorNode, errorCode, errorValue, local: false, flowspec: rsb.requested };
      emit(state, { type: 'resvError', ...error, ...eventFlags(inPlace, false) });
      if (!inPlace) emit(state, { type: 'resvDown', flow, cause: 'refused' });
    }
  }
  // Without one the refusal is of what was there before: another try would be refused alike.
  if (guilty.length > 0) updateTrafficControl(state, tcsb);
}

/**
 * Asks for what stands reserved once more: what an earlier booking of the flow left behind (a refusal, or a share that
 * is no longer in the kernel) says nothing about the next. An answer that is still to come will be about the new one.
 */
export function admissionChanged(state: EngineState, flow: FlowKey): void {
  const psb = state.psbs.get(flowKeyText(flow));
  if (psb === undefined) return;
  psb.blockade = null;
  for (const tcsb of [...psb.reservations, ...psb.session.shared.filter((each) => coveredBy(each).includes(psb))]) {
    if (tcsb.pending !== null) continue;
    for (const rsb of tcsb.rsbs) {
      rsb.refusal = null;
      if (rsb.accepted === null) continue;
      rsb.accepted = null;
      forgetResv(state, rsb);
    }
    tcsb.uncertain ||= tcsb.installed !== null;
    updateTrafficControl(state, tcsb);
  }
}

/** The ResvErr of a refusal; a refresh of the refused request gets it again, since it may have been lost. */
export function sendRefusal(state: EngineState, rsb: Rsb): void {
  if (rsb.refusal !== null) sendRsbErr(state, rsb, rsb.refusal, rsb.accepted === null ? 0 : IN_PLACE);
}

/** Takes away what stands for the sender, and tells the next hops, which would else refresh it (RFC 2205 appendix B, 12). */
export function preempt(state: EngineState, psb: Psb): void {
  for (const tcsb of [...psb.reservations, ...psb.session.shared]) {
    // WF is for the senders of others as well.
    if (tcsb.style === 'WF' && coveredBy(tcsb).some((each) => each !== psb)) continue;
    for (const rsb of tcsb.rsbs.filter((each) => each.filters?.has(psb.key) ?? true)) {
      const error = { flowspec: rsb.requested, errorCode: ERROR.preempted, errorValue: 0 };
      if (rsb.accepted !== null) sendRsbErr(state, rsb, error, 0, psb);
      if (rsb.filters === null) removeRsb(state, rsb, 'tear');
      else removeFilter(state, rsb, psb, 'tear');
    }
  }
  reviewUpstream(state, psb);
  flushUpstream(state);
}

/** @param only the sender that it is about; all of the request when absent. */
function sendRsbErr(
  state: EngineState,
  { tcsb, nextHop, scope, filters, styleObject, forwarded }: Rsb,
  { flowspec, errorCode, errorValue }: Pick<Refusal, 'flowspec' | 'errorCode' | 'errorValue'>,
  flags: number,
  only?: Psb,
): void {
  const named = tcsb.sender === null ? [...(filters?.values() ?? NONE)].map(({ psb }) => psb) : [tcsb.sender];
  const senders = only === undefined ? named : named.filter((psb) => psb === only);
  const contents = {
    session: tcsb.session.id,
    style: styleObject,
    scope,
    flowspec: { kind: 'flowspec', flowspec } as const,
    filters: senders.map((psb) => filterOfFlow(psb.flow)),
    policy: policyIn(forwarded),
  };
  sendResvErr(state, contents, { interface: tcsb.interface, nextHop }, errorCode, errorValue, flags);
}

/** Marks what traffic control now covers as accepted, tells, and passes it on upstream. */
function settle(state: EngineState, tcsb: Tcsb): void {
  const covered = coveredBy(tcsb);
  const news = tcsb.rsbs.filter(isOpen).map((rsb) => ({ rsb, senders: accept(state, rsb, covered) }));
  if (news.length > 0) for (const psb of covered) reviewUpstream(state, psb);
  passConfirms(state, tcsb);
  flushUpstream(state);
  for (const { rsb, senders } of news) for (const psb of senders) tellOf(state, rsb, psb);
}

/** The senders for which that is new. */
function accept(state: EngineState, rsb: Rsb, covered: readonly Psb[]): readonly Psb[] {
  const { accepted, requested, filters } = rsb;
  const same = accepted !== null && sameFlowspec(accepted, requested);
  const senders = filters === null ? covered : covered.filter((psb) => filters.has(psb.key));
  const added = same ? senders.filter((psb) => filters?.get(psb.key)?.accepted === false) : senders;
  rsb.accepted = requested;
  for (const filter of filters?.values() ?? NONE) filter.accepted = true;
  rememberResv(state, rsb);
  return added;
}

/** A reservation stands for the sender. */
export function tellOf(state: EngineState, { tcsb, nextHop, requested, forwarded }: Rsb, psb: Psb): void {
  const { interface: name, style } = tcsb;
  psb.reserved = true;
  const reservation = { interface: name, nextHop, style, flowspec: requested, ...carriedBy(forwarded) };
  emit(state, { type: 'resvUp', flow: psb.flow, ...reservation });
}

/** Confirmations that must be asked for upstream are, on all ways that the request takes; others are given here. */
export function passConfirms(state: EngineState, tcsb: Tcsb): void {
  for (const rsb of tcsb.rsbs) {
    for (const { receiver, psb } of takeConfirms(state, rsb, coveredBy(tcsb))) repeatUpstream(state, psb, receiver);
  }
}

/** Takes one reservation away; what it held on the interface goes or shrinks with it. */
export function removeRsb(state: EngineState, rsb: Rsb, cause: ResvDownCause): void {
  const { tcsb } = rsb;
  const covered = coveredBy(tcsb);
  detach(state, rsb);
  updateTrafficControl(state, tcsb);
  for (const psb of covered) tellDown(state, psb, cause);
}

/** Takes a sender out of a shared-explicit reservation. */
export function removeFilter(state: EngineState, rsb: Rsb, psb: Psb, cause: ResvDownCause): void {
  const filter = rsb.filters?.get(psb.key);
  if (filter === undefined) return;
  if (rsb.filters!.size === 1) return removeRsb(state, rsb, cause);
  state.timers.cancel(filter.expiry);
  rsb.filters!.delete(psb.key);
  if (rsb.accepted !== null) rememberResv(state, rsb);
  updateTrafficControl(state, rsb.tcsb);
  tellDown(state, psb, cause);
}

/** The flow leaves by the interface no more: what is reserved for it there goes at once. */
export function removeReservationsOn(state: EngineState, psb: Psb, name: string, cause: ResvDownCause): void {
  for (const tcsb of psb.reservations) if (tcsb.interface === name) removeAll(state, tcsb);
  for (const tcsb of psb.session.shared) {
    if (tcsb.interface !== name) continue;
    for (const rsb of tcsb.rsbs) removeFilter(state, rsb, psb, cause);
    const others = tcsb.style !== 'WF' || psb.session.psbs.some((each) => each !== psb && leavesBy(each, name));
    if (!others) removeAll(state, tcsb);
  }
  tellDown(state, psb, cause);
}

function removeAll(state: EngineState, tcsb: Tcsb): void {
  for (const rsb of tcsb.rsbs) detach(state, rsb);
  release(state, tcsb);
}

function detach(state: EngineState, rsb: Rsb): void {
  const { tcsb } = rsb;
  state.timers.cancel(rsb.expiry);
  for (const filter of rsb.filters?.values() ?? NONE) state.timers.cancel(filter.expiry);
  rsb.filters?.clear();
  unstand(rsb);
  tcsb.rsbs = without(tcsb.rsbs, rsb);
  if (rsb.accepted !== null) forgetResv(state, rsb);
}

/** The last reservation that stood for the sender is gone. */
export function tellDown(state: EngineState, psb: Psb, cause: ResvDownCause): void {
  if (rsbsFor(psb).length === 0) reservedNoMore(state, psb, cause);
}

/** Nothing stands for the sender, which may be leaving a share that stays for others. */
export function reservedNoMore(state: EngineState, psb: Psb, cause: ResvDownCause): void {
  if (!psb.reserved) return;
  psb.reserved = false;
  emit(state, { type: 'resvDown', flow: psb.flow, cause });
}

function release(state: EngineState, tcsb: Tcsb): void {
  const { pending, installed: held, uncertain, session, sender } = tcsb;
  if (tcsb.rsbs.length === 0) {
    if (sender === null) session.shared = without(session.shared, tcsb);
    else if (sender.reservations.includes(tcsb)) {
      sender.reservations = without(sender.reservations, tcsb);
      session.distinct--;
    }
  }
  const { senders } = tcsb;
  if (pending !== null) state.installs.delete(pending.installId);
  tcsb.pending = null;
  tcsb.installed = null;
  tcsb.senders = NONE;
  tcsb.uncertain = false;
  // A refused first install left nothing behind.
  if (pending === null && held === null && !uncertain) return;
  state.out.push({ type: 'remove', ...shareOf(tcsb, pending?.senders ?? senders) });
}

function takeAnswer(
  state: EngineState,
  installId: number,
): { tcsb: Tcsb; flowspec: Flowspec; senders: readonly Psb[] } | null {
  const tcsb = state.installs.get(installId);
  if (tcsb === undefined || tcsb.pending === null) return null;
  state.installs.delete(installId);
  const { flowspec, senders } = tcsb.pending;
  tcsb.pending = null;
  return { tcsb, flowspec, senders };
}
