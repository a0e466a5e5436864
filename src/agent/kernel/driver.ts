import { err, ok, type Result } from '../../core/base/result.ts';
import type { DesiredShaping, ShapedFlow, ShapedInterface } from '../../core/shaping/desired.ts';
import { filterDisturbance, queueDisturbance, type Disturbance } from '../../core/shaping/disturbance.ts';
import { renderNft, type NftStep } from '../../core/shaping/nft.ts';
import type { ForeignRuleset } from '../../core/shaping/foreign/ruleset.ts';
import type { SteeringNumbers } from '../../core/shaping/steering.ts';
import { STEERING_TABLE } from '../../core/shaping/steering-nft.ts';
import { renderTc } from '../../core/shaping/tc.ts';
import { elementsOf, WantedShaping, type Refusal } from '../../core/shaping/wanted.ts';
import { FilterKeeper } from './filter-keeper.ts';
import { readForeign } from './foreign-reader.ts';
import { InterfaceKeeper, type Shortfall } from './interface-keeper.ts';
import type { ClassReader } from '../netlink/class-reader.ts';
import type { NftSession } from './nft-session.ts';
import type { FlowCounters, KernelProblem, ReconcileReport } from './problem.ts';
import { KernelReader } from './reader.ts';
import { SteeringKeeper, type Renumbering, type SteeringChange } from './steering-keeper.ts';
import type { TcSession } from './tc-session.ts';

export interface FlowBatch {
  readonly install: readonly ShapedFlow[];
  readonly remove: readonly string[];
}

/** One result a flow, in the order of the batch. */
export interface BatchResults {
  readonly install: readonly Result<void, KernelProblem>[];
  readonly remove: readonly Result<void, KernelProblem>[];
}

/** Keeps the kernel of this network namespace at what is wanted. Calls must not overlap. */
export class KernelDriver {
  readonly #tc: TcSession;
  readonly #nft: NftSession;
  readonly #reader: KernelReader;
  readonly #queues: InterfaceKeeper;
  readonly #filter: FilterKeeper;
  readonly #steering: SteeringKeeper;
  #wanted = new WantedShaping();
  /** Until the first full comparison, what a predecessor left stays untouched. */
  #compared = false;

  constructor(options: {
    tc: TcSession;
    nft: NftSession;
    /** null where netlink is out of reach. */
    classes: ClassReader | null;
    guard: boolean;
    steering: SteeringNumbers;
  }) {
    this.#tc = options.tc;
    this.#nft = options.nft;
    this.#reader = new KernelReader(options.tc, options.nft, options.classes);
    this.#queues = new InterfaceKeeper(options.tc, this.#reader);
    this.#filter = new FilterKeeper(options.nft, this.#reader, options.guard);
    this.#steering = new SteeringKeeper(options.nft, options.steering);
  }

  /** Shapes exactly these interfaces. One that cannot be shaped does not keep the others from it. */
  async setInterfaces(interfaces: readonly ShapedInterface[]): Promise<Result<void, KernelProblem>> {
    const problems: KernelProblem[] = [];
    const names = new Set(interfaces.map((iface) => iface.name));
    const dropped = [...this.#wanted.interfaces.keys()].filter((name) => !names.has(name));
    for (const name of dropped) this.#wanted.dropInterface(name);
    for (const iface of interfaces) {
      const set = this.#wanted.setInterface(iface);
      if (set.ok) problems.push(...set.value.map((displaced) => fromRefusal(displaced.refusal)));
      else problems.push(fromRefusal(set.error));
    }
    for (const name of [...dropped, ...this.#wanted.interfaces.keys()]) {
      await this.#queues.observe(name);
      const scope = this.#compared ? undefined : new Set(this.#wanted.flowsOn(name).keys());
      problems.push(...(await this.#queues.bring(this.#wanted, name, scope, scope)).map((left) => left.problem));
      if (!names.has(name)) this.#queues.forget(name);
    }
    const filter = await this.#filter.bring(this.#wanted, undefined, !this.#compared);
    if (filter) problems.push(filter);
    const first = problems[0];
    if (!first) return ok(undefined);
    return err({ code: first.code, detail: [...new Set(problems.map((problem) => problem.detail))].join('; ') });
  }

  /** Removals and additions as one batch: what is removed makes room for what is added. */
  async apply(batch: FlowBatch): Promise<BatchResults> {
    const touched = new Touched();
    const previous = new Map<string, ShapedFlow>();
    const failed = new Map<string, KernelProblem>();
    const accepted = new Map<string, ShapedFlow>();
    const removed = new Map<string, ShapedFlow>();
    for (const key of batch.remove) {
      const flow = this.#wanted.remove(key);
      if (!flow) continue;
      removed.set(key, flow);
      touched.add(flow);
    }
    for (const flow of batch.install) {
      const put = this.#wanted.put(flow);
      if (!put.ok) {
        failed.set(flow.key, fromRefusal(put.error));
        continue;
      }
      failed.delete(flow.key);
      if (put.value.previous) {
        touched.add(put.value.previous);
        if (!previous.has(flow.key)) previous.set(flow.key, put.value.previous);
      }
      touched.add(flow);
      accepted.set(flow.key, flow);
    }
    const unremoved = new Map<string, KernelProblem>();
    for (const [name, minors] of touched.classes) {
      for (const { key, problem } of await this.#bring(name, minors)) {
        // What ails the interface as a whole ails every flow of the batch on it, and no other.
        for (const flow of accepted.values())
          if (flow.key === key || (key === null && flow.interface === name)) failed.set(flow.key, problem);
        if (key !== null || problem.code === 'interfaceMissing') continue;
        for (const flow of removed.values()) if (flow.interface === name) unremoved.set(flow.key, problem);
      }
    }
    await this.#takeBack(accepted, failed, previous, touched);
    const filter = await this.#filter.bring(this.#wanted, touched.elements, !this.#compared);
    if (filter) {
      for (const key of accepted.keys()) if (!failed.has(key)) failed.set(key, filter);
      for (const key of removed.keys()) unremoved.set(key, filter);
      await this.#takeBack(accepted, failed, previous, touched);
    }
    const result = (problem: KernelProblem | undefined): Result<void, KernelProblem> =>
      problem ? err(problem) : ok(undefined);
    return {
      install: batch.install.map((flow) => result(failed.get(flow.key))),
      remove: batch.remove.map((key) => result(unremoved.get(key))),
    };
  }

  /** Marks for flows that are kept off their routed way. */
  steer(change: SteeringChange): Promise<Result<void, KernelProblem>> {
    return this.#steering.change(change);
  }

  /** Marks get other bits: all of them in one transaction, so that no packet goes without. */
  renumber(renumbering: Renumbering): Promise<Result<void, KernelProblem>> {
    return this.#steering.renumber(renumbering);
  }

  /** What others have in nftables. */
  async foreign(): Promise<Result<ForeignRuleset, KernelProblem>> {
    try {
      return ok(await readForeign(this.#nft));
    } catch (error) {
      return err({ code: 'failed', detail: error instanceof Error ? error.message : String(error) });
    }
  }

  /** Full comparison of everything of ours with what is desired. Classes that are right are not touched. */
  reconcile(desired: DesiredShaping): Promise<Result<ReconcileReport, KernelProblem>> {
    return this.#compare(desired, true);
  }

  /** The same comparison, of which nothing but the report comes: the kernel stays as it is. */
  inspect(desired: DesiredShaping): Promise<Result<ReconcileReport, KernelProblem>> {
    return this.#compare(desired, false);
  }

  /** The classifier as it is: element → number of its class. */
  async elements(): Promise<Result<ReadonlyMap<string, number>, KernelProblem>> {
    try {
      return ok((await this.#reader.filter()).elements);
    } catch (error) {
      return err({ code: 'failed', detail: error instanceof Error ? error.message : String(error) });
    }
  }

  /** Ports of the netlink sockets by which changes reached the kernel from here of late. */
  ports(): readonly number[] {
    return [...this.#tc.ports(), ...this.#nft.ports(), ...this.#reader.ports()];
  }

  async #compare(desired: DesiredShaping, mends: boolean): Promise<Result<ReconcileReport, KernelProblem>> {
    const { wanted, refused } = WantedShaping.of(desired);
    const problems = refused.map((one) => ({ key: one.key, problem: fromRefusal(one.refusal) }));
    const before = this.#wanted;
    const disturbances: Disturbance[] = [];
    const disturbed = (found: Disturbance | null): void => void (found && disturbances.push(found));
    try {
      const names = new Set([
        ...(await this.#reader.shapedInterfaces()),
        ...this.#queues.known(),
        ...wanted.interfaces.keys(),
      ]);
      if (mends) {
        this.#wanted = wanted;
        this.#compared = true;
      }
      let tcCommands = 0;
      let adopted = 0;
      for (const name of names) {
        await this.#queues.observe(name);
        const plan = this.#queues.plan(wanted, name);
        const changed = new Set(plan.commands.map((command) => command.key));
        for (const flow of wanted.flowsOn(name).values())
          if (this.#queues.has(name, flow.classMinor) && !changed.has(flow.key)) adopted++;
        tcCommands += plan.commands.length;
        disturbed(queueDisturbance(name, before, wanted, plan));
        if (!mends) {
          const problem = this.#queues.unusable(name, plan);
          if (problem) problems.push({ key: name, problem });
          continue;
        }
        const left = await this.#queues.bring(wanted, name);
        for (const { key, problem } of left) problems.push({ key: key ?? name, problem });
        if (!wanted.interfaces.has(name)) this.#queues.forget(name);
      }
      for (const { key } of problems) wanted.remove(key);
      await this.#filter.observe();
      const difference = this.#filter.difference(wanted);
      disturbed(filterDisturbance(before, wanted, difference));
      const filter = mends ? await this.#filter.bring(wanted, undefined, false) : null;
      const steering = await this.#steering.compare(desired.steered ?? [], mends);
      if (!steering.ok) return err(steering.error);
      const { changes: steeringChanges, disturbed: steered } = steering.value;
      if (steered.length > 0) {
        const what = `nftables: marks of table ${STEERING_TABLE} were gone or changed`;
        disturbances.push({ place: STEERING_TABLE, what, keys: steered });
      }
      if (filter) return err(filter);
      return ok({ tcCommands, filterChanges: difference.length, steeringChanges, adopted, problems, disturbances });
    } catch (error) {
      return err({ code: 'failed', detail: error instanceof Error ? error.message : String(error) });
    }
  }

  /** Counters of every class on the shaped interfaces; an interface that is gone has none. */
  async stats(): Promise<FlowCounters[]> {
    const all: FlowCounters[] = [];
    for (const name of this.#wanted.interfaces.keys()) {
      const flows = this.#wanted.flowsOn(name);
      for (const counters of await this.#reader.counters(name))
        all.push({ ...counters, interface: name, key: flows.get(counters.minor)?.key ?? null });
    }
    return all;
  }

  /**
   * With `remove` everything of ours goes; without, classes and classifier stay and keep working. In either case RSVP may pass
   * again: the rule against it is for an agent that was killed, and is set again when one starts.
   */
  async close({ remove }: { remove: boolean }): Promise<void> {
    try {
      if (!remove) return await this.#filter.letRsvpPass();
      const names = await this.#reader.shapedInterfaces();
      await this.#tc.run(names.map((dev) => renderTc({ op: 'deleteRoot', dev })));
      await this.#steering.remove();
      const steps: NftStep[] = [{ op: 'deleteTable' }];
      if ((await this.#reader.filter()).present) await this.#nft.run(renderNft(steps));
    } finally {
      this.#tc.close();
      this.#nft.close();
      this.#reader.close();
    }
  }

  #bring(name: string, minors: ReadonlySet<number>): Promise<readonly Shortfall[]> {
    const all = (): ReadonlySet<number> => new Set([...this.#wanted.flowsOn(name).keys(), ...minors]);
    return this.#queues.bring(this.#wanted, name, minors, this.#compared ? undefined : all());
  }

  /** A flow that failed goes back to what it was before the batch: absent, or its previous form. */
  async #takeBack(
    accepted: ReadonlyMap<string, ShapedFlow>,
    failed: ReadonlyMap<string, KernelProblem>,
    previous: ReadonlyMap<string, ShapedFlow>,
    touched: Touched,
  ): Promise<void> {
    const undone = new Touched();
    for (const key of failed.keys()) {
      const flow = accepted.get(key);
      if (!flow || this.#wanted.flows.get(key) !== flow) continue;
      this.#wanted.remove(key);
      undone.add(flow);
      touched.add(flow);
      const before = previous.get(key);
      if (before && this.#wanted.put(before).ok) undone.add(before);
    }
    for (const [name, minors] of undone.classes) await this.#bring(name, minors);
  }
}

/** Class minors by interface, and elements of the classifier, that a batch concerns. */
class Touched {
  readonly classes = new Map<string, Set<number>>();
  readonly elements = new Set<string>();

  add(flow: ShapedFlow): void {
    this.classes.set(flow.interface, (this.classes.get(flow.interface) ?? new Set<number>()).add(flow.classMinor));
    for (const element of elementsOf(flow)) this.elements.add(element);
  }
}

const fromRefusal = (refusal: Refusal): KernelProblem => ({ code: refusal.reason, detail: refusal.detail });
