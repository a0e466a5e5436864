import { createHash } from 'node:crypto';
import { badRequest } from './bad-request.ts';
import { ControlError } from './errors.ts';

/** How long a duplicate waits for the first request with its key. */
const IN_PROGRESS_WAIT_MS = 5_000;
const MAX_KEY_CHARACTERS = 255;

/** An idempotency key as the books know it: told apart by what it was used for, with a digest of the body. */
export interface ScopedKey {
  readonly key: string;
  readonly bodyHash: string;
}

/** Calls with a key that are on their way on this replica; between replicas the database does the same. */
export class KeyedCalls {
  readonly #running = new Map<string, Promise<unknown>>();

  /**
   * @param scope method and path.
   * @param body as the caller wrote it; the order of its members is no difference.
   * @throws ControlError INVALID_ARGUMENT for what is no key, REQUEST_IN_PROGRESS when the first does not end within 5 s.
   */
  async run<T>(
    scope: string,
    key: string | null,
    body: unknown,
    call: (key: ScopedKey | null) => Promise<T>,
  ): Promise<T> {
    if (key === null) return call(null);
    if (key.length < 1 || key.length > MAX_KEY_CHARACTERS || /[^\x21-\x7e]/.test(key)) {
      const problem = `must have 1 to ${MAX_KEY_CHARACTERS} visible ASCII characters`;
      throw badRequest([{ field: 'Idempotency-Key', value: key, code: 'INVALID_ARGUMENT', problem }]);
    }
    const scoped = `${scope} ${key}`;
    const first = this.#running.get(scoped);
    if (first !== undefined) await settled(first);
    const mine = call({ key: scoped, bodyHash: bodyHash(body) });
    this.#running.set(scoped, mine);
    try {
      return await mine;
    } finally {
      if (this.#running.get(scoped) === mine) this.#running.delete(scoped);
    }
  }
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
