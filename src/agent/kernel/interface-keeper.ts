import type { ShapedFlow } from '../../core/shaping/desired.ts';
import { flowClass } from '../../core/shaping/htb.ts';
import type { ObservedClass, ObservedInterface } from '../../core/shaping/observed.ts';
import { planInterface, type InterfacePlan, type TcCommand } from '../../core/shaping/plan.ts';
import { sameClass } from '../../core/shaping/same.ts';
import { applyTc, renderTc } from '../../core/shaping/tc.ts';
import type { WantedShaping } from '../../core/shaping/wanted.ts';
import type { KernelProblem } from './problem.ts';
import type { KernelReader } from './reader.ts';
import type { TcSession } from './tc-session.ts';

/** Something that is not as wanted: a flow's key, or null where the interface as a whole is concerned. */
export interface Shortfall {
  readonly key: string | null;
  readonly problem: KernelProblem;
}

/** Flows, and their classes as the kernel shows them; null when it did not say. */
interface Reading {
  readonly flows: readonly ShapedFlow[];
  readonly seen: ReadonlyMap<number, ObservedClass> | null;
}

/** Keeps the queues of interfaces at what is wanted, over a picture of the kernel that every accepted command carries forward. */
export class InterfaceKeeper {
  readonly #tc: TcSession;
  readonly #reader: KernelReader;
  readonly #observed = new Map<string, ObservedInterface>();

  constructor(tc: TcSession, reader: KernelReader) {
    this.#tc = tc;
    this.#reader = reader;
  }

  /** Interfaces of which there is a picture. */
  known(): string[] {
    return [...this.#observed.keys()];
  }

  /** Why nothing can be done there; null where it can. */
  unusable(name: string, { problem }: InterfacePlan): KernelProblem | null {
    return problem === null ? null : this.#unusable(name, problem);
  }

  has(name: string, minor: number): boolean {
    return this.#observed.get(name)?.classes.has(minor) ?? false;
  }

  /** Takes a full reading. */
  async observe(name: string): Promise<void> {
    const seen = await this.#reader.interface(name);
    if (seen) this.#observed.set(name, seen);
    else this.#observed.delete(name);
  }

  forget(name: string): void {
    this.#observed.delete(name);
  }

  /** @param scope flow classes to look at; all of them when absent. */
  plan(wanted: WantedShaping, name: string, scope?: ReadonlySet<number>): InterfacePlan {
    const iface = wanted.interfaces.get(name) ?? null;
    return planInterface(iface, wanted.flowsOn(name), this.#observed.get(name) ?? null, scope);
  }

  /**
   * Brings an interface to what is wanted and verifies it by reading back. After a surprise (an error, a class that is not as it was
   * set, a qdisc that somebody removed) everything is read and the difference tried once more.
   * @param scope flow classes to look at at first; all of them when absent.
   * @param repairScope those to look at after a surprise.
   * @returns what is still not as wanted.
   */
  async bring(
    wanted: WantedShaping,
    name: string,
    scope?: ReadonlySet<number>,
    repairScope?: ReadonlySet<number>,
  ): Promise<readonly Shortfall[]> {
    const plan = this.plan(wanted, name, scope);
    if (!plan.problem) {
      const failures = await this.#run(name, plan.commands);
      if (failures.size === 0 && (await this.#verified(wanted, name, plan, await this.#read(wanted, name, scope))))
        return [];
    }
    await this.observe(name);
    const repair = this.plan(wanted, name, repairScope);
    if (repair.problem) return [{ key: null, problem: this.#unusable(name, repair.problem) }];
    const failures = await this.#run(name, repair.commands);
    await this.observe(name);
    const left = this.plan(wanted, name, repairScope);
    if (left.problem) return [{ key: null, problem: this.#unusable(name, left.problem) }];
    const says = (key: string | null): string =>
      failures.get(key) ?? [...failures.values()][0] ?? 'the kernel does not keep what it was given';
    return [...new Set(left.commands.map((command) => command.key))].map((key) => ({
      key,
      problem: { code: 'failed', detail: `${name}: ${says(key)}` },
    }));
  }

  async #run(name: string, commands: readonly TcCommand[]): Promise<Map<string | null, string>> {
    const outcomes = await this.#tc.run(commands.map((command) => renderTc(command.step)));
    const failures = new Map<string | null, string>();
    const observed = this.#observed.get(name);
    commands.forEach((command, i) => {
      const said = outcomes[i] ?? null;
      if (said === null) {
        if (observed) applyTc(observed, command.step);
      } else if (!failures.has(command.key)) failures.set(command.key, said);
    });
    return failures;
  }

  /** Reads the wanted classes of the scope back. Without a scope there is nothing to read but everything: null. */
  async #read(wanted: WantedShaping, name: string, scope: ReadonlySet<number> | undefined): Promise<Reading | null> {
    if (!scope) return null;
    const flows = [...scope].flatMap((minor) => wanted.flowsOn(name).get(minor) ?? []);
    if (flows.length === 0) return { flows, seen: null };
    const minors = flows.map((flow) => flow.classMinor);
    return { flows, seen: await this.#reader.classes(name, minors).catch(() => null) };
  }

  /** A class whose parent is missing hangs at the root without an error: the parent, rate and bursts are compared. */
  async #verified(wanted: WantedShaping, name: string, plan: InterfacePlan, reading: Reading | null): Promise<boolean> {
    const iface = wanted.interfaces.get(name);
    if (!iface) return true;
    if (!reading) {
      if (plan.commands.length === 0) return true;
      await this.observe(name);
      const left = this.plan(wanted, name);
      return !left.problem && left.commands.length === 0;
    }
    return reading.flows.every((flow) => {
      const found = reading.seen?.get(flow.classMinor);
      return found !== undefined && sameClass(flowClass(iface, flow).class, found);
    });
  }

  #unusable(name: string, detail: string): KernelProblem {
    return { code: this.#observed.has(name) ? 'foreignQdisc' : 'interfaceMissing', detail };
  }
}
