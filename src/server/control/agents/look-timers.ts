/** One timer a reservation, at which it is looked at again: of several times that are asked for the first counts. */
export class LookTimers {
  readonly #look: (id: string) => void;
  readonly #timers = new Map<string, { readonly at: number; readonly timer: NodeJS.Timeout }>();

  constructor(look: (id: string) => void) {
    this.#look = look;
  }

  after(id: string, waitMs: number): void {
    const at = performance.now() + waitMs;
    const known = this.#timers.get(id);
    if (known !== undefined && known.at <= at) return;
    this.forget(id);
    const timer = setTimeout(() => {
      this.#timers.delete(id);
      this.#look(id);
    }, waitMs);
    timer.unref();
    this.#timers.set(id, { at, timer });
  }

  forget(id: string): void {
    clearTimeout(this.#timers.get(id)?.timer);
    this.#timers.delete(id);
  }

  close(): void {
    for (const { timer } of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }
}
