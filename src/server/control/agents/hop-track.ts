import type { Millis, MonotonicMs } from '../../../core/base/units.ts';
import type { AdvertisedTerms } from '../../../core/admission/advertised.ts';
import type { NodeName } from '../../../core/network/topology.ts';
import { assignmentFor } from '../../../core/reservation/assignment.ts';
import type { Failure, Reservation } from '../../../core/reservation/reservation.ts';
import { FlapDamper } from './flap-damper.ts';
import type { HopState } from './messages.ts';
import type { HopSighting } from './observed-path.ts';

/** What is known of one sender of a reservation on one node. `removing`: the agent was told to remove it and has not answered. */
export interface Hop {
  state: HopState | 'removing';
  /** When it was first told of as in that state; null while nobody has. */
  since: MonotonicMs | null;
  /** Of the assignment that the state is about; null = nobody has told. */
  revision: number | null;
  detail: string | null;
  sighting: HopSighting | null;
  /** Some hop before it does not speak RSVP; null while it has not told. */
  nonRsvpHop: boolean | null;
}

/** What `node` has told of a refusal, its own or one that RSVP brought it, with the assignment that it is about. */
export interface Refusal {
  readonly told: Failure;
  readonly node: NodeName;
  readonly revision: number;
  readonly since: MonotonicMs;
}

/** What agents have told of one reservation. Senders are named by their index. */
export interface Track {
  readonly hops: Map<NodeName, Map<number, Hop>>;
  /** Of another assignment than today's: that one has not failed. */
  failure: Refusal | null;
  readonly damper: FlapDamper;
  readonly confirmed: Set<number>;
  /** Addresses that PATH collected on its way to the receiver; none = it was not told to, or has not arrived. */
  readonly recorded: Map<number, readonly string[]>;
  /** What ADSPEC says at the receiver's host, with the assignment that it is about; none = it has not told. */
  readonly advertised: Map<number, { readonly terms: AdvertisedTerms; readonly revision: number }>;
  /** An event is on its way into the books; the next is looked for when it is there. */
  committing: boolean;
  /** There was news meanwhile. */
  again: boolean;
}

/** @param settleMs how long a reservation has to stand before it counts as active again */
export const newTrack = (settleMs: Millis): Track => ({
  hops: new Map(),
  failure: null,
  damper: new FlapDamper(settleMs),
  confirmed: new Set(),
  recorded: new Map(),
  advertised: new Map(),
  committing: false,
  again: false,
});

/** The first of today's assignments counts, with the refusing node's own word for it: that has the cause. */
export function laterRefusal(reservation: Reservation, known: Refusal | null, next: Refusal): Refusal {
  if (known === null || assignmentFor(reservation, known.node)?.revision !== known.revision) return next;
  const isOwnWord = known.node !== known.told.errorNode && next.node === known.told.errorNode;
  return isOwnWord ? { ...next, since: known.since } : known;
}

/** What was installed under earlier terms does not count. */
export const isInstalled = (reservation: Reservation, node: NodeName, hop: Hop | undefined): boolean =>
  (hop?.state === 'installed' || hop?.state === 'confirmed') &&
  hop.revision === assignmentFor(reservation, node)?.revision;
