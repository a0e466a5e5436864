import type { ArrivedPacket } from './arrived-packet.ts';
import { MonotonicMs } from '../../base/units.ts';
import type { FlowDescriptor, ResvErrMessage } from '../wire/message-views.ts';
import { NONE, type Blockade, type Psb, type Rsb, type Session } from './blocks.ts';
import { emitError, ERROR, eventFlags, IN_PLACE } from './errors.ts';
import { blockades } from './merge.ts';
import { buildResvErr, flowOf, styleName } from './messages.ts';
import { mayPassError } from './neighbours/limits.ts';
import { freeRequestsFor, localRequestsFor } from './requests.ts';
import { sendToNeighbour } from './send.ts';
import { filterOfFlow, findSession, leavesBy, sessionStyle } from './session.ts';
import { drop, type EngineState } from './state.ts';
import { BLOCKADE_FACTOR } from './timers.ts';
import { flowKeyText } from './types.ts';
import { flushUpstream, reviewUpstream } from './upstream.ts';

/** RERR MESSAGE ARRIVES of RFC 2209: blockade, then on to the receivers that it concerns. */
export function resvErrArrived(state: EngineState, view: ResvErrMessage, packet: ArrivedPacket): void {
  const descriptor = view.flowDescriptor;
  if (descriptor === null) return drop(state, 'noFlowDescriptor');
  const session = findSession(state, view.session);
  if (session === undefined || session.psbs.length === 0) return drop(state, 'noPathState');
  // About a request that nobody here made, or makes any more.
  const style = styleName(view.style);
  if (sessionStyle(session) !== style) return drop(state, 'resvErrOfAnotherStyle');
  const meant = style === 'WF' ? behind(session, view, packet) : named(state, view, descriptor, packet);
  if (meant.length === 0) return style === 'WF' ? drop(state, 'errorFromAnotherHop') : undefined;
  const senders = meant.filter((psb) => mayPassError(state, psb));
  if (senders.length === 0) return drop(state, 'tooManyErrors');
  if (view.errorSpec.errorCode === ERROR.admissionControl) blockade(state, senders, descriptor);
  forward(state, session, view, descriptor, senders, packet);
  tellReceivers(state, view, descriptor, senders);
}

/** Explicit styles: the senders that the error is about. */
function named(
  state: EngineState,
  view: ResvErrMessage,
  { filters }: FlowDescriptor,
  packet: ArrivedPacket,
): readonly Psb[] {
  return filters.flatMap((filter) => {
    const psb = state.psbs.get(flowKeyText(flowOf(view.session, filter)));
    if (psb !== undefined && isFromHop(psb, view, packet)) return [psb];
    const elsewhere = psb !== undefined && psb.hop?.interface !== packet.arrivedBy;
    drop(state, psb === undefined ? 'noPathState' : elsewhere ? 'resvErrOnWrongInterface' : 'errorFromAnotherHop');
    return [];
  });
}

/** Wildcard style: the senders behind the previous hop that it came from, as far as they are in its SCOPE (RFC 2205 3.4). */
function behind({ psbs }: Session, view: ResvErrMessage, packet: ArrivedPacket): readonly Psb[] {
  const scope = view.extensions?.scope?.sources ?? null;
  return psbs.filter((psb) => isFromHop(psb, view, packet) && (scope === null || scope.includes(psb.flow.source)));
}

/**
 * Believed from the previous hop that the request went to, alone: it names itself, and the message is its own, since it goes
 * hop by hop (RFC 2205 3.1.8). One that is signed needs no such look at its source.
 */
const isFromHop = ({ hop }: Psb, view: ResvErrMessage, { interface: name, source, proved }: ArrivedPacket): boolean =>
  hop !== null && hop.interface === name && hop.address === view.hop.address && (proved || source === hop.address);

/** RFC 2205 3.5: what is not blockaded is asked for at once; a request that stays the same would only fail again. */
function blockade(state: EngineState, senders: readonly Psb[], { flowspec }: FlowDescriptor): void {
  const until = MonotonicMs(state.now + BLOCKADE_FACTOR * state.settings.refreshPeriod);
  const blocking: Blockade = { flowspec: flowspec.flowspec, until };
  for (const psb of senders) {
    if (psb.upstream?.style === 'WF') psb.upstream.blockade = blocking;
    else psb.blockade = blocking;
  }
  for (const psb of senders) if (freeRequestsFor(state, psb).length > 0) reviewUpstream(state, psb);
  flushUpstream(state);
}

/** Whether an error that leaves an earlier reservation in place says nothing to whoever asked for less. */
const sparesWho = (view: ResvErrMessage): boolean =>
  view.errorSpec.errorCode === ERROR.admissionControl && (view.errorSpec.flags & IN_PLACE) !== 0;

function forward(
  state: EngineState,
  session: Session,
  view: ResvErrMessage,
  descriptor: FlowDescriptor,
  senders: readonly Psb[],
  packet: ArrivedPacket,
): void {
  for (const rsb of concerned(session, senders)) {
    const { tcsb, nextHop, requested } = rsb;
    const out = state.interfaces.get(tcsb.interface);
    if (out === undefined || tcsb.interface === packet.interface) continue;
    if (sparesWho(view) && !blockades(descriptor.flowspec.flowspec, requested)) continue;
    const about = senders.filter(
      (psb) => leavesBy(psb, tcsb.interface) && (rsb.filters === null || rsb.filters.has(psb.key)),
    );
    const scope = scopeFor(view, about);
    if (scope !== null && scope.length === 0) continue;
    const filters = tcsb.style === 'WF' ? NONE : about.map((psb) => filterOfFlow(psb.flow));
    const { flowspec } = descriptor;
    const contents = { session: session.id, style: view.style, scope, flowspec, filters, policy: view.unknown };
    const error = buildResvErr(contents, out.address, view.errorSpec);
    sendToNeighbour(state, error, out, nextHop);
  }
}

/** SCOPE of an error that had one: of its senders those that leave by the interface. */
function scopeFor(view: ResvErrMessage, about: readonly Psb[]) {
  if (view.extensions?.scope === undefined) return null;
  return [...new Set(about.map((psb) => psb.flow.source))];
}

/** The reservations that have a sender in common with the error. */
function concerned(session: Session, senders: readonly Psb[]): readonly Rsb[] {
  const distinct = senders.flatMap((psb) => psb.reservations.flatMap((tcsb) => tcsb.rsbs));
  const shared = session.shared.flatMap((tcsb) =>
    senders.some((psb) => leavesBy(psb, tcsb.interface)) ? tcsb.rsbs : NONE,
  );
  return [
    ...distinct,
    ...shared.filter((rsb) => rsb.filters === null || senders.some((psb) => rsb.filters!.has(psb.key))),
  ];
}

function tellReceivers(
  state: EngineState,
  view: ResvErrMessage,
  { flowspec: { flowspec } }: FlowDescriptor,
  senders: readonly Psb[],
): void {
  const { errorNode, errorCode, errorValue } = view.errorSpec;
  const inPlace = (view.errorSpec.flags & IN_PLACE) !== 0;
  for (const psb of senders) {
    const requests = localRequestsFor(state, psb);
    const guilty = requests.filter((request) => blockades(flowspec, request.flowspec));
    const told = sparesWho(view) ? guilty : requests;
    for (const request of told) request.answered.add(psb.key);
    emitError(state, psb, {
      type: 'resvError',
      flow: psb.flow,
      errorNode,
      errorCode,
      errorValue,
      local: told.length > 0,
      flowspec,
      ...eventFlags(inPlace, errorCode === ERROR.admissionControl && told.length > 0 && guilty.length === 0),
    });
  }
}
