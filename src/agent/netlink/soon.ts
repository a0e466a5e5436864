/** How long after a call the next one comes at the earliest. */
const REST_MS = 50;

/** Calls once for whatever is told in one turn of the loop, and not too often. */
export class Soon {
  readonly #call: () => void;
  #scheduled = false;
  #last = -Infinity;
  #timer: NodeJS.Timeout | null = null;

  constructor(call: () => void) {
    this.#call = call;
  }

  tell(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const rest = this.#last + REST_MS - performance.now();
    if (rest > 0) this.#timer = setTimeout(() => this.#run(), rest);
    else setImmediate(() => this.#run());
  }

  /** A call that is due comes no more where a timer holds it. */
  close(): void {
    if (this.#timer) clearTimeout(this.#timer);
  }

  #run(): void {
    this.#scheduled = false;
    this.#last = performance.now();
    this.#call();
  }
}
