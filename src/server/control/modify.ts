import { patchProblems } from '../../core/qos/parse-patch.ts';
import type { CallOptions, ReserveOutcome } from './api.ts';
import { badRequest } from './bad-request.ts';
import { ControlError } from './errors.ts';
import type { GroupCommitter } from './group-committer.ts';
import type { KeyedCalls } from './keyed-calls.ts';

/**
 * Changes `qos`, `name` and `labels` of a reservation that is there, in place: merge patches (RFC 7396), one after the other.
 * A change of `qos` is durable and admitted when this resolves, and in force when `change` is null again.
 *
 * @param id of a reservation that exists.
 * @param options.ifMatch entity tag in quotes, or `*`; null = absent.
 * @throws ControlError
 */
export async function modifyReservation(
  committer: GroupCommitter,
  calls: KeyedCalls,
  id: string,
  patches: readonly unknown[],
  options: CallOptions & { readonly ifMatch: string | null },
): Promise<ReserveOutcome> {
  const { ifMatch, idempotencyKey } = options;
  const problems = patchProblems(patches);
  if (problems.length > 0) throw badRequest(problems);
  if (ifMatch === null) {
    throw new ControlError('ETAG_REQUIRED', 'If-Match must name the reservation that is to be changed by its ETag');
  }
  return calls.run(`PATCH /v1/reservations/${id}`, idempotencyKey, patches, (key) =>
    committer.modify(id, patches, ifMatch, key),
  );
}
