import type { IpAddress } from '../../base/ip.ts';
import type { Flowspec } from '../../qos/flowspec.ts';
import { NONE, type LocalRequest, type Psb, type Rsb } from './blocks.ts';
import { blockades, greatestLowerBound, leastUpperBound } from './merge.ts';
import { leavesBy } from './session.ts';
import type { EngineState } from './state.ts';

/** Whether the reservation asks for the sender, and traffic control holds that. */
export function holdsFor(rsb: Rsb, psb: Psb): boolean {
  if (rsb.accepted === null) return false;
  return rsb.filters === null || rsb.filters.get(psb.key)?.accepted === true;
}

/** Whether a wildcard request may be passed on towards the sender (RFC 2205 3.4). */
const inScope = (rsb: Rsb, source: IpAddress): boolean => rsb.scope === null || rsb.scope.includes(source);

/** The reservations of next hops that stand for a sender. */
export function rsbsFor(psb: Psb): Rsb[] {
  const found: Rsb[] = [];
  for (const tcsb of psb.reservations) for (const rsb of tcsb.rsbs) if (holdsFor(rsb, psb)) found.push(rsb);
  for (const tcsb of psb.session.shared) {
    if (!leavesBy(psb, tcsb.interface)) continue;
    for (const rsb of tcsb.rsbs) if (holdsFor(rsb, psb)) found.push(rsb);
  }
  return found;
}

/** What receivers on this host ask of a sender elsewhere. */
export function localRequestsFor(state: EngineState, psb: Psb): readonly LocalRequest[] {
  const { session } = psb;
  if (psb.hop === null || session.receivers.length === 0) return NONE;
  if (!session.multicast && psb.way?.local !== true) return NONE;
  const named = state.requests.get(psb.key) ?? NONE;
  const all = session.receivers.filter(({ style }) => style === 'WF').flatMap(({ requests }) => requests);
  return all.length === 0 ? named : [...named, ...all];
}

/** Of these the ones for which a ResvConf is still wanted. */
export const awaitConfirm = (state: EngineState, psb: Psb): readonly LocalRequest[] =>
  localRequestsFor(state, psb).filter(({ confirm, answered }) => confirm && !answered.has(psb.key));

/** All that is asked of a sender and may be passed on to its previous hop. */
export function requestsFor(state: EngineState, psb: Psb): Flowspec[] {
  const asked: Flowspec[] = [];
  for (const rsb of rsbsFor(psb)) if (inScope(rsb, psb.flow.source)) asked.push(rsb.accepted!);
  for (const request of localRequestsFor(state, psb)) asked.push(request.flowspec);
  return asked;
}

/** Blockade state that concerns the sender: its own, or with wildcard style its previous hop's (RFC 2205 3.5). */
function blockadeOf(state: EngineState, psb: Psb): Flowspec | null {
  const blockade = psb.upstream?.style === 'WF' ? psb.upstream.blockade : psb.blockade;
  return blockade !== null && blockade.until > state.now ? blockade.flowspec : null;
}

/** What is asked of a sender and not blockaded. */
export function freeRequestsFor(state: EngineState, psb: Psb): Flowspec[] {
  const requests = requestsFor(state, psb);
  const blocking = blockadeOf(state, psb);
  return blocking === null ? requests : requests.filter((request) => !blockades(blocking, request));
}

/**
 * What the previous hop is to be asked for one sender: the least upper bound of what is installed here and wanted here;
 * blockaded requests are left out, unless all are, then their greatest lower bound (RFC 2205 3.5). null: nothing.
 */
export function wantedFor(state: EngineState, psb: Psb): Flowspec | null {
  const requests = requestsFor(state, psb);
  if (requests.length === 0) return null;
  const blocking = blockadeOf(state, psb);
  if (blocking === null) return requests.reduce(leastUpperBound);
  const free = requests.filter((request) => !blockades(blocking, request));
  return free.length > 0 ? free.reduce(leastUpperBound) : requests.reduce(greatestLowerBound);
}
