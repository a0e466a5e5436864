import type { SteeredFlow } from '../../core/shaping/desired.ts';
import type { Result } from '../../core/base/result.ts';
import type { KernelProblem } from './problem.ts';
import type { SteeringChange } from './steering-keeper.ts';

type Outcome = Result<void, KernelProblem>;

/** Puts single changes of steering together: those that come while a transaction is under way share the next. */
export class SteeringBatch {
  readonly #run: (change: SteeringChange) => Promise<Outcome>;
  readonly #waiting = new Map<string, SteeredFlow | null>();
  #answers: ((outcome: Outcome) => void)[] = [];
  #busy = false;

  constructor(run: (change: SteeringChange) => Promise<Outcome>) {
    this.#run = run;
  }

  /** Resolves when the flow's packets get the mark (null: no mark any more), or when something later was asked for it. */
  put(key: string, flow: SteeredFlow | null): Promise<Outcome> {
    this.#waiting.set(key, flow);
    return new Promise((resolve) => {
      this.#answers.push(resolve);
      if (!this.#busy) void this.#drain();
    });
  }

  async #drain(): Promise<void> {
    this.#busy = true;
    while (this.#waiting.size > 0) {
      const answers = this.#answers;
      const changes = [...this.#waiting];
      this.#answers = [];
      this.#waiting.clear();
      const outcome = await this.#run({
        set: changes.flatMap(([, flow]) => flow ?? []),
        clear: changes.flatMap(([key, flow]) => (flow === null ? [key] : [])),
      });
      for (const answer of answers) answer(outcome);
    }
    this.#busy = false;
  }
}
