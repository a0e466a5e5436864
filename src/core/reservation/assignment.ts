import type { IpAddress } from '../base/ip.ts';
import type { BitsPerSecond, EpochMs } from '../base/units.ts';
import type { Rspec, Tspec } from '../qos/flowspec.ts';
import type { Flow, FlowEndpoint, ReservationStyle } from '../qos/request.ts';
import { heldTogether } from '../admission/shares.ts';
import { toFlowspec } from '../qos/wire-rate.ts';
import { askedOfAgents } from './change.ts';
import { isSignalled } from './life-cycle.ts';
import type { Reservation } from './reservation.ts';
import { sendersOf } from './senders.ts';

/** One reservation as one node has to see it (`headroom.v1.Assignment`). */
export interface Assignment {
  readonly reservationId: string;
  /**
   * Made of the content, and of how often the terms have changed: what is said of terms that were there before is not taken
   * for news of the same ones that come back. It does not move with the reservation's own revision, because a change of
   * state is no reason to tell an agent anything. Compared for equality only; 0 … 2^53 − 1.
   */
  readonly revision: number;
  /** `source` is the first of `sources`. */
  readonly flow: Flow;
  /** The senders whose packets pass this node, in the reservation's order; at least one. */
  readonly sources: readonly FlowEndpoint[];
  /** Indices into `sources` of those that are on this host. */
  readonly ownSources: readonly number[];
  /** Shared styles have one class for all of `sources`, fixedFilter one for each. */
  readonly style: ReservationStyle;
  readonly tspec: Tspec;
  /** null = controlled load. */
  readonly rspec: Rspec | null;
  /** `ownSources` is not empty. */
  readonly isSender: boolean;
  readonly isReceiver: boolean;
  /** Where the flow leaves this node; null on the receiver's host. */
  readonly outgoingInterface: string | null;
  /** What the books hold on that interface's link for all `sources` together, overhead included; 0 on the receiver's host. */
  readonly bookedBitsPerSecond: BitsPerSecond;
  /** The neighbour that the flow is to be sent to by `outgoingInterface`, whatever the routes say; null = as routed. */
  readonly nextHop: IpAddress | null;
  /** Steering to `nextHop` is a condition of everything else; false: it is done where the node can. */
  readonly pinned: boolean;
  /** What PATH carries as EXPLICIT_ROUTE (RFC 3209 4.3) from the sender's host; empty = none, and on every other node. */
  readonly explicitRoute: readonly IpAddress[];
  readonly validFrom: EpochMs;
  /** null = until removed. */
  readonly validUntil: EpochMs | null;
}

/** What the node must hold of the reservation; null when it is on no path of it or has nothing to hold (held, releasing, ended). */
export function assignmentFor(reservation: Reservation, node: string): Assignment | null {
  const { window, style } = reservation;
  const { qos, path, moreSenders } = askedOfAgents(reservation);
  const senders = sendersOf({ ...reservation, path, moreSenders }).filter((each) => each.path.nodes.includes(node));
  const [first] = senders;
  if (first === undefined || !isSignalled(reservation)) return null;
  const positions = senders.map((each) => each.path.nodes.indexOf(node));
  const [position] = positions;
  // All packets of a session leave a node by one interface: those of several senders are routed by their destination.
  const hop = first.path.hops[position!];
  const held = heldTogether(
    style,
    senders.map((each, i) => each.path.hops.slice(positions[i], positions[i]! + 1)),
  );
  const flowspec = toFlowspec(qos, path.rate);
  const content = {
    reservationId: reservation.id,
    flow: { ...reservation.flow, source: first.source },
    sources: senders.map((each) => each.source),
    ownSources: positions.flatMap((each, i) => (each === 0 ? [i] : [])),
    style,
    tspec: flowspec.tspec,
    rspec: flowspec.service === 'guaranteed' ? flowspec.rspec : null,
    isSender: positions.includes(0),
    isReceiver: hop === undefined,
    outgoingInterface: hop?.interface ?? null,
    bookedBitsPerSecond: held[0]?.bookedBitsPerSecond ?? (0 as BitsPerSecond),
    nextHop: first.path.explicitRoute[position!] ?? null,
    pinned: path.pinning === 'pinned' && hop !== undefined,
    explicitRoute:
      position === 0 && path.pinning === 'pinned' ? path.explicitRoute.filter((each) => each !== null) : [],
    validFrom: window.start,
    validUntil: window.end,
  };
  return { ...content, revision: fingerprint(content, reservation.termsRevision) };
}

/** 53 bits of FNV-1a over the values in a fixed order. */
function fingerprint(a: Omit<Assignment, 'revision'>, termsRevision: number): number {
  const { flow, tspec, rspec } = a;
  const text = [
    a.reservationId,
    [flow.protocol, flow.source.address, flow.source.port, flow.destination.address, flow.destination.port],
    [tspec.tokenRate, tspec.tokenBucket, tspec.peakRate, tspec.minPolicedUnit, tspec.maxPacketSize],
    rspec && [rspec.rate, rspec.slack],
    [a.isSender, a.isReceiver, a.outgoingInterface, a.bookedBitsPerSecond, a.validFrom, a.validUntil],
    termsRevision === 0 ? [] : [termsRevision],
    // Nothing where one sender has it alone, and where it is routed: an older agent's routed ones stay the same.
    a.sources.length === 1 && a.style === 'fixedFilter'
      ? []
      : [a.style, ...a.sources.flatMap(({ address, port }) => [address, port]), 'own', ...a.ownSources],
    a.nextHop === null ? [] : [a.nextHop, a.pinned, ...a.explicitRoute],
  ]
    .flat()
    .join('|');
  return (fnv1a(text, 0x811c9dc5) & 0x1fffff) * 2 ** 32 + fnv1a(text, 0x9747b28c);
}

function fnv1a(text: string, seed: number): number {
  let hash = seed;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  // FNV alone leaves similar texts with similar hashes; this is the finishing step of MurmurHash3.
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
