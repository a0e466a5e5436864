import { flowKeyText, type FlowKey } from '../core/rsvp/engine/types.ts';

const FIRST_MS = 250;
const LONGEST_MS = 30_000;

/**
 * What was refused is tried again, after 250 ms, then after twice as long each time up to 30 s: a refusal may have come of
 * something that passes, and RSVP itself would not ask again for three refresh periods (Kb of RFC 2205 3.5).
 */
export class Retries {
  readonly #again: (flow: FlowKey) => void;
  readonly #isWanted: (flow: FlowKey) => boolean;
  readonly #flows = new Map<string, { timer: NodeJS.Timeout | null; nextMs: number }>();

  /** @param options.isWanted whether the flow is still assigned here; asked when its time has come */
  constructor(options: { again: (flow: FlowKey) => void; isWanted: (flow: FlowKey) => boolean }) {
    this.#again = options.again;
    this.#isWanted = options.isWanted;
  }

  failed(flow: FlowKey): void {
    const text = flowKeyText(flow);
    const known = this.#flows.get(text) ?? { timer: null, nextMs: FIRST_MS };
    this.#flows.set(text, known);
    if (known.timer !== null) return;
    const wait = known.nextMs;
    known.nextMs = Math.min(2 * wait, LONGEST_MS);
    known.timer = setTimeout(() => {
      known.timer = null;
      if (this.#isWanted(flow)) {
        // What gives no answer is tried on as well.
        this.failed(flow);
        this.#again(flow);
      } else this.#flows.delete(text);
    }, wait);
  }

  /** It stands, or is wanted no more: the next failure is a first one again. */
  over(flow: FlowKey): void {
    const text = flowKeyText(flow);
    const timer = this.#flows.get(text)?.timer;
    if (timer) clearTimeout(timer);
    this.#flows.delete(text);
  }

  close(): void {
    for (const { timer } of this.#flows.values()) if (timer) clearTimeout(timer);
    this.#flows.clear();
  }
}
