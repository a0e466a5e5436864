import { parseReservationRequest } from '../../core/qos/parse-request.ts';
import type { CallOptions, ReservationInput, ReserveOutcome } from './api.ts';
import { badRequest } from './bad-request.ts';
import type { GroupCommitter } from './group-committer.ts';
import type { KeyedCalls } from './keyed-calls.ts';

/** Books, or says what booking would do. @throws ControlError */
export async function reserve(
  committer: GroupCommitter,
  calls: KeyedCalls,
  input: ReservationInput,
  options: CallOptions & { readonly validateOnly: boolean },
): Promise<ReserveOutcome> {
  const request = parseReservationRequest(input, committer.books.now());
  if (!request.ok) throw badRequest(request.error);
  if (options.validateOnly) return { reservation: await committer.preview(request.value), replayed: false };
  return calls.run('POST /v1/reservations', options.idempotencyKey, input, (key) =>
    committer.reserve(request.value, key),
  );
}
