import type { CommittedGroup } from './committer.ts';
import type { GroupPlan } from './group-plan.ts';
import type { MemoryBooks } from './memory-books.ts';
import type { BooksTransaction, Locked } from './ports.ts';

/** Others have changed what is locked since it was read into memory. */
export function isStale(books: MemoryBooks, locked: Locked): boolean {
  for (const [link, version] of locked.links) if (books.versions.get(link) !== version) return true;
  for (const [id, revision] of locked.revisions) if (books.get(id)?.revision !== revision) return true;
  return false;
}

/** Brings the locked rows up to date in memory, by difference; nobody can change them now. */
export async function bringUpToDate(books: MemoryBooks, locked: Locked, transaction: BooksTransaction): Promise<void> {
  const stale = [...locked.links].filter(([link, version]) => books.versions.get(link) !== version);
  if (stale.length > 0) {
    const mine = new Map(stale.map(([link]) => [link, books.versions.get(link) ?? -1n]));
    for (const each of await transaction.changesSince(mine)) books.apply(each);
    for (const [link, version] of stale) books.setVersion(link, version);
  }
  const old = [...locked.revisions].filter(([id, revision]) => books.get(id)?.revision !== revision);
  if (old.length > 0) {
    for (const each of await transaction.reservations(old.map(([id]) => id))) books.apply(each);
  }
}

/** What was committed is in memory as well from here on; returns what listeners are to hear. */
export function applyCommitted(
  books: MemoryBooks,
  plan: GroupPlan,
  locked: Locked,
  counters: ReadonlyMap<string, bigint>,
): CommittedGroup {
  const reservations = [...plan.created.values(), ...[...plan.changed.values()].map(({ after }) => after)];
  for (const each of reservations) books.apply(each);
  for (const link of plan.links.keys()) books.setVersion(link, (locked.links.get(link) ?? 0n) + 1n);
  books.setGenerations(counters);
  if (plan.topology) books.setTopology({ topology: plan.topology.plan.topology, version: locked.topology + 1n });
  return {
    reservations,
    generations: new Map([...counters.keys()].map((node) => [node, books.generation(node)])),
    topologyChanged: plan.topology !== null,
  };
}
