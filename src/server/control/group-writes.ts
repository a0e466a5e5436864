import type { CallItem } from './group-items.ts';
import type { GroupPlan } from './group-plan.ts';
import type { GroupWrites, Locked, LockRequest } from './ports.ts';

/** What has to be locked before the plan may be written. */
export const lockRequestOf = (plan: GroupPlan): LockRequest => ({
  keys: writing(plan).flatMap(({ key, id }) => (key ? [{ ...key, reservationId: id }] : [])),
  topology: plan.topology !== null,
  links: [...plan.locks].sort(),
  reservations: [...new Set([...plan.changed.keys(), ...plan.watched])].sort(),
});

/** @param locks what was asked for the first plan: `plan` may be a later one under the same locks. */
export function groupWrites(
  plan: GroupPlan,
  locks: LockRequest,
  locked: Locked,
  token: string,
  time: GroupWrites['time'],
): GroupWrites {
  const used = new Set(writing(plan).map((item) => item.key?.key));
  return {
    token,
    time,
    created: [...plan.created.values()],
    updated: [...plan.changed.values()].map(({ after }) => after),
    links: new Map([...plan.links].map(([link, ids]) => [link, [...ids]])),
    droppedKeys: locks.keys.map(({ key }) => key).filter((key) => !used.has(key) && !locked.usedKeys.has(key)),
    nodes: [...plan.nodes],
    topology: plan.topology?.writes ?? null,
    events: plan.events,
    before: locked,
  };
}

/** Calls that the plan has an effect for. */
const writing = (plan: GroupPlan): readonly CallItem[] => [
  ...plan.created.keys(),
  ...plan.modified.map(({ item }) => item),
];
