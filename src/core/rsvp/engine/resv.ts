import type { ResvMessage, ResvTearMessage } from '../wire/message-views.ts';
import { STYLE_FF, type RsvpStyle } from '../wire/style.ts';
import { BAD_FLOWSPEC, ERROR, isBadFlowspec, sendResvErr } from './errors.ts';
import { sameFlowspec } from './merge.ts';
import { flowOf } from './messages.ts';
import type { Psb } from './psb.ts';
import type { ArrivedResv, Rsb } from './rsb.ts';
import { drop, resvJournalKey, type EngineState } from './state.ts';
import { lifetime } from './timers.ts';
import { removeRsb, sendRefusal, takeConfirm, updateTrafficControl } from './traffic-control.ts';
import { flowKeyText, type EngineInput } from './types.ts';
import { passUpstream, followUpstream } from './upstream.ts';

type Packet = EngineInput & { readonly type: 'packet' };

/** Next hops that one flow can have at a time; more than one only while a neighbour is replaced. */
const MAX_NEXT_HOPS = 8;

/** The defined bits of the option vector; a node interprets what it knows of it (RFC 2205 A.7). */
export const isFixedFilter = (style: RsvpStyle): boolean => (style.optionVector & 0x1f) === STYLE_FF;

/** RESV MESSAGE ARRIVES of RFC 2209, fixed-filter style: every flow descriptor is a reservation of its own. */
export function resvArrived(state: EngineState, view: ResvMessage, packet: Packet): void {
  if (state.localAddresses.has(view.hop.address)) return drop(state, 'ownHop');
  const fixed = isFixedFilter(view.style);
  for (const { flowspec, filters } of view.flowDescriptors) {
    for (const filter of filters) {
      const arrived: ArrivedResv = {
        flow: flowOf(view.session, filter),
        interface: packet.interface,
        nextHop: view.hop.address,
        refreshPeriod: view.timeValues.refreshPeriod,
        flowspec,
        confirm: view.resvConfirm?.receiver ?? null,
        forwarded: view.unknown,
      };
      if (fixed) reserve(state, arrived);
      else refuseStyle(state, arrived, view.style);
    }
  }
  if (!fixed && view.flowDescriptors.every(({ filters }) => filters.length === 0)) drop(state, 'unsupportedStyle');
}

/** Shared styles are not served: a conflict where fixed-filter reservations stand (code 5), unknown otherwise (code 6). */
function refuseStyle(state: EngineState, arrived: ArrivedResv, style: RsvpStyle): void {
  drop(state, 'unsupportedStyle');
  const standing = (state.psbs.get(flowKeyText(arrived.flow))?.rsbs.size ?? 0) > 0;
  const code = standing ? ERROR.conflictingStyle : ERROR.unknownStyle;
  sendResvErr(state, arrived.flow, arrived.flowspec, arrived, code, standing ? STYLE_FF : 0, 0, style);
}

/** One reservation request. It waits while the flow's route, or after a start its sender on this host, is not known yet. */
export function reserve(state: EngineState, arrived: ArrivedResv): void {
  const key = flowKeyText(arrived.flow);
  const psb = state.psbs.get(key);
  if (psb === undefined) return withoutPath(state, arrived, key);
  if (!psb.routed) {
    if (psb.waiting.size < MAX_NEXT_HOPS || psb.waiting.has(arrived.nextHop)) psb.waiting.set(arrived.nextHop, arrived);
    else drop(state, 'tooManyNextHops');
    return;
  }
  // RFC 2205 3.9: RESV belongs to the interface that PATH left through.
  if (psb.route === null || psb.route.local || psb.route.interface !== arrived.interface) {
    return drop(state, 'resvOnWrongInterface');
  }
  if (isBadFlowspec(arrived.flowspec)) {
    drop(state, 'badFlowspec');
    return sendResvErr(state, arrived.flow, arrived.flowspec, arrived, ERROR.trafficControl, BAD_FLOWSPEC);
  }
  const rsb = psb.rsbs.get(arrived.nextHop);
  if (rsb !== undefined) return refreshRsb(state, psb, rsb, arrived);
  if (psb.rsbs.size >= MAX_NEXT_HOPS) return drop(state, 'tooManyNextHops');
  psb.rsbs.set(arrived.nextHop, createRsb(state, psb, arrived));
  updateTrafficControl(state, psb);
}

function createRsb(state: EngineState, psb: Psb, arrived: ArrivedResv): Rsb {
  const rsb: Rsb = {
    interface: arrived.interface,
    nextHop: arrived.nextHop,
    forwarded: arrived.forwarded,
    refreshPeriod: arrived.refreshPeriod,
    requested: arrived.flowspec.flowspec,
    accepted: null,
    refusal: null,
    confirm: arrived.confirm,
    expiry: state.timers.create(() => expire(state, psb, rsb), 'reservation expiry'),
  };
  keepAlive(state, rsb);
  return rsb;
}

function refreshRsb(state: EngineState, psb: Psb, rsb: Rsb, arrived: ArrivedResv): void {
  rsb.refreshPeriod = arrived.refreshPeriod;
  rsb.forwarded = arrived.forwarded;
  keepAlive(state, rsb);
  const { flowspec } = arrived.flowspec;
  const { refusal } = rsb;
  if (refusal !== null && sameFlowspec(refusal.flowspec, flowspec) && refusal.until > state.now) {
    return sendRefusal(state, psb, rsb);
  }
  rsb.refusal = null;
  if (arrived.confirm !== null) rsb.confirm = arrived.confirm;
  const same = sameFlowspec(rsb.requested, flowspec);
  rsb.requested = flowspec;
  if (!same || refusal !== null) return updateTrafficControl(state, psb);
  const settled = rsb.accepted !== null && sameFlowspec(rsb.accepted, flowspec);
  if (settled) for (const confirm of takeConfirm(state, psb, rsb)) passUpstream(state, psb, confirm);
}

function keepAlive(state: EngineState, rsb: Rsb): void {
  state.timers.set(rsb.expiry, state.now + lifetime(rsb.refreshPeriod, state.settings.refreshPeriod));
}

function expire(state: EngineState, psb: Psb, rsb: Rsb): void {
  removeRsb(state, psb, rsb, 'timeout');
  followUpstream(state, psb);
}

/**
 * No path state: error 3 or 4. Shortly after the start, a RESV for a sender of this host waits for it to be opened
 * again: what a restarted host plays back and what its neighbours refresh may come before.
 */
function withoutPath(state: EngineState, arrived: ArrivedResv, key: string): void {
  const { now, settings } = state;
  const startEnds = (state.startedAt ?? now) + lifetime(settings.refreshPeriod, settings.refreshPeriod);
  if (!state.localAddresses.has(arrived.flow.source) || now >= startEnds) return refuseWithoutPath(state, arrived);
  let held = state.held.get(key);
  if (held === undefined && state.held.size >= settings.maxFlows) return drop(state, 'tooManyFlows');
  const timer = held?.timer ?? state.timers.create(() => giveUp(state, key), 'reservation before its sender');
  held = { arrived, timer };
  state.held.set(key, held);
  if (timer.at === null) state.timers.set(timer, startEnds);
}

function giveUp(state: EngineState, key: string): void {
  const held = state.held.get(key);
  if (held === undefined) return;
  state.held.delete(key);
  refuseWithoutPath(state, held.arrived);
  abandonResv(state, held.arrived);
}

/** A RESV that waited in vain may be from the journal of an earlier run, whose kernel state then is nobody's. */
export function abandonResv(state: EngineState, { flow, nextHop, interface: name }: ArrivedResv): void {
  state.out.push({ type: 'forget', key: resvJournalKey(flowKeyText(flow), nextHop) });
  state.out.push({ type: 'remove', flow, interface: name });
}

function refuseWithoutPath(state: EngineState, arrived: ArrivedResv): void {
  drop(state, 'noPathState');
  const code = state.ports.hasSession(arrived.flow) ? ERROR.noSender : ERROR.noPath;
  sendResvErr(state, arrived.flow, arrived.flowspec, arrived, code, 0);
}

/** RTEAR MESSAGE ARRIVES of RFC 2209. */
export function resvTearArrived(state: EngineState, view: ResvTearMessage, packet: Packet): void {
  if (!isFixedFilter(view.style)) return drop(state, 'unsupportedStyle');
  for (const { filters } of view.flowDescriptors) {
    for (const filter of filters) tear(state, flowKeyText(flowOf(view.session, filter)), view.hop.address, packet);
  }
}

function tear(state: EngineState, key: string, nextHop: Rsb['nextHop'], packet: Packet): void {
  const held = state.held.get(key);
  if (held?.arrived.nextHop === nextHop) {
    state.timers.cancel(held.timer);
    state.held.delete(key);
    abandonResv(state, held.arrived);
  }
  const psb = state.psbs.get(key);
  psb?.waiting.delete(nextHop);
  const rsb = psb?.rsbs.get(nextHop);
  if (psb === undefined || rsb === undefined || rsb.interface !== packet.interface) {
    return drop(state, 'noReservationState');
  }
  removeRsb(state, psb, rsb, 'tear');
  followUpstream(state, psb);
}
