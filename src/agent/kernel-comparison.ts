import type { DesiredShaping } from '../core/shaping/desired.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Assignments } from './assignments.ts';
import type { Enforcement } from './enforcement.ts';
import type { NodeInterfaces } from './node-interfaces.ts';
import type { NumberBook } from './number-book.ts';
import type { TrafficControl } from './platform.ts';
import { shapedFlow } from './shaped-flow.ts';
import { classesOf, reservationOfClass } from './share-classes.ts';
import type { Steering } from './steering.ts';

/** How often the kernel is compared with what it should hold. */
const PERIOD_MS = 60_000;

/** Compares all that the kernel holds of ours with what it should hold: at start, on a surprise, and now and then. */
export class KernelComparison {
  readonly #assignments: Assignments;
  readonly #classes: Pick<NumberBook, 'held'>;
  readonly #enforcement: Enforcement;
  readonly #interfaces: Pick<NodeInterfaces, 'toShape' | 'overhead'>;
  readonly #steering: Pick<Steering, 'desired' | 'reconcileRoutes'>;
  readonly #kernel: Pick<TrafficControl, 'reconcile'>;
  readonly #log: Logger;
  readonly #mayTouch: () => boolean;
  readonly #timer: NodeJS.Timeout;

  constructor(options: {
    assignments: Assignments;
    classes: Pick<NumberBook, 'held'>;
    enforcement: Enforcement;
    interfaces: Pick<NodeInterfaces, 'toShape' | 'overhead'>;
    steering: Pick<Steering, 'desired' | 'reconcileRoutes'>;
    kernel: Pick<TrafficControl, 'reconcile'>;
    log: Logger;
    /** False until a server has served this agent: the kernel is left alone so long. */
    mayTouch: () => boolean;
  }) {
    this.#assignments = options.assignments;
    this.#classes = options.classes;
    this.#enforcement = options.enforcement;
    this.#interfaces = options.interfaces;
    this.#steering = options.steering;
    this.#kernel = options.kernel;
    this.#log = options.log;
    this.#mayTouch = options.mayTouch;
    this.#timer = setInterval(() => void this.run(), PERIOD_MS);
  }

  /**
   * What is allocated a class and due now: after a crash exactly these classes are left untouched. Until RSVP says again for
   * which senders a class is, it is for all that are assigned.
   */
  desired(): DesiredShaping {
    const flows = [...this.#classes.held()].flatMap(([key, minor]) => {
      const assignment = this.#assignments.get(reservationOfClass(key));
      if (!assignment?.outgoingInterface || !this.#assignments.isOpen(assignment.reservationId)) return [];
      const { outgoingInterface: outgoing } = assignment;
      const share = this.#enforcement.shareOf(key) ?? classesOf(assignment).find((each) => each.key === key);
      return share ? [shapedFlow(assignment, share, outgoing, minor, this.#interfaces.overhead(outgoing))] : [];
    });
    return { interfaces: this.#interfaces.toShape(), flows, steered: this.#steering.desired() };
  }

  async run(): Promise<void> {
    if (!this.#mayTouch()) return;
    this.#steering.reconcileRoutes();
    const result = await this.#kernel.reconcile(this.desired());
    if (!result.ok) {
      this.#log.error({ problem: result.error.detail }, 'the kernel cannot be compared');
      return;
    }
    for (const { key, problem } of result.value?.problems ?? []) {
      this.#log.error({ key, problem: problem.detail }, 'not enforced in the kernel');
    }
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
