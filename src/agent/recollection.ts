import type { Assignment } from '../core/reservation/assignment.ts';
import { elementKey } from '../core/shaping/filter.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { NumberBook } from './number-book.ts';
import type { TrafficControl } from './platform.ts';
import { filterOf } from './shaped-flow.ts';
import { classesOf } from './share-classes.ts';
import type { Steering } from './steering.ts';

/**
 * The numbers that a journal has lost, as the kernel still has them: what goes on working there is taken over as it is instead
 * of being made anew beside it.
 */
export class Recollection {
  readonly #kernel: Pick<TrafficControl, 'elements'>;
  readonly #classes: Pick<NumberBook, 'adopt'>;
  readonly #steering: Pick<Steering, 'adopt'>;
  readonly #log: Logger;
  #elements: Promise<ReadonlyMap<string, number>> | null = null;

  constructor(options: {
    kernel: Pick<TrafficControl, 'elements'>;
    classes: Pick<NumberBook, 'adopt'>;
    steering: Pick<Steering, 'adopt'>;
    log: Logger;
  }) {
    this.#kernel = options.kernel;
    this.#classes = options.classes;
    this.#steering = options.steering;
    this.#log = options.log;
  }

  /** Resolves when the classes of these assignments, and all neighbours, have the numbers that the kernel knows. */
  async of(assignments: Iterable<Assignment>): Promise<void> {
    const elements = await (this.#elements ??= this.#read());
    this.#steering.adopt();
    for (const assignment of assignments) {
      for (const { key, sources } of classesOf(assignment)) {
        const shared = assignment.style === 'wildcardFilter' ? [null] : sources;
        for (const source of shared) {
          const element = elementKey(filterOf(assignment.flow, source));
          const number = element.ok ? elements.get(element.value) : undefined;
          if (number !== undefined) this.#classes.adopt(key, number);
        }
      }
    }
  }

  async #read(): Promise<ReadonlyMap<string, number>> {
    const elements = await this.#kernel.elements();
    if (elements.ok) return elements.value;
    this.#log.warn({ problem: elements.error.detail }, 'the classes in the kernel are not known: they are made anew');
    return new Map<string, number>();
  }
}
