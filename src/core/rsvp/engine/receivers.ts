import type { Flowspec } from '../../qos/flowspec.ts';
import { rawObject } from '../wire/codec.ts';
import type { RsvpUnknown } from '../wire/unknown.ts';
import { NONE, type LocalReceiver, type LocalRequest, type Psb, type Session } from './blocks.ts';
import { emitError, ERROR } from './errors.ts';
import { sameFlowspec } from './merge.ts';
import { STYLE_VALUE } from './messages.ts';
import { localRequestsFor, requestsFor } from './requests.ts';
import {
  added,
  filterOfFlow,
  findSession,
  flowOfSession,
  releaseSession,
  sessionFor,
  sessionStyle,
  without,
} from './session.ts';
import { drop, emit, type EngineState } from './state.ts';
import { flowKeyText, type EngineInput, type FlowKey, type ReserveDescriptor, type SessionKey } from './types.ts';
import { sameObjects } from './unknown-objects.ts';
import { flushUpstream, repeatUpstream, reviewUpstream } from './upstream.ts';

type Reserve = EngineInput & { readonly type: 'reserve' };

/** A receiver of one flow in fixed-filter style: RESV answers PATH. Again with another flowspec: at once. */
export function openReceiver(state: EngineState, flow: FlowKey, flowspec: Flowspec, confirm: boolean): void {
  reserveHere(state, {
    type: 'reserve',
    session: flow,
    receiver: receiverOf(flow),
    style: 'FF',
    descriptors: [{ filters: [filterOfFlow(flow)], flowspec }],
    confirm,
  });
}

export const closeReceiver = (state: EngineState, flow: FlowKey): void => releaseHere(state, flow, receiverOf(flow));

/** Such a receiver has no other name; none that an application gives itself is like it. */
const receiverOf = ({ source, sourcePort }: FlowKey): string => `\0${source}:${sourcePort}`;

/** RESERVE of RFC 2205 3.11.1. */
export function reserveHere(state: EngineState, wanted: Reserve): void {
  const session = sessionFor(state, wanted.session);
  const before = session.receivers.find(({ id }) => id === wanted.receiver);
  if (before === undefined && state.receivers >= state.settings.maxFlows) {
    drop(state, 'tooManyFlows');
    return releaseSession(state, session);
  }
  const receiver = receiverFor(session, wanted);
  if (before !== undefined && sameReceiver(before, receiver) && !wanted.confirm) return;
  if (before !== undefined && before.style !== receiver.style) {
    // The old reservation is torn before the new one is asked for: styles never mix (RFC 2205 1.3).
    remove(state, session, before, true);
  }
  const style = sessionStyle(session);
  if (style !== null && style !== receiver.style) return refuseStyle(state, session, receiver, STYLE_VALUE[style]);
  const current = session.receivers.find(({ id }) => id === receiver.id);
  const touched = current === undefined ? NONE : sendersOf(state, session, current);
  if (current !== undefined) remove(state, session, current, false);
  add(state, session, receiver);
  for (const psb of touched) reviewUpstream(state, psb);
  const told = wanted.confirm || current === undefined || !sameObjects(current.forwarded, receiver.forwarded);
  for (const psb of sendersOf(state, session, receiver)) {
    psb.reported = null;
    if (told) repeatUpstream(state, psb, null);
    else reviewUpstream(state, psb);
  }
  flushUpstream(state);
}

/** RELEASE of RFC 2205 3.11.1. */
export function releaseHere(state: EngineState, id: SessionKey, name: string): void {
  const session = findSession(state, id);
  const receiver = session?.receivers.find((each) => each.id === name);
  if (session === undefined || receiver === undefined) return;
  remove(state, session, receiver, true);
  releaseSession(state, session);
}

function receiverFor(session: Session, { receiver: id, style, descriptors, confirm, ...more }: Reserve): LocalReceiver {
  const receiver: LocalReceiver = { id, style, requests: NONE, forwarded: objectsOf(more) };
  const each = style === 'FF' ? descriptors.flatMap(apart) : descriptors;
  receiver.requests = each.map(({ filters, flowspec }) => {
    const senders = filters.map((filter) => flowKeyText(flowOfSession(session.id, filter)));
    return { receiver, senders: style === 'WF' ? null : new Set(senders), flowspec, confirm, answered: new Set() };
  });
  return receiver;
}

const apart = ({ filters, flowspec }: ReserveDescriptor): ReserveDescriptor[] =>
  filters.map((filter) => ({ filters: [filter], flowspec }));

function objectsOf({ policyData, dclass }: Pick<Reserve, 'policyData' | 'dclass'>): readonly RsvpUnknown[] {
  const marks = dclass === undefined || dclass.length === 0 ? [] : [{ kind: 'dclass', codePoints: dclass } as const];
  const objects = [...(policyData ?? []), ...marks].map(rawObject);
  return objects.length === 0 ? NONE : objects;
}

const sameReceiver = (a: LocalReceiver, b: LocalReceiver): boolean =>
  a.style === b.style &&
  sameObjects(a.forwarded, b.forwarded) &&
  a.requests.length === b.requests.length &&
  a.requests.every((request, i) => sameRequest(request, b.requests[i]!));

const sameRequest = (a: LocalRequest, b: LocalRequest): boolean =>
  sameFlowspec(a.flowspec, b.flowspec) && String([...(a.senders ?? [])]) === String([...(b.senders ?? [])]);

function add(state: EngineState, session: Session, receiver: LocalReceiver): void {
  session.receivers = added(session.receivers, receiver);
  state.receivers++;
  for (const request of receiver.requests) {
    for (const key of request.senders ?? NONE) {
      state.requests.set(key, added(state.requests.get(key) ?? NONE, request));
    }
  }
}

/** `tell`: the receiver leaves for good, and its senders' previous hops hear of it. */
function remove(state: EngineState, session: Session, receiver: LocalReceiver, tell: boolean): void {
  const senders = sendersOf(state, session, receiver);
  session.receivers = without(session.receivers, receiver);
  state.receivers--;
  for (const request of receiver.requests) {
    for (const key of request.senders ?? NONE) {
      const left = without(state.requests.get(key) ?? NONE, request);
      if (left.length === 0) state.requests.delete(key);
      else state.requests.set(key, left);
    }
  }
  if (!tell) return;
  const ended = senders.filter((psb) => psb.asked !== null && requestsFor(state, psb).length === 0);
  for (const psb of senders) reviewUpstream(state, psb);
  flushUpstream(state);
  for (const { flow } of ended) emit(state, { type: 'resvDown', flow, cause: 'closed' });
}

/** The senders that the receiver's requests reach. */
const sendersOf = (state: EngineState, session: Session, receiver: LocalReceiver): readonly Psb[] =>
  receiver.style === 'WF'
    ? session.psbs.filter((psb) => reaches(state, psb, receiver))
    : [...new Set(receiver.requests.flatMap(({ senders }) => [...(senders ?? [])]))]
        .flatMap((key) => state.psbs.get(key) ?? NONE)
        .filter((psb) => reaches(state, psb, receiver));

const reaches = (state: EngineState, psb: Psb, receiver: LocalReceiver): boolean =>
  localRequestsFor(state, psb).some((request) => request.receiver === receiver);

/** Another application on this host, or a next hop, has a reservation of another style in the session (error 5). */
function refuseStyle(state: EngineState, session: Session, receiver: LocalReceiver, errorValue: number): void {
  drop(state, 'conflictingStyle');
  for (const psb of session.psbs) {
    if (receiver.style !== 'WF' && !receiver.requests.some(({ senders }) => senders?.has(psb.key))) continue;
    const { flow } = psb;
    const errorNode = [...state.interfaces.values()][0]?.address ?? flow.destination;
    const error = { flow, errorNode, errorCode: ERROR.conflictingStyle, errorValue, local: true };
    emitError(state, psb, { type: 'resvError', ...error });
  }
  releaseSession(state, session);
}
