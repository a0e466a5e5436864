import { EpochMs } from '../../core/base/units.ts';

/** PostgreSQL's clock on this side: its offset to a monotonic clock is measured now and then; what is shown never goes back. */
export class DatabaseClock {
  readonly #ask: () => Promise<number>;
  readonly #monotonic: () => number;
  #offset: number | null = null;
  #last = 0;

  /** @param ask PostgreSQL's time in milliseconds since 1970. */
  constructor(ask: () => Promise<number>, monotonic: () => number = () => performance.now()) {
    this.#ask = ask;
    this.#monotonic = monotonic;
  }

  /** Takes the middle of the quickest of three round trips. */
  async measure(): Promise<void> {
    let best = Infinity;
    let offset = 0;
    for (let i = 0; i < 3; i++) {
      const sent = this.#monotonic();
      const time = await this.#ask();
      const received = this.#monotonic();
      if (received - sent < best) {
        best = received - sent;
        offset = time - (sent + received) / 2;
      }
    }
    this.#offset = offset;
  }

  /** @throws Error before the first measurement. */
  now(): EpochMs {
    if (this.#offset === null) throw new Error('the clock of the database has not been read yet');
    this.#last = Math.max(this.#last, Math.floor(this.#monotonic() + this.#offset));
    return EpochMs(this.#last);
  }
}
