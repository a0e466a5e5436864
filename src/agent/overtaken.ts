/** How long a route that PATH names waits for the assignment that it has overtaken. */
const OVERTAKEN_MS = 500;

/** What waits for a flow's assignment, a short while. */
export class Overtaken {
  readonly #waiting = new Map<string, Set<() => void>>();

  /** Resolves when the flow's assignment is here, or has not come in time. */
  whenAssigned(text: string): Promise<void> {
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(text) ?? new Set();
      this.#waiting.set(text, waiting);
      const go = (): void => {
        clearTimeout(timer);
        waiting.delete(go);
        if (waiting.size === 0) this.#waiting.delete(text);
        resolve();
      };
      const timer = setTimeout(go, OVERTAKEN_MS);
      waiting.add(go);
    });
  }

  arrived(text: string): void {
    for (const go of [...(this.#waiting.get(text) ?? [])]) go();
  }

  /** Whatever waits goes on. */
  close(): void {
    for (const waiting of [...this.#waiting.values()]) for (const go of [...waiting]) go();
  }
}
