import type { LinkId } from '../../core/network/topology.ts';
import type { Basis, Unbooked } from './group-items.ts';
import { LOSSES_BEFORE_LOCKING_ALL, type GroupPlan } from './group-plan.ts';
import type { Locked } from './ports.ts';

/** What became of a plan; its unbooked requests are still to be answered. */
export interface Outcome {
  readonly plan: GroupPlan;
  /** Links whose version this group has moved by one. */
  readonly bumped: ReadonlySet<LinkId>;
  /** Decided under locks on everything that they depend on. */
  readonly settled: ReadonlySet<Unbooked>;
  /** Those who asked for changes have their answers. */
  readonly resolved: boolean;
}

export const nothingCommitted = (plan: GroupPlan): Outcome => ({
  plan,
  bumped: new Set(),
  settled: new Set(),
  resolved: false,
});

export const needsLocks = (plan: GroupPlan): boolean =>
  plan.writes || plan.unbooked.some(({ item }) => item.losses >= LOSSES_BEFORE_LOCKING_ALL);

export const settledUnder = (plan: GroupPlan, locked: Locked): ReadonlySet<Unbooked> =>
  new Set(
    plan.unbooked.filter(
      ({ basis }) =>
        (basis.existing === null ? basis.links.size > 0 : locked.revisions.has(basis.existing.id)) &&
        [...basis.links.keys()].every((link) => locked.links.has(link)),
    ),
  );

/** Nothing that the answer depends on was changed by others between the decision and now. */
export function stands(basis: Basis, committed: Omit<Locked, 'usedKeys'>, bumped: ReadonlySet<LinkId>): boolean {
  if (basis.topology !== committed.topology) return false;
  if (basis.existing && committed.revisions.get(basis.existing.id) !== basis.existing.revision) return false;
  for (const [link, version] of basis.links) {
    if (committed.links.get(link) !== version + (bumped.has(link) ? 1n : 0n)) return false;
  }
  return true;
}

/** Answers everybody who has asked for what the plan has changed. */
export function resolveChanged(plan: GroupPlan): void {
  for (const [item, reservation] of plan.created) item.resolve({ reservation, replayed: false });
  for (const { item, after } of plan.modified) item.resolve({ reservation: after, replayed: false });
  for (const { item, after } of plan.transitions) item.resolve(after);
  plan.topology?.item.resolve(plan.topology.plan);
}
