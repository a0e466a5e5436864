/** Keys that are remembered; beyond them the oldest is forgotten, which at worst says something once more. */
const MAX_KEYS = 1_000;

/** For news that repeats: said at the first time, and then at most once a period, with how often it came in between. */
export class Rarely {
  readonly #periodMs: number;
  readonly #said = new Map<string, { at: number; silent: number }>();

  constructor(periodMs: number) {
    this.#periodMs = periodMs;
  }

  /** @returns how often it was not said since the last time; null where it is not to be said now */
  silenced(key: string, nowMs: number): number | null {
    const last = this.#said.get(key);
    if (last && nowMs - last.at < this.#periodMs) {
      last.silent++;
      return null;
    }
    this.#said.delete(key);
    this.#said.set(key, { at: nowMs, silent: 0 });
    if (this.#said.size > MAX_KEYS) this.#said.delete(this.#said.keys().next().value!);
    return last?.silent ?? 0;
  }

  /** It is over: the next time counts as the first. */
  forget(key: string): void {
    this.#said.delete(key);
  }
}
