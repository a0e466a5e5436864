import type { SteeredFlow } from '../../core/shaping/desired.ts';
import { err, ok, type Result } from '../../core/base/result.ts';
import { elementKey } from '../../core/shaping/filter.ts';
import type { SteeringNumbers } from '../../core/shaping/steering.ts';
import {
  absentSteering,
  applySteering,
  parseSteering,
  planSteering,
  renderSteering,
  STEERING_TABLE,
  type SteeringTable,
} from '../../core/shaping/steering-nft.ts';
import type { NftSession } from './nft-session.ts';
import type { KernelProblem } from './problem.ts';

/** Changes that go into one transaction; of the same key only one, the last. */
export interface SteeringChange {
  readonly set: readonly SteeredFlow[];
  readonly clear: readonly string[];
}

/** Marks of other bits, and all flows that have one. */
export interface Renumbering {
  readonly numbers: SteeringNumbers;
  readonly flows: readonly SteeredFlow[];
}

/** Keeps the nftables table that marks steered flows at what is wanted. */
export class SteeringKeeper {
  readonly #nft: NftSession;
  #numbers: SteeringNumbers;
  readonly #flows = new Map<string, { readonly element: string; readonly neighbour: number }>();
  readonly #elements = new Map<string, number>();
  #observed: SteeringTable = absentSteering();
  /** Until the first full comparison, what a predecessor left stays untouched. */
  #compared = false;

  constructor(nft: NftSession, numbers: SteeringNumbers) {
    this.#nft = nft;
    this.#numbers = numbers;
  }

  /** Resolves when the kernel has taken it. After a failure the table is as before, and so is what is wanted. */
  async change({ set, clear }: SteeringChange): Promise<Result<void, KernelProblem>> {
    const elements = set.map((flow) => elementKey(flow.filter));
    for (const element of elements) if (!element.ok) return err({ code: 'invalid', detail: element.error });
    const before = [...clear, ...set.map(({ key }) => key)].map((key) => [key, this.#flows.get(key)] as const);
    const touched = new Set<string>();
    for (const key of clear) this.#clear(key, touched);
    set.forEach((flow, i) => {
      const element = elements[i]!;
      this.#clear(flow.key, touched);
      if (element.ok) this.#put(flow.key, element.value, flow.neighbour, touched);
    });
    const problem = await this.#bring(touched);
    if (problem === null) return ok(undefined);
    for (const [key, known] of before) {
      this.#clear(key, touched);
      if (known) this.#put(key, known.element, known.neighbour, touched);
    }
    return err({ code: 'failed', detail: `nftables: ${problem}` });
  }

  /** Marks of other bits for exactly these flows; after a failure the table is as before. */
  async renumber({ numbers, flows }: Renumbering): Promise<Result<void, KernelProblem>> {
    const before = { numbers: this.#numbers, flows: new Map(this.#flows) };
    this.#numbers = numbers;
    this.#replace(
      flows.flatMap(({ key, filter, neighbour }) => {
        const element = elementKey(filter);
        return element.ok ? [[key, { element: element.value, neighbour }] as const] : [];
      }),
    );
    // Read with the new bits, chains of the old ones are not sound: the table is made anew in one transaction.
    this.#observed = { ...absentSteering(), present: this.#observed.present };
    const problem = await this.#bring(undefined);
    if (problem === null) return ok(undefined);
    this.#numbers = before.numbers;
    this.#replace(before.flows);
    this.#observed = absentSteering();
    return err({ code: 'failed', detail: `nftables: ${problem}` });
  }

  /**
   * Full comparison with exactly these flows.
   *
   * @param mends false: nothing is changed.
   * @returns how many changes it takes, and the flows whose marks were in the kernel and are not any more.
   */
  async compare(
    flows: readonly SteeredFlow[],
    mends: boolean,
  ): Promise<Result<{ readonly changes: number; readonly disturbed: readonly string[] }, KernelProblem>> {
    const before = new Map(this.#flows);
    if (mends) {
      this.#flows.clear();
      this.#elements.clear();
      for (const { key, filter, neighbour } of flows) {
        const element = elementKey(filter);
        if (element.ok) this.#put(key, element.value, neighbour, new Set());
      }
      this.#compared = true;
    }
    this.#observed = await this.#read();
    const steps = planSteering(this.#elements, this.#observed);
    const sameMany = before.size === this.#flows.size;
    const rebuilt = steps.some(({ op }) => op === 'rebuild' || (op === 'rules' && sameMany));
    const missing = new Set(steps.flatMap((step) => (step.op === 'addElement' ? [step.key] : [])));
    const disturbed = [...this.#flows].flatMap(([key, { element, neighbour }]) => {
      const was = before.get(key);
      const same = was?.element === element && was.neighbour === neighbour;
      return same && (rebuilt || missing.has(element)) ? [key] : [];
    });
    const problem = mends ? await this.#bring(undefined) : null;
    return problem === null
      ? ok({ changes: steps.length, disturbed })
      : err({ code: 'failed', detail: `nftables: ${problem}` });
  }

  /** Takes the table away. */
  async remove(): Promise<void> {
    if ((await this.#read()).present) await this.#nft.run(renderSteering([{ op: 'deleteTable' }], this.#numbers));
  }

  #replace(flows: Iterable<readonly [string, { readonly element: string; readonly neighbour: number }]>): void {
    const next = [...flows];
    this.#flows.clear();
    this.#elements.clear();
    for (const [key, { element, neighbour }] of next) this.#put(key, element, neighbour, new Set());
  }

  #put(key: string, element: string, neighbour: number, touched: Set<string>): void {
    this.#flows.set(key, { element, neighbour });
    this.#elements.set(element, neighbour);
    touched.add(element);
  }

  #clear(key: string, touched: Set<string>): void {
    const known = this.#flows.get(key);
    if (!known) return;
    this.#flows.delete(key);
    this.#elements.delete(known.element);
    touched.add(known.element);
  }

  /** Null, or why the table is not as wanted. After a surprise it is read and the difference tried once more. */
  async #bring(touched: ReadonlySet<string> | undefined): Promise<string | null> {
    try {
      if (!this.#observed.sound) this.#observed = await this.#read();
      if ((await this.#run(touched)) === null) return null;
      this.#observed = await this.#read();
      return await this.#run(this.#compared ? undefined : touched);
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  async #run(touched: ReadonlySet<string> | undefined): Promise<string | null> {
    const wanted = this.#compared ? this.#elements : this.#besides(touched);
    const steps = planSteering(wanted, this.#observed, touched);
    if (steps.length === 0) return null;
    const error = await this.#nft.run(renderSteering(steps, this.#numbers));
    if (error === null) for (const step of steps) this.#observed = applySteering(this.#observed, step);
    return error;
  }

  /** What is wanted beside what a predecessor left, of which only what was touched here may go. */
  #besides(touched: ReadonlySet<string> | undefined): ReadonlyMap<string, number> {
    const left = [...this.#observed.elements].filter(([element]) => !touched?.has(element));
    return new Map([...left, ...this.#elements]);
  }

  async #read(): Promise<SteeringTable> {
    const json = await this.#nft.list(STEERING_TABLE);
    return json === null ? absentSteering() : parseSteering(json, this.#numbers);
  }
}
