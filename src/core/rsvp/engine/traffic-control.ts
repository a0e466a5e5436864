import type { IpAddress } from '../../base/ip.ts';
import type { Flowspec } from '../../qos/flowspec.ts';
import { confirmReservation } from './confirm.ts';
import { IN_PLACE, sendResvErr } from './errors.ts';
import { forgetResv, rememberResv } from './journal.ts';
import { covers, leastUpperBound, sameFlowspec } from './merge.ts';
import type { Psb } from './psb.ts';
import type { Rsb, TrafficControl } from './rsb.ts';
import { emit, newId, type EngineState } from './state.ts';
import { BLOCKADE_FACTOR } from './timers.ts';
import { flowKeyText, type EngineEvent, type FlowKey } from './types.ts';
import { followUpstream, passUpstream } from './upstream.ts';

type ResvDownCause = (EngineEvent & { readonly type: 'resvDown' })['cause'];

/** Asked for and neither installed nor refused yet. */
const isOpen = (rsb: Rsb): boolean =>
  rsb.refusal === null && (rsb.accepted === null || !sameFlowspec(rsb.accepted, rsb.requested));

/** What the outgoing interface should hold: the least upper bound of what the next hops may have. */
function target(psb: Psb): Flowspec | null {
  let bound: Flowspec | null = null;
  for (const rsb of psb.rsbs.values()) {
    const share = rsb.refusal === null ? rsb.requested : rsb.accepted;
    if (share !== null) bound = bound === null ? share : leastUpperBound(bound, share);
  }
  return bound;
}

/** UPDATE TRAFFIC CONTROL of RFC 2209: brings the outgoing interface to what the reservations ask for. */
export function updateTrafficControl(state: EngineState, psb: Psb): void {
  const flowspec = target(psb);
  if (flowspec === null) return release(state, psb);
  if (psb.route === null) return;
  psb.trafficControl ??= { interface: psb.route.interface, installed: null, pending: null, uncertain: false };
  const control = psb.trafficControl;
  if (control.pending !== null) {
    if (sameFlowspec(control.pending.flowspec, flowspec)) return;
    state.installs.delete(control.pending.installId);
    control.uncertain = true;
  } else if (control.installed !== null && !control.uncertain && sameFlowspec(control.installed, flowspec)) {
    return settle(state, psb);
  }
  const installId = newId(state);
  control.pending = { installId, flowspec };
  state.installs.set(installId, psb);
  state.out.push({ type: 'install', installId, flow: psb.flow, interface: control.interface, flowspec });
}

/** The kernel holds it. An answer to an install that was overtaken or removed is none. */
export function installed(state: EngineState, installId: number): void {
  const answered = takeAnswer(state, installId);
  if (answered === null) return;
  answered.control.installed = answered.flowspec;
  answered.control.uncertain = false;
  settle(state, answered.psb);
}

/**
 * The kernel, or local admission, will not hold it: every next hop whose request was new in it gets a ResvErr, with
 * InPlace where an earlier reservation stays, and the flowspec is not tried again for Kb · R.
 */
export function refused(state: EngineState, installId: number, errorCode: number, errorValue: number): void {
  const answered = takeAnswer(state, installId);
  if (answered === null) return;
  const { psb } = answered;
  const guilty = [...psb.rsbs.values()].filter(isOpen);
  for (const rsb of guilty) {
    rsb.confirm = null;
    const until = state.now + BLOCKADE_FACTOR * rsb.refreshPeriod;
    rsb.refusal = { flowspec: rsb.requested, errorCode, errorValue, until: until as typeof state.now };
    sendRefusal(state, psb, rsb);
    const errorNode = state.interfaces.get(rsb.interface)?.address ?? rsb.nextHop;
    const { requested: flowspec } = rsb;
    emit(state, { type: 'resvError', flow: psb.flow, errorNode, errorCode, errorValue, local: false, flowspec });
    if (rsb.accepted === null) emit(state, { type: 'resvDown', flow: psb.flow, cause: 'refused' });
  }
  // Without one the refusal is of what was there before: another try would be refused alike.
  if (guilty.length > 0) updateTrafficControl(state, psb);
}

/**
 * Asks for what stands reserved once more: what an earlier booking of the flow left behind (a refusal, or a share that
 * is no longer in the kernel) says nothing about the next. An answer that is still to come will be about the new one.
 */
export function admissionChanged(state: EngineState, flow: FlowKey): void {
  const psb = state.psbs.get(flowKeyText(flow));
  if (psb === undefined) return;
  psb.blockade = null;
  if (psb.trafficControl !== null && psb.trafficControl.pending !== null) return;
  for (const rsb of psb.rsbs.values()) {
    rsb.refusal = null;
    if (rsb.accepted === null) continue;
    rsb.accepted = null;
    forgetResv(state, psb, rsb);
  }
  if (psb.trafficControl !== null) psb.trafficControl.uncertain = true;
  updateTrafficControl(state, psb);
}

/** The ResvErr of a refusal; a refresh of the refused flowspec gets it again, since it may have been lost. */
export function sendRefusal(state: EngineState, psb: Psb, rsb: Rsb): void {
  if (rsb.refusal === null) return;
  const { flowspec, errorCode, errorValue } = rsb.refusal;
  const flags = rsb.accepted === null ? 0 : IN_PLACE;
  sendResvErr(state, psb.flow, { kind: 'flowspec', flowspec }, rsb, errorCode, errorValue, flags);
}

/** Marks what traffic control now covers as accepted, tells, and passes it on upstream. */
function settle(state: EngineState, psb: Psb): void {
  const open = [...psb.rsbs.values()].filter(isOpen);
  for (const rsb of open) {
    rsb.accepted = rsb.requested;
    rememberResv(state, psb, rsb);
  }
  const confirms = [...psb.rsbs.values()].flatMap((rsb) => takeConfirm(state, psb, rsb));
  if (confirms.length === 0 && open.length > 0) followUpstream(state, psb);
  for (const confirm of confirms) passUpstream(state, psb, confirm);
  for (const rsb of open) {
    const { interface: name, nextHop, requested } = rsb;
    emit(state, { type: 'resvUp', flow: psb.flow, interface: name, nextHop, flowspec: requested });
  }
}

/**
 * The confirmation that must be asked for upstream. Where another next hop's reservation already gives as much, the
 * request merges into it and is confirmed here (RFC 2205 2.6).
 */
export function takeConfirm(state: EngineState, psb: Psb, rsb: Rsb): IpAddress[] {
  const { confirm, accepted } = rsb;
  if (confirm === null || accepted === null || rsb.refusal !== null) return [];
  rsb.confirm = null;
  const merged = [...psb.rsbs.values()].some(
    (other) => other !== rsb && other.accepted !== null && covers(other.accepted, accepted),
  );
  if (!merged) return [confirm];
  confirmReservation(state, psb, confirm, accepted);
  return [];
}

/** Takes one reservation away; what it held on the interface goes or shrinks with it. */
export function removeRsb(state: EngineState, psb: Psb, rsb: Rsb, cause: ResvDownCause): void {
  state.timers.cancel(rsb.expiry);
  psb.rsbs.delete(rsb.nextHop);
  if (rsb.accepted !== null) forgetResv(state, psb, rsb);
  updateTrafficControl(state, psb);
  const left = [...psb.rsbs.values()].some((other) => other.accepted !== null);
  if (rsb.accepted !== null && !left) emit(state, { type: 'resvDown', flow: psb.flow, cause });
}

/** Takes all reservations of a flow away at once. */
export function removeAllRsbs(state: EngineState, psb: Psb, cause: ResvDownCause): void {
  let held = false;
  for (const rsb of psb.rsbs.values()) {
    state.timers.cancel(rsb.expiry);
    if (rsb.accepted === null) continue;
    held = true;
    forgetResv(state, psb, rsb);
  }
  psb.rsbs.clear();
  release(state, psb);
  if (held) emit(state, { type: 'resvDown', flow: psb.flow, cause });
}

function release(state: EngineState, psb: Psb): void {
  const control = psb.trafficControl;
  if (control === null) return;
  psb.trafficControl = null;
  if (control.pending !== null) state.installs.delete(control.pending.installId);
  // A refused first install left nothing behind.
  if (control.pending === null && control.installed === null && !control.uncertain) return;
  state.out.push({ type: 'remove', flow: psb.flow, interface: control.interface });
}

function takeAnswer(
  state: EngineState,
  installId: number,
): { psb: Psb; control: TrafficControl; flowspec: Flowspec } | null {
  const psb = state.installs.get(installId);
  const control = psb?.trafficControl;
  if (psb === undefined || !control || control.pending === null) return null;
  state.installs.delete(installId);
  const { flowspec } = control.pending;
  control.pending = null;
  return { psb, control, flowspec };
}
