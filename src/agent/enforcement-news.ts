import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Assignment } from '../core/reservation/assignment.ts';
import { flowKeyText, type FlowKey } from '../core/rsvp/engine/types.ts';
import type { DesiredShaping } from '../core/shaping/desired.ts';
import type { Disturbance } from '../core/shaping/disturbance.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Assignments } from './assignments.ts';
import { flowKeyOf, flowKeysOf } from './flow-key.ts';
import type { Comparison } from './platform.ts';
import { classesOf, reservationOfClass } from './share-classes.ts';
import type { SignalReporter } from './signal-reporter.ts';
import type { Steering } from './steering.ts';

/** Reservations that are told at one go, before the event loop gets its turn. */
const AT_ONCE = 100;
/** Problems that are told of the host; one is as good as a hundred. */
const MAX_PROBLEMS = 20;

/** A flow that rules of others keep from what it was promised. */
export interface Defeat {
  readonly reservationId: string;
  readonly flow: FlowKey;
  readonly reason: string;
}

/** Tells the server which reservations the kernel does not enforce, and when it does again. */
export class EnforcementNews {
  readonly #assignments: Assignments;
  readonly #reporter: Pick<SignalReporter, 'unenforced' | 'enforced'>;
  readonly #steering: Pick<Steering, 'reservationOf'>;
  readonly #changed: (problems: readonly string[]) => void;
  readonly #log: Logger;
  /** What is not enforced now, by key of the class or of the steered flow, with the reason. */
  #absent: ReadonlyMap<string, string> = new Map();
  /** Flows that rules of others defeat, by reservation and flow. */
  #defeats: ReadonlyMap<string, Defeat> = new Map();
  #problems: readonly string[] = [];

  constructor(options: {
    assignments: Assignments;
    reporter: Pick<SignalReporter, 'unenforced' | 'enforced'>;
    steering: Pick<Steering, 'reservationOf'>;
    /** What keeps this host from enforcing is another than before. */
    changed: (problems: readonly string[]) => void;
    log: Logger;
  }) {
    this.#assignments = options.assignments;
    this.#reporter = options.reporter;
    this.#steering = options.steering;
    this.#changed = options.changed;
    this.#log = options.log;
  }

  /** What keeps this host from enforcing, a sentence each. */
  get problems(): readonly string[] {
    return this.#problems;
  }

  /** Whether a class that was promised is known not to be in force. */
  isAbsent(key: string): boolean {
    return this.#absent.has(key);
  }

  /** A comparison has mended what it could. What it found gone is told as lost, what is there again as installed. */
  async mended(desired: DesiredShaping, { problems, disturbances }: Comparison, by: string): Promise<void> {
    const before = this.#absent;
    const absent = absentOf(desired, problems);
    const gone = goneOf(disturbances, by);
    this.#absent = absent;
    await this.#each(gone, (assignment, flows, detail) => this.#reporter.unenforced(assignment, flows, detail));
    await this.#each(absent, (assignment, flows, detail) => this.#reporter.unenforced(assignment, flows, detail));
    const back = [...before, ...gone].filter(([key]) => !absent.has(key));
    await this.#each(back, (assignment, flows) => this.#back(assignment, flows));
    this.#tell([...absent.values()]);
  }

  /** Others have taken away what will not be put back at once. */
  async found(desired: DesiredShaping, { problems, disturbances }: Comparison, by: string): Promise<void> {
    const gone = new Map([...goneOf(disturbances, by), ...absentOf(desired, problems)]);
    this.#absent = new Map([...this.#absent, ...gone]);
    await this.#each(gone, (assignment, flows, detail) => this.#reporter.unenforced(assignment, flows, detail));
    this.#tell([...this.#absent.values(), ...disturbances.map(({ what }) => `${what}${by}`)]);
  }

  /** Rules of others defeat exactly these flows. */
  async judged(defeats: readonly Defeat[]): Promise<void> {
    const before = this.#defeats;
    const now = new Map(defeats.map((defeat) => [keyOf(defeat.reservationId, defeat.flow), defeat]));
    this.#defeats = now;
    const open = (id: string): Assignment | null => {
      const assignment = this.#assignments.get(id);
      return assignment && this.#assignments.isOpen(id) ? assignment : null;
    };
    let count = 0;
    for (const [key, { reservationId, flow, reason }] of now) {
      const assignment = before.get(key)?.reason === reason ? null : open(reservationId);
      if (!assignment) continue;
      this.#reporter.unenforced(assignment, [flow], reason);
      if (++count % AT_ONCE === 0) await nextTurn();
    }
    const over = [...before].filter(([key]) => !now.has(key));
    if (over.length === 0) return;
    const absent = new Set([...this.#absent.keys()].map((key) => this.#reservationOf(key)));
    for (const [, { reservationId, flow }] of over) {
      const assignment = open(reservationId);
      if (assignment && !absent.has(reservationId)) this.#reporter.enforced(assignment, [flow]);
      if (++count % AT_ONCE === 0) await nextTurn();
    }
  }

  /** Whether it is told of the flow that rules of others defeat it. */
  isDefeated(reservationId: string, flow: FlowKey): boolean {
    return this.#defeats.has(keyOf(reservationId, flow));
  }

  /** The kernel has them again; those that others defeat stay as they are. */
  #back(assignment: Assignment, flows: readonly FlowKey[]): void {
    const defeatOf = (flow: FlowKey): Defeat | undefined => this.#defeats.get(keyOf(assignment.reservationId, flow));
    this.#reporter.enforced(
      assignment,
      flows.filter((flow) => !defeatOf(flow)),
    );
    for (const flow of flows) {
      const defeat = defeatOf(flow);
      if (defeat) this.#reporter.unenforced(assignment, [flow], defeat.reason);
    }
  }

  #reservationOf(key: string): string {
    return this.#steering.reservationOf(key) ?? reservationOfClass(key);
  }

  #tell(details: readonly string[]): void {
    const problems = [...new Set(details)].slice(0, MAX_PROBLEMS);
    if (problems.join('\n') === this.#problems.join('\n')) return;
    for (const problem of problems) {
      if (!this.#problems.includes(problem)) this.#log.error({ problem }, 'not enforced in the kernel');
    }
    if (problems.length === 0) this.#log.info('everything is enforced in the kernel again');
    this.#problems = problems;
    this.#changed(problems);
  }

  async #each(
    keys: Iterable<readonly [key: string, detail: string]>,
    tell: (assignment: Assignment, flows: readonly FlowKey[], detail: string) => void,
  ): Promise<void> {
    let count = 0;
    for (const [key, detail] of keys) {
      const assignment = this.#assignments.get(this.#reservationOf(key));
      if (!assignment || !this.#assignments.isOpen(assignment.reservationId)) continue;
      tell(assignment, flowsOf(assignment, key), detail);
      if (++count % AT_ONCE === 0) await nextTurn();
    }
  }
}

const keyOf = (reservationId: string, flow: FlowKey): string => `${reservationId} ${flowKeyText(flow)}`;

/** The senders that a class is for; of a shared one, and of a steered flow, all. */
function flowsOf(assignment: Assignment, key: string): readonly FlowKey[] {
  const share = classesOf(assignment).find((each) => each.key === key);
  if (!share || assignment.style === 'wildcardFilter') return flowKeysOf(assignment);
  return share.sources.map((source) => flowKeyOf(assignment.flow, source));
}

/** A problem of an interface is one of every flow on it. */
function absentOf(desired: DesiredShaping, problems: Comparison['problems']): ReadonlyMap<string, string> {
  const absent = new Map<string, string>();
  const interfaces = new Map(desired.interfaces.map(({ name }) => [name, null as string | null]));
  for (const { key, problem } of problems) {
    if (interfaces.has(key)) interfaces.set(key, problem.detail);
    else absent.set(key, problem.detail);
  }
  for (const flow of desired.flows) {
    const detail = interfaces.get(flow.interface) ?? null;
    if (detail !== null) absent.set(flow.key, detail);
  }
  // Told of the host even where nothing is reserved there.
  for (const [name, detail] of interfaces) if (detail !== null) absent.set(`${name} `, detail);
  return absent;
}

/** @param by who did it, as the end of a sentence; '' = unknown. */
function goneOf(disturbances: readonly Disturbance[], by: string): ReadonlyMap<string, string> {
  return new Map(disturbances.flatMap(({ keys, what }) => keys.map((key) => [key, `${what}${by}`] as const)));
}
