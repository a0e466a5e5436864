import type { IpAddress } from '../../base/ip.ts';
import type { Flowspec } from '../../qos/flowspec.ts';
import { confirmReservation } from './confirm.ts';
import { blockades, greatestLowerBound, leastUpperBound, sameFlowspec } from './merge.ts';
import { buildResv, buildResvTear } from './messages.ts';
import type { PreviousHop, Psb, UpstreamResv } from './psb.ts';
import { retract } from './neighbours/sent.ts';
import { sendToNeighbour } from './send.ts';
import type { EngineState, LocalReceiver } from './state.ts';
import type { Statement } from './statement.ts';
import { refreshDelay } from './timers.ts';

/** The receiver that this host opened for the flow, when the flow ends here. */
export const localReceiver = (state: EngineState, psb: Psb): LocalReceiver | undefined =>
  psb.route?.local ? state.receivers.get(psb.key) : undefined;

/**
 * What RESV asks of the previous hop: the least upper bound of what is installed here; blockaded requests are left out,
 * unless all are, then their greatest lower bound (RFC 2205 3.5). null: nothing is asked.
 */
export function wantedUpstream(state: EngineState, psb: Psb): Flowspec | null {
  const requests: Flowspec[] = [];
  for (const rsb of psb.rsbs.values()) if (rsb.accepted !== null) requests.push(rsb.accepted);
  const receiver = localReceiver(state, psb);
  if (receiver !== undefined) requests.push(receiver.flowspec);
  if (requests.length === 0) return null;
  const { blockade } = psb;
  if (blockade === null || blockade.until <= state.now) return requests.reduce(leastUpperBound);
  const free = requests.filter((request) => !blockades(blockade.flowspec, request));
  return free.length > 0 ? free.reduce(leastUpperBound) : requests.reduce(greatestLowerBound);
}

/**
 * Sends RESV at once, because something changed or a confirmation is asked for, and refreshes it from then on. On the
 * sender's host the reservation is complete: a confirmation is answered.
 */
export function passUpstream(state: EngineState, psb: Psb, confirm: IpAddress | null): void {
  const flowspec = wantedUpstream(state, psb);
  if (flowspec === null) return;
  if (psb.hop === null) {
    const receiver = confirm ?? ownConfirm(state, psb);
    if (receiver !== null) confirmReservation(state, psb, receiver, flowspec);
    return;
  }
  psb.upstream ??= { flowspec, step: 0, timer: state.timers.create(() => repeat(state, psb), 'reservation refresh') };
  psb.upstream.flowspec = flowspec;
  psb.upstream.step = 0;
  transmit(state, psb, psb.upstream, confirm, true);
}

/** Brings the previous hop to what is wanted now: RESV where that changed, ResvTear where nothing is left. */
export function followUpstream(state: EngineState, psb: Psb): void {
  const { upstream } = psb;
  const flowspec = wantedUpstream(state, psb);
  if (flowspec === null) {
    if (upstream !== null) tearUpstream(state, psb, upstream);
  } else if (upstream === null || !sameFlowspec(flowspec, upstream.flowspec)) {
    passUpstream(state, psb, null);
  }
}

/** No more refreshes, and no tear: the state upstream goes with its path state, or times out. */
export function stopUpstream(state: EngineState, psb: Psb): void {
  if (psb.upstream === null) return;
  state.timers.cancel(psb.upstream.timer);
  psb.upstream = null;
  retract(state, resvKey(psb));
}

function tearUpstream(state: EngineState, psb: Psb, upstream: UpstreamResv): void {
  stopUpstream(state, psb);
  const out = psb.hop && state.interfaces.get(psb.hop.interface);
  if (!psb.hop || !out) return;
  const tear = buildResvTear(psb.flow, upstream.flowspec, out.address, psb.hop.logicalInterfaceHandle);
  sendToNeighbour(state, tear, out, psb.hop.address, resvStatement(state, psb, psb.hop, true));
}

function repeat(state: EngineState, psb: Psb): void {
  const { upstream } = psb;
  const flowspec = wantedUpstream(state, psb);
  if (upstream === null) return;
  if (flowspec === null) return stopUpstream(state, psb);
  const trigger = !sameFlowspec(upstream.flowspec, flowspec);
  upstream.flowspec = flowspec;
  upstream.step++;
  transmit(state, psb, upstream, null, trigger);
}

function transmit(
  state: EngineState,
  psb: Psb,
  upstream: UpstreamResv,
  confirm: IpAddress | null,
  trigger: boolean,
): void {
  const { refreshPeriod } = state.settings;
  state.timers.set(upstream.timer, state.now + refreshDelay(upstream.step, refreshPeriod, state.random));
  const out = psb.hop && state.interfaces.get(psb.hop.interface);
  if (!psb.hop || !out) return;
  const forwarded = [...psb.rsbs.values()].find((rsb) => rsb.accepted !== null)?.forwarded ?? [];
  const parts = { flowspec: upstream.flowspec, confirm: confirm ?? ownConfirm(state, psb), forwarded, refreshPeriod };
  const resv = buildResv(psb.flow, parts, out.address, psb.hop.logicalInterfaceHandle);
  sendToNeighbour(state, resv, out, psb.hop.address, resvStatement(state, psb, psb.hop, trigger));
}

const resvKey = (psb: Psb): string => `resv ${psb.key}`;

const resvStatement = (state: EngineState, psb: Psb, hop: PreviousHop, trigger: boolean): Statement => ({
  key: resvKey(psb),
  trigger,
  neighbour: hop.address,
  again: () => repeat(state, psb),
});

/** A receiver on this host asks with every RESV until an answer comes: a lost ResvConf is asked for again. */
const ownConfirm = (state: EngineState, psb: Psb): IpAddress | null =>
  localReceiver(state, psb)?.awaitsConfirm ? psb.flow.destination : null;
