import type { Result } from '../core/base/result.ts';
import type { DesiredShaping } from '../core/shaping/desired.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Assignments } from './assignments.ts';
import type { Enforcement } from './enforcement.ts';
import type { EnforcementNews } from './enforcement-news.ts';
import type { NodeInterfaces } from './node-interfaces.ts';
import type { NumberBook } from './number-book.ts';
import type { Comparison, TrafficControl } from './platform.ts';
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
  readonly #steering: Pick<Steering, 'desired' | 'reconcileRoutes' | 'takeRouteNews' | 'inspectRoutes'>;
  readonly #kernel: Pick<TrafficControl, 'reconcile' | 'inspect'>;
  readonly #news: Pick<EnforcementNews, 'mended' | 'found'>;
  readonly #log: Logger;
  readonly #mayTouch: () => boolean;
  readonly #timer: NodeJS.Timeout;
  #last: Promise<void> = Promise.resolve();

  constructor(options: {
    assignments: Assignments;
    classes: Pick<NumberBook, 'held'>;
    enforcement: Enforcement;
    interfaces: Pick<NodeInterfaces, 'toShape' | 'overhead'>;
    steering: Pick<Steering, 'desired' | 'reconcileRoutes' | 'takeRouteNews' | 'inspectRoutes'>;
    kernel: Pick<TrafficControl, 'reconcile' | 'inspect'>;
    news: Pick<EnforcementNews, 'mended' | 'found'>;
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
    this.#news = options.news;
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

  /**
   * Mends what is not as it should be, and tells of it.
   *
   * @param by who is known to have changed something, as the end of a sentence.
   * @returns what was found; null where nothing can be said.
   */
  run(by = ''): Promise<Comparison | null> {
    if (!this.#mayTouch()) return Promise.resolve(null);
    this.#steering.reconcileRoutes();
    return this.#inTurn(async () => {
      const started = performance.now();
      const desired = this.desired();
      const kernel = this.#read(await this.#kernel.reconcile(desired));
      if (!kernel) return null;
      const report = both(kernel, this.#steering.takeRouteNews());
      for (const { what, keys } of report.disturbances) {
        const elapsedMs = Math.round(performance.now() - started);
        this.#log.warn({ what, by: by.trim(), classes: keys.length, elapsedMs }, 'changed by others, and mended');
      }
      await this.#news.mended(desired, report, by);
      return report;
    });
  }

  /** Tells of what is gone, and leaves it so. @param why as the end of a sentence. */
  look(why: string): Promise<void> {
    if (!this.#mayTouch()) return Promise.resolve();
    return this.#inTurn(async () => {
      const desired = this.desired();
      const report = this.#read(await this.#kernel.inspect(desired));
      if (report) await this.#news.found(desired, both(report, this.#steering.inspectRoutes()), why);
    });
  }

  #read(result: Result<Comparison | undefined, { readonly detail: string }>): Comparison | null {
    if (result.ok) return result.value ?? null;
    this.#log.error({ problem: result.error.detail }, 'the kernel cannot be compared');
    return null;
  }

  /** News of one comparison is told before the next begins. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.then(
      () => undefined,
      () => undefined,
    );
    return done;
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

const both = (a: Comparison, b: Comparison): Comparison => ({
  problems: [...a.problems, ...b.problems],
  disturbances: [...a.disturbances, ...b.disturbances],
});
