import { ipv4ToU32, type IpAddress } from '../../base/ip.ts';
import type { Flowspec } from '../../qos/flowspec.ts';
import type { RsvpUnknown } from '../wire/unknown.ts';
import { NONE, type Psb, type Upstream } from './blocks.ts';
import { leastUpperBound } from './merge.ts';
import { buildResv, buildResvTear, type ResvContents } from './messages.ts';
import { awaitConfirm, localRequestsFor, rsbsFor } from './requests.ts';
import type { StatementKind } from './neighbours/neighbour.ts';
import { isSummarised } from './neighbours/sent.ts';
import { sendToNeighbour } from './send.ts';
import { sameHop } from './session.ts';
import type { EngineState } from './state.ts';
import { statementOf } from './statement.ts';
import { unite } from './unknown-objects.ts';

/**
 * SE and WF: the least upper bound of what is wanted of each sender behind the previous hop (RFC 2209, RESV REFRESH 5), the
 * same in all RESVs to it.
 */
export const mergedFlowspec = (upstream: Upstream): Flowspec =>
  toSameHop(upstream)
    .flatMap(({ members }) => members.map((psb) => psb.asked!))
    .reduce(leastUpperBound);

/** The RESVs of one style to one previous hop. */
export const toSameHop = ({ session, style, hop }: Upstream): readonly Upstream[] =>
  session.upstreams.filter((each) => each.style === style && sameHop(each.hop, hop));

/**
 * WF: the senders that the RESV may be passed on to, sorted; null where none is needed, which is where there is one
 * previous hop only and nobody downstream named any (RFC 2205 3.4).
 */
export function scopeFor({ style, session, members }: Upstream): readonly IpAddress[] | null {
  if (style !== 'WF') return null;
  const others = session.psbs.filter(({ hop }) => hop !== null);
  const one = others.every(({ hop }) => sameHop(others[0]!.hop, hop!));
  if (one && session.shared.every((tcsb) => tcsb.rsbs.every((rsb) => rsb.scope === null))) return null;
  return [...new Set(members.map((psb) => psb.flow.source))].sort((a, b) => ipv4ToU32(a) - ipv4ToU32(b));
}

export const sameScope = (a: readonly IpAddress[] | null, b: readonly IpAddress[] | null): boolean =>
  a === null || b === null ? a === b : a.length === b.length && a.every((each, i) => each === b[i]);

/**
 * `news`: it says something new. `look`: as `refresh`, and compared in full with what the neighbour was told. A receiver on
 * this host asks for a confirmation with every RESV until one comes. False: summaries refresh it.
 */
export function sendResv(
  state: EngineState,
  upstream: Upstream,
  kind: StatementKind<EngineState, Upstream>,
  confirm: IpAddress | null,
  why: 'news' | 'refresh' | 'look',
): boolean {
  const { hop } = upstream;
  const out = state.interfaces.get(hop.interface);
  if (out === undefined) return true;
  const receiver = confirm ?? ownConfirm(state, upstream, out.address);
  const same = why !== 'news' && receiver === null && !upstream.asking;
  upstream.asking = receiver !== null;
  const named = same && isSummarised(state, upstream, hop.interface, hop.address);
  if (named && why === 'refresh') return false;
  const resv = buildResv(contentsOf(state, upstream), {
    confirm: receiver,
    forwarded: upstream.forwarded,
    refreshPeriod: state.settings.refreshPeriod,
    address: out.address,
    handle: hop.logicalInterfaceHandle,
  });
  sendToNeighbour(state, resv, out, hop.address, statementOf(kind, upstream, why === 'news', hop.address));
  return !named || upstream.told?.acknowledged !== true;
}

/** What is asked for no more. A wildcard reservation goes as a whole. */
export function sendResvTear(state: EngineState, upstream: Upstream, dropped: Upstream['dropped']): void {
  const { hop, session, style } = upstream;
  const out = state.interfaces.get(hop.interface);
  if (out === undefined) return;
  const flows = dropped.map(({ psb }) => psb.flow);
  const descriptors =
    style === 'FF'
      ? dropped.map(({ psb, flowspec }) => ({ flowspec, filters: [psb.flow] }))
      : [{ flowspec: upstream.flowspec ?? dropped[0]!.flowspec, filters: style === 'SE' ? flows : NONE }];
  const contents = { session: session.id, style, scope: upstream.scope, descriptors };
  sendToNeighbour(state, buildResvTear(contents, out.address, hop.logicalInterfaceHandle), out, hop.address);
}

function contentsOf(state: EngineState, { session, style, members, flowspec, scope }: Upstream): ResvContents {
  const descriptors =
    style === 'FF'
      ? members.map((psb) => ({ flowspec: psb.asked!, filters: [psb.flow] }))
      : [{ flowspec: flowspec!, filters: style === 'SE' ? members.map((psb) => psb.flow) : NONE }];
  return { session: session.id, style, scope, descriptors };
}

function ownConfirm(state: EngineState, { session, members }: Upstream, address: IpAddress): IpAddress | null {
  const awaited = members.some((psb) => awaitConfirm(state, psb).length > 0);
  if (!awaited) return null;
  return session.multicast ? address : session.id.destination;
}

/** The union of what the merged requests carried (RFC 2205 3.10; for policy data RFC 2750 4.2). */
export function forwardedBy(state: EngineState, { members }: Upstream): readonly RsvpUnknown[] {
  return unite(members.flatMap((psb) => objectsFor(state, psb)));
}

const objectsFor = (state: EngineState, psb: Psb): (readonly RsvpUnknown[])[] => [
  ...rsbsFor(psb).map((rsb) => rsb.forwarded),
  ...localRequestsFor(state, psb).map(({ receiver }) => receiver.forwarded),
];

/** Whether a request for the sender carries objects for others, which is seldom. */
export const carriesObjects = (state: EngineState, psb: Psb): boolean =>
  objectsFor(state, psb).some((objects) => objects.length > 0);
