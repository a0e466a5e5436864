import { managedNodes } from '../../core/admission/managed.ts';
import type { NodeName } from '../../core/network/topology.ts';
import { isLive } from '../../core/reservation/life-cycle.ts';
import { nodesOf } from '../../core/reservation/senders.ts';
import type { GroupCommitter } from './group-committer.ts';
import type { ReservationQueries } from './ports.ts';
import { notFound } from './read.ts';

/**
 * Releases; again is no error.
 *
 * @param ifMatch entity tag in quotes of the only reservation that is meant, or `*`; null: whatever it is.
 * @throws ControlError NOT_FOUND; CONCURRENT_UPDATE where the tag is another's
 */
export async function releaseReservation(
  committer: GroupCommitter,
  queries: ReservationQueries,
  id: string,
  ifMatch: string | null,
): Promise<void> {
  for (;;) {
    const known = committer.books.get(id) ?? (await queries.find(id));
    if (known === null) throw notFound(id);
    if (!isLive(known)) return;
    const inOrder = isInOrder(committer, nodesOf(known));
    if (ifMatch === null || ifMatch === '*') {
      await committer.transition(id, { type: 'releaseRequested', inOrder });
      return;
    }
    // A change to nothing compares the tag with what is committed, wherever that was.
    const { revision } = (await committer.modify(id, [{}], ifMatch, null)).reservation;
    const released = await committer.transition(id, { type: 'releaseRequested', inOrder, revision });
    if (released !== null) return;
  }
}

/** Agents that are connected see the release before any later booking, so its room is free at once. */
function isInOrder({ books, agents }: GroupCommitter, nodes: readonly NodeName[]): boolean {
  const { graph } = books.topology();
  const managed = managedNodes(
    nodes,
    (node) => graph.nodes[graph.nodeIndex.get(node) ?? -1]?.agent,
    (node) => agents.connected(node),
  );
  return managed.every((node) => agents.connected(node));
}
