import { EpochMs, type MonotonicMs } from '../core/base/units.ts';

/** How long an estimate serves at least, and at most twice as long once there are newer ones: two clocks drift apart. */
const ESTIMATE_MS = 300_000;
/** The server's clock stands this far behind what was thought: it was set back, or the server is another one. */
const STEPPED_BACK_MS = 10_000;

/**
 * The time of the books as this agent knows it: what servers said, carried on by the monotonic clock, so that a step of
 * the host's clock opens and closes nothing. Before the first word of a server the time that it is given serves.
 *
 * A time that was said is late by the way of its message, never early: of all that were said lately the one that came
 * quickest is the closest, and no window waits because one message was slow.
 */
export class ServerClock {
  readonly #monotonic: () => MonotonicMs;
  readonly #told: (now: EpochMs) => void;
  /** Server time minus monotonic time: the best of this period and of the one before. */
  #best: number;
  #before = -Infinity;
  #since: number;
  #heard = false;

  /** @param told the time, whenever a server has said it. */
  constructor(monotonic: () => MonotonicMs, first: EpochMs, told: (now: EpochMs) => void = () => undefined) {
    this.#monotonic = monotonic;
    this.#told = told;
    this.#since = monotonic();
    this.#best = first - this.#since;
  }

  /** A server has said what time it is. */
  heard(server: EpochMs): void {
    const at = this.#monotonic();
    const offset = server - at;
    const first = !this.#heard;
    this.#heard = true;
    if (first || offset < Math.max(this.#best, this.#before) - STEPPED_BACK_MS) {
      this.#best = offset;
      this.#before = -Infinity;
      this.#since = at;
    } else if (at - this.#since > ESTIMATE_MS) {
      this.#before = this.#best;
      this.#best = offset;
      this.#since = at;
    } else this.#best = Math.max(this.#best, offset);
    this.#told(this.now());
  }

  now(): EpochMs {
    return EpochMs(Math.max(this.#best, this.#before) + this.#monotonic());
  }
}
