import type { MonotonicMs } from '../../../core/base/units.ts';
import type { NetworkGraph } from '../../../core/network/graph.ts';
import type { NodeName } from '../../../core/network/topology.ts';
import { assignmentFor } from '../../../core/reservation/assignment.ts';
import { isChanging } from '../../../core/reservation/change.ts';
import { deviation } from '../../../core/reservation/deviation.ts';
import type { Failure, Reservation } from '../../../core/reservation/reservation.ts';
import { nodesOf, sendersOf } from '../../../core/reservation/senders.ts';
import type { Track } from './hop-track.ts';

/** A refusal stands when this long nothing has come of trying again; by then the agents have tried seven times. */
export const STANDING_REFUSAL_MS = 30_000;

/** The node that refused has a report of its own on the way, with the cause in words; it is waited for this long. */
export const OWN_WORD_MS = 1_000;

/**
 * `ends`: of the reservation or its change. `waits`: for the refusing node's own word. `degrades`: while it lasts; with when it
 * ends it, null = never.
 */
export type Verdict =
  | { readonly type: 'waits'; readonly endsAt: MonotonicMs }
  | { readonly type: 'ends'; readonly failure: Failure }
  | { readonly type: 'degrades'; readonly detail: string; readonly endsAt: MonotonicMs | null };

/**
 * What follows from the refusal that agents have told last; null where nothing does.
 *
 * A node that is not on the path decides nothing. One that is ends what was never in force, at once; a promise that has been
 * in force only where its refusal stands while PATH takes the admitted path: what a failing link or a detour leads to passes.
 */
export function judgeRefusal(
  reservation: Reservation,
  { failure }: Track,
  graph: NetworkGraph,
  now: MonotonicMs,
  hears: (node: NodeName) => boolean,
): Verdict | null {
  if (failure === null) return null;
  // One of earlier terms says nothing any more.
  if (assignmentFor(reservation, failure.node)?.revision !== failure.revision) return null;
  const { told, since } = failure;
  const { state } = reservation;
  const wasInForce = state === 'active' || state === 'degraded';
  const isOnPath = nodesOf(reservation).includes(told.errorNode);
  const isStranger = !isOnPath && graph.nodeIndex.has(told.errorNode);
  if (isChanging(reservation) || !wasInForce) {
    const ownWordBy = (since + OWN_WORD_MS) as MonotonicMs;
    const isHearsay = isOnPath && told.errorNode !== failure.node && hears(told.errorNode);
    if (isHearsay && now < ownWordBy) return { type: 'waits', endsAt: ownWordBy };
    if (!isStranger) return { type: 'ends', failure: told };
    if (!wasInForce) return null;
  }
  const isOff = sendersOf(reservation).some((sender) => deviation(sender) !== null);
  const endsAt = isOnPath && !isOff ? ((since + STANDING_REFUSAL_MS) as MonotonicMs) : null;
  if (endsAt !== null && now >= endsAt) return { type: 'ends', failure: told };
  return { type: 'degrades', detail: told.detail, endsAt };
}
