import { EpochMs, type MonotonicMs } from '../core/base/units.ts';

/**
 * The time of the books as this agent knows it: what the server said last, carried on by the monotonic clock, so that a
 * step of the host's clock opens and closes nothing. Before the first word of a server the host's own clock serves.
 */
export class ServerClock {
  readonly #monotonic: () => MonotonicMs;
  #base: { readonly server: number; readonly at: number };

  constructor(monotonic: () => MonotonicMs, hostNow: EpochMs) {
    this.#monotonic = monotonic;
    this.#base = { server: hostNow, at: monotonic() };
  }

  set(server: EpochMs): void {
    this.#base = { server, at: this.#monotonic() };
  }

  now(): EpochMs {
    return EpochMs(this.#base.server + (this.#monotonic() - this.#base.at));
  }
}
