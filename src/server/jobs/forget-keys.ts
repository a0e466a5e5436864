import { EpochMs } from '../../core/base/units.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { BooksStore } from '../control/ports.ts';

/** How long a success can be replayed. */
const KEPT_MS = 24 * 3_600_000;
const EVERY_MS = 3_600_000;
/** Keys in one statement: no lock is held for long, however many are due. */
const STEP = 5_000;

/** Forgets idempotency keys after 24 hours, now and every hour. Returns how to stop. */
export function forgetKeys(store: Pick<BooksStore, 'forgetKeys' | 'now'>, log: Logger): () => Promise<void> {
  let stopped = false;
  let running: Promise<void> = Promise.resolve();
  const sweep = async (): Promise<void> => {
    try {
      const before = EpochMs(store.now() - KEPT_MS);
      while (!stopped && (await store.forgetKeys(before, STEP)) === STEP);
    } catch (error) {
      // The database is away: the next hour comes.
      log.debug({ err: error }, 'idempotency keys were not forgotten');
    }
  };
  running = sweep();
  const timer = setInterval(() => {
    running = running.then(sweep);
  }, EVERY_MS);
  timer.unref();
  return async () => {
    stopped = true;
    clearInterval(timer);
    await running;
  };
}
