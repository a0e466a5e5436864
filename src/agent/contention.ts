const PERIOD_MS = 60_000;
const FIRST_HOLD_MS = 1_000;
const LONGEST_HOLD_MS = 30_000;

/** How often something was taken away within a minute, and how long to leave it so before it is put back again. */
export class Contention {
  readonly #limit: number;
  readonly #times = new Map<string, number[]>();

  /** @param limit as often within a minute it is put back at once; from then on later and later. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * It was taken away and has been put back.
   *
   * @param now milliseconds of a monotonic clock.
   * @returns how often within the last minute, and how many milliseconds the next time waits.
   */
  taken(place: string, now: number): { readonly times: number; readonly holdMs: number } {
    const recent = [...(this.#times.get(place) ?? []), now].filter((at) => at > now - PERIOD_MS);
    this.#times.set(place, recent);
    const beyond = recent.length - this.#limit;
    const holdMs = beyond > 0 ? Math.min(LONGEST_HOLD_MS, FIRST_HOLD_MS * 2 ** (beyond - 1)) : 0;
    return { times: recent.length, holdMs };
  }
}
