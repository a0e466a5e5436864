import type { Logger } from '../telemetry/logger.ts';

const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 30_000;
/** How often it is said that a file still cannot be written. */
const TELL_EVERY_MS = 600_000;

export interface WriteRetryOptions {
  readonly log: Logger;
  /** Told in a sentence what cannot be kept, and null when it can be again. */
  readonly onProblem?: (problem: string | null) => void;
  /** First and longest wait between two tries; between them it doubles. */
  readonly firstRetryMs?: number;
  readonly longestRetryMs?: number;
}

/**
 * A file that cannot be written (the disk is full, read-only or broken): tried again later and later, told at the first
 * failure, then rarely, and when it is over. What is to be written stays in memory meanwhile.
 */
export class WriteRetry {
  readonly #file: string;
  readonly #options: WriteRetryOptions;
  readonly #again: () => void;
  #timer: NodeJS.Timeout | null = null;
  #waitMs = 0;
  #toldAt = -Infinity;
  #failures = 0;
  #closed = false;

  /** @param again tries to write, and calls `failed` or `succeeded` */
  constructor(file: string, options: WriteRetryOptions, again: () => void) {
    this.#file = file;
    this.#options = options;
    this.#again = again;
  }

  /** Whether the last try has failed. */
  get failing(): boolean {
    return this.#failures > 0;
  }

  failed(error: unknown): void {
    if (this.#closed) return;
    const reason = error instanceof Error ? error.message : String(error);
    this.#failures++;
    const { log, onProblem, firstRetryMs = FIRST_RETRY_MS, longestRetryMs = LONGEST_RETRY_MS } = this.#options;
    this.#waitMs = this.#waitMs === 0 ? firstRetryMs : Math.min(longestRetryMs, this.#waitMs * 2);
    const now = performance.now();
    if (now - this.#toldAt >= TELL_EVERY_MS) {
      this.#toldAt = now;
      const consequence = 'the agent goes on; what it knows now is lost if it is killed';
      log.error({ file: this.#file, reason, failures: this.#failures, consequence }, 'a state file cannot be written');
    }
    if (this.#failures === 1) {
      onProblem?.(`${this.#file} cannot be written (${reason}): a restart of the agent would lose what is new`);
    }
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#again();
    }, this.#waitMs);
  }

  succeeded(): void {
    if (this.#failures === 0) return;
    const { log, onProblem } = this.#options;
    log.info({ file: this.#file, failures: this.#failures }, 'a state file can be written again');
    this.#failures = 0;
    this.#waitMs = 0;
    this.#toldAt = -Infinity;
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    onProblem?.(null);
  }

  /** Tries no more. */
  close(): void {
    this.#closed = true;
    if (this.#timer) clearTimeout(this.#timer);
  }
}
