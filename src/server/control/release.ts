import { managedNodes } from '../../core/admission/managed.ts';
import { isLive } from '../../core/reservation/life-cycle.ts';
import { nodesOf } from '../../core/reservation/senders.ts';
import type { GroupCommitter } from './group-committer.ts';
import type { ReservationQueries } from './ports.ts';
import { notFound } from './read.ts';

/** Releases; again is no error. @throws ControlError NOT_FOUND */
export async function releaseReservation(
  committer: GroupCommitter,
  queries: ReservationQueries,
  id: string,
): Promise<void> {
  const { books, agents } = committer;
  const known = books.get(id) ?? (await queries.find(id));
  if (known === null) throw notFound(id);
  if (!isLive(known)) return;
  const { graph } = books.topology();
  const managed = managedNodes(
    nodesOf(known),
    (node) => graph.nodes[graph.nodeIndex.get(node) ?? -1]?.agent,
    (node) => agents.connected(node),
  );
  // Agents that are connected see the release before any later booking, so its room is free at once.
  const inOrder = managed.every((node) => agents.connected(node));
  await committer.transition(known.id, { type: 'releaseRequested', inOrder });
}
