import { createHash } from 'node:crypto';
import { parseReservationRequest } from '../../core/qos/parse-request.ts';
import type { CallOptions, ReservationInput, ReserveOutcome } from './api.ts';
import { badRequest } from './bad-request.ts';
import { ControlError } from './errors.ts';
import type { GroupCommitter } from './group-committer.ts';

/** How long a duplicate waits for the first request with its key. */
const IN_PROGRESS_WAIT_MS = 5_000;
const MAX_KEY_CHARACTERS = 255;
/** Keys are told apart by what they were used for. */
const KEY_SCOPE = 'POST /v1/reservations';

/** Books, or says what booking would do. */
export class ReserveUseCase {
  readonly #committer: GroupCommitter;
  /** Requests with a key that are on their way on this replica; between replicas the database does the same. */
  readonly #running = new Map<string, Promise<unknown>>();

  constructor(committer: GroupCommitter) {
    this.#committer = committer;
  }

  async reserve(input: ReservationInput, options: CallOptions & { validateOnly: boolean }): Promise<ReserveOutcome> {
    const request = parseReservationRequest(input, this.#committer.books.now());
    if (!request.ok) throw badRequest(request.error);
    if (options.validateOnly) return { reservation: await this.#committer.preview(request.value), replayed: false };
    if (options.idempotencyKey === null) return this.#committer.reserve(request.value, null);

    const key = scopedKey(options.idempotencyKey);
    const first = this.#running.get(key);
    if (first !== undefined) await settled(first);
    const mine = this.#committer.reserve(request.value, { key, bodyHash: bodyHash(input) });
    this.#running.set(key, mine);
    try {
      return await mine;
    } finally {
      if (this.#running.get(key) === mine) this.#running.delete(key);
    }
  }
}

function scopedKey(key: string): string {
  if (key.length < 1 || key.length > MAX_KEY_CHARACTERS || /[^\x21-\x7e]/.test(key)) {
    const problem = `must have 1 to ${MAX_KEY_CHARACTERS} visible ASCII characters`;
    throw badRequest([{ field: 'Idempotency-Key', value: key, code: 'INVALID_ARGUMENT', problem }]);
  }
  return `${KEY_SCOPE} ${key}`;
}

async function settled(first: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), IN_PROGRESS_WAIT_MS);
  });
  const outcome = await Promise.race([
    first.then(
      () => 'done',
      () => 'done',
    ),
    late,
  ]);
  clearTimeout(timer);
  if (outcome === 'late') throw new ControlError('REQUEST_IN_PROGRESS', 'the first request with this key still runs');
}

/** SHA-256 of the body, whatever the order of its members. */
const bodyHash = (body: unknown): string => createHash('sha256').update(canonicalJson(body)).digest('hex');

function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) =>
    typeof each === 'object' && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  );
}
