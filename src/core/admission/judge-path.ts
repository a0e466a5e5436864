import { type IpAddress, ipFamily } from '../base/ip.ts';
import { BitsPerSecond, Bytes, type BytesPerSecond, Micros } from '../base/units.ts';
import type { NetworkGraph } from '../network/graph.ts';
import { type Link, type NetworkNode, type NodeName, reservableBitsPerSecond } from '../network/topology.ts';
import { bookedBitsPerSecond } from '../qos/booking.ts';
import { queueingDelayMicros, smallestRate, smallestReachableMicros } from '../qos/delay.ts';
import { composeErrorTerms, type ErrorTerms, hopErrorTerms } from '../qos/error-terms.ts';
import type { Qos, ReservationRequest, Window } from '../qos/request.ts';
import { enforceableBitsPerSecond } from '../qos/set-aside.ts';
import { toTspec } from '../qos/wire-rate.ts';
import type { AdmittedPath, RefusalReason } from './decision.ts';
import type { World } from './world.ts';

/** Windows that start sooner need the agents now; later ones leave them time to come back. */
const AGENTS_NEEDED_WITHIN_MILLIS = 60_000;
const MAX_CONFLICTING = 100;

/** One path judged for one request: nothing in `reasons` = it can be booked as `path` says. */
export interface Judgement {
  readonly reasons: readonly RefusalReason[];
  readonly path: AdmittedPath;
}

/** @param links the path in order, at least one link. */
export function judgePath(links: readonly Link[], request: ReservationRequest, world: World): Judgement {
  const { qos, window } = request;
  const nodes = nodesOf(links);
  const terms = pathTerms(links, qos);
  const needed = neededRate(qos, terms);
  // Where no rate is enough, the room for the token rate is judged all the same: a refusal tells everything at once.
  const rate = needed ?? toTspec(qos).tokenRate;
  const path = pathAt(links, rate, terms, qos);
  return {
    reasons: [
      ...unsignalled(nodes, request, world),
      ...links.flatMap((link) => mtuReason(link, qos, world.graph)),
      ...(needed === null ? [delayReason(qos, terms)] : []),
      ...links.flatMap((link, i) => bandwidthReason(link, path.hops[i]!.bookedBitsPerSecond, window, world)),
      ...silentAgents(nodes, window, world),
    ],
    path,
  };
}

/** A path as it would be booked at a rate, for one sender; routed until somebody says otherwise. */
export const pathAt = (links: readonly Link[], rate: BytesPerSecond, terms: PathTerms, qos: Qos): AdmittedPath => ({
  hops: links.map((link) => ({
    node: link.from.node,
    interface: link.from.interface,
    link: link.id,
    bookedBitsPerSecond: bookedBitsPerSecond(rate, qos.minPolicedUnitBytes, link.overheadBytes),
  })),
  nodes: nodesOf(links),
  rate,
  delayBoundMicros: qos.serviceType === 'guaranteed' ? delayBound(qos, rate, terms) : null,
  pinning: 'routed',
  explicitRoute: [],
});

/** All nodes of a path, in order. */
export const nodesOf = (links: readonly Link[]): readonly NodeName[] => [
  links[0]!.from.node,
  ...links.map((link) => link.to.node),
];

/** Error terms and propagation of a whole path. */
export interface PathTerms {
  readonly errors: ErrorTerms;
  readonly propagationMicros: number;
}

export const pathTerms = (links: readonly Link[], qos: Pick<Qos, 'maxPacketBytes'>): PathTerms => ({
  errors: composeErrorTerms(links.map((link) => hopErrorTerms(link, qos.maxPacketBytes))),
  propagationMicros: links.reduce((sum, link) => sum + link.delayMicros, 0),
});

/**
 * The rate to book: r, and for guaranteed service with a delay bound the smallest R ≥ r that keeps queueing and propagation
 * within it. Slack is taken off first: a hop may use it up (RFC 2212). null = no rate is enough.
 */
export function neededRate(qos: Qos, { errors, propagationMicros }: PathTerms): BytesPerSecond | null {
  const tspec = toTspec(qos);
  if (qos.maxDelayMicros === null) return tspec.tokenRate;
  return smallestRate(tspec, errors, Micros(qos.maxDelayMicros - qos.slackMicros - propagationMicros));
}

const delayBound = (qos: Qos, rate: BytesPerSecond, terms: PathTerms): Micros =>
  Micros(Math.ceil(queueingDelayMicros(toTspec(qos), rate, terms.errors) + terms.propagationMicros));

export const delayReason = (qos: Qos, terms: PathTerms, source?: IpAddress): RefusalReason => ({
  reason: 'DELAY_BOUND_UNREACHABLE',
  ...(source === undefined ? {} : { source }),
  requestedMicros: qos.maxDelayMicros!,
  smallestMicros: Micros(smallestReachableMicros(terms.errors) + terms.propagationMicros + qos.slackMicros),
});

/**
 * What may be booked on a link in all: nothing new where it or a node at its ends is draining or down, and where its sender
 * has an agent no more than the kernel there can hold, whatever the share.
 */
export function openBitsPerSecond(link: Link, graph: NetworkGraph): BitsPerSecond {
  const [from, to] = [nodeOf(link.from.node, graph), nodeOf(link.to.node, graph)];
  if (from?.adminState !== 'up' || to?.adminState !== 'up') return BitsPerSecond(0);
  const reservable = reservableBitsPerSecond(link);
  if (from.agent === 'none' || link.capacityBitsPerSecond === null) return reservable;
  return BitsPerSecond(Math.min(reservable, enforceableBitsPerSecond(link.capacityBitsPerSecond)));
}

/** The least that is free on a link at any instant of the window. */
export const freeBitsPerSecond = (link: Link, window: Window, world: World): BitsPerSecond =>
  world.ledger.free(link.id, window, openBitsPerSecond(link, world.graph));

/** @param senders how many need a part of it each; absent where one part serves all. */
export function bandwidthReason(
  link: Link,
  requested: BitsPerSecond,
  window: Window,
  world: World,
  senders?: number,
): RefusalReason[] {
  const available = freeBitsPerSecond(link, window, world);
  if (requested <= available) return [];
  const open = openBitsPerSecond(link, world.graph);
  const calendar = world.ledger.calendar(link.id);
  const interval = calendar?.firstAbove(open - requested, window.start, window.end) ?? window;
  return [
    {
      reason: 'BANDWIDTH_UNAVAILABLE',
      link: link.id,
      requestedBitsPerSecond: BitsPerSecond(Math.min(requested, Number.MAX_SAFE_INTEGER)),
      ...(senders === undefined ? {} : { senders }),
      availableBitsPerSecond: available,
      interval: { start: interval.start, end: interval.end },
      // Where nothing may be booked at all, nobody is in the way.
      conflicting: open > 0 ? (calendar?.holders(interval, MAX_CONFLICTING) ?? []) : [],
    },
  ];
}

/** The largest IP packet that a link and the interfaces at its ends carry. */
export function pathMtuBytes(link: Link, graph: NetworkGraph): Bytes {
  const ends = [link.from, link.to].map(
    (end) => nodeOf(end.node, graph)?.interfaces.find((i) => i.name === end.interface)?.mtuBytes ?? Infinity,
  );
  return Bytes(Math.min(link.mtuBytes, ...ends));
}

export function mtuReason(link: Link, qos: Qos, graph: NetworkGraph): RefusalReason[] {
  const mtuBytes = pathMtuBytes(link, graph);
  if (qos.maxPacketBytes <= mtuBytes) return [];
  return [{ reason: 'MTU_TOO_SMALL', link: link.id, mtuBytes, requestedBytes: qos.maxPacketBytes }];
}

/** Whether the agents along the path are needed at once. */
export const needsAgentsNow = (window: Window, world: World): boolean =>
  window.start <= world.now + AGENTS_NEEDED_WITHIN_MILLIS;

export function silentAgents(nodes: readonly NodeName[], window: Window, world: World): RefusalReason[] {
  if (!needsAgentsNow(window, world)) return [];
  return nodes
    .filter((node) => world.unreachable.has(node))
    .map((node) => ({ reason: 'AGENT_UNREACHABLE', node, lastSeenAt: world.unreachable.get(node) ?? null }));
}

/** IPv6 flows can be booked, but agents signal IPv4 ones only. */
export function unsignalled(
  nodes: readonly NodeName[],
  { flow }: ReservationRequest,
  { graph }: World,
): RefusalReason[] {
  if (ipFamily(flow.source.address) === 4) return [];
  const managed = nodes.find((node) => nodeOf(node, graph)?.agent === 'required');
  if (managed === undefined) return [];
  const detail = `the flow is IPv6, and agents signal IPv4 flows only; the path crosses ${managed}, which requires one`;
  return [{ reason: 'NO_PATH', source: nodes[0]!, destination: nodes.at(-1)!, detail }];
}

function nodeOf(name: NodeName, graph: NetworkGraph): NetworkNode | undefined {
  const index = graph.nodeIndex.get(name);
  return index === undefined ? undefined : graph.nodes[index];
}
