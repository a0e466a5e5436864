import { err, ok, type Result } from '../base/result.ts';
import type { DesiredShaping, ShapedFlow, ShapedInterface } from './desired.ts';
import { elementKey, mapOfElement } from './filter.ts';
import { flowProblem, interfaceProblem, reservable, roundRateUp } from './htb.ts';

/** Why a flow or an interface is not shaped. */
export interface Refusal {
  /** `unknownInterface`: not among the shaped ones. `noRoom`: Σ would exceed what the interface can carry. */
  readonly reason: 'invalid' | 'unknownInterface' | 'noRoom';
  readonly detail: string;
}

/** A flow that lost its place because an interface shrank or went away. */
export interface Displaced {
  readonly key: string;
  readonly refusal: Refusal;
}

/** Desired state, indexed for change one flow at a time. It never holds more on an interface than fits. */
export class WantedShaping {
  readonly interfaces = new Map<string, ShapedInterface>();
  readonly flows = new Map<string, ShapedFlow>();
  /** Element key → class minor: of several flows with the same filter the latest has it. */
  readonly elements = new Map<string, number>();
  readonly #byInterface = new Map<string, Map<number, ShapedFlow>>();
  readonly #sums = new Map<string, number>();
  readonly #claims = new Map<string, Map<string, number>>();
  readonly #inMap = new Map<string, number>();

  static of(desired: DesiredShaping): { wanted: WantedShaping; refused: readonly Displaced[] } {
    const wanted = new WantedShaping();
    const refused: Displaced[] = [];
    for (const iface of desired.interfaces) {
      const set = wanted.setInterface(iface);
      if (!set.ok) refused.push({ key: iface.name, refusal: set.error });
    }
    for (const flow of desired.flows) {
      const put = wanted.put(flow);
      if (!put.ok) refused.push({ key: flow.key, refusal: put.error });
    }
    return { wanted, refused };
  }

  flowsOn(name: string): ReadonlyMap<number, ShapedFlow> {
    return this.#byInterface.get(name) ?? new Map<number, ShapedFlow>();
  }

  /** Σ of the rates of an interface's flow classes, bit/s. */
  sumOn(name: string): number {
    return this.#sums.get(name) ?? 0;
  }

  /** Maps that hold elements. */
  mapsInUse(): ReadonlySet<string> {
    return new Set(this.#inMap.keys());
  }

  /** Adds or changes an interface. Flows that no longer fit are taken out, latest first, and returned. */
  setInterface(iface: ShapedInterface): Result<readonly Displaced[], Refusal> {
    const problem = interfaceProblem(iface);
    if (problem) return err({ reason: 'invalid', detail: problem });
    this.interfaces.set(iface.name, iface);
    const displaced: Displaced[] = [];
    const latestFirst = [...this.flowsOn(iface.name).values()].reverse();
    for (const flow of latestFirst) {
      if (this.sumOn(iface.name) <= reservable(iface)) break;
      displaced.push({ key: flow.key, refusal: this.#noRoom(iface, flow, this.sumOn(iface.name)) });
      this.remove(flow.key);
    }
    return ok(displaced);
  }

  /** Stops shaping an interface; its flows are taken out and returned. */
  dropInterface(name: string): readonly Displaced[] {
    const keys = [...this.flowsOn(name).values()].map((flow) => flow.key);
    for (const key of keys) this.remove(key);
    this.interfaces.delete(name);
    return keys.map((key) => ({ key, refusal: notShaped(name) }));
  }

  /** Adds a flow or replaces the one of the same key. A refusal leaves everything as it was. */
  put(flow: ShapedFlow): Result<{ readonly previous: ShapedFlow | null }, Refusal> {
    const previous = this.flows.get(flow.key) ?? null;
    const invalid = (detail: string): Result<never, Refusal> => err({ reason: 'invalid', detail });
    const iface = this.interfaces.get(flow.interface);
    if (!iface) return err(notShaped(flow.interface));
    const problem = flowProblem(flow);
    if (problem) return invalid(problem);
    if (flow.filters.length === 0) return invalid('filters is empty');
    for (const filter of flow.filters) {
      const element = elementKey(filter);
      if (!element.ok) return invalid(element.error);
    }
    const holder = this.flowsOn(flow.interface).get(flow.classMinor);
    if (holder && holder.key !== flow.key)
      return invalid(`classMinor ${flow.classMinor} is in use on ${flow.interface} by ${holder.key}`);
    const others = this.sumOn(flow.interface) - (previous?.interface === flow.interface ? classRate(previous) : 0);
    if (others + classRate(flow) > reservable(iface)) return err(this.#noRoom(iface, flow, others));
    this.remove(flow.key);
    this.#insert(flow);
    return ok({ previous });
  }

  remove(key: string): ShapedFlow | null {
    const flow = this.flows.get(key);
    if (!flow) return null;
    this.flows.delete(key);
    this.#byInterface.get(flow.interface)?.delete(flow.classMinor);
    this.#sums.set(flow.interface, this.sumOn(flow.interface) - classRate(flow));
    for (const element of elementsOf(flow)) {
      const claims = this.#claims.get(element);
      claims?.delete(key);
      const latest = claims && [...claims.values()].at(-1);
      if (latest !== undefined) this.elements.set(element, latest);
      else if (this.elements.delete(element)) {
        this.#claims.delete(element);
        this.#count(mapOfElement(element), -1);
      }
    }
    return flow;
  }

  #insert(flow: ShapedFlow): void {
    this.flows.set(flow.key, flow);
    const onInterface = this.#byInterface.get(flow.interface) ?? new Map<number, ShapedFlow>();
    this.#byInterface.set(flow.interface, onInterface.set(flow.classMinor, flow));
    this.#sums.set(flow.interface, this.sumOn(flow.interface) + classRate(flow));
    for (const element of elementsOf(flow)) {
      const claims = this.#claims.get(element) ?? new Map<string, number>();
      this.#claims.set(element, claims.set(flow.key, flow.classMinor));
      if (!this.elements.has(element)) this.#count(mapOfElement(element), 1);
      this.elements.set(element, flow.classMinor);
    }
  }

  #count(map: string, by: number): void {
    const now = (this.#inMap.get(map) ?? 0) + by;
    if (now > 0) this.#inMap.set(map, now);
    else this.#inMap.delete(map);
  }

  #noRoom(iface: ShapedInterface, flow: ShapedFlow, others: number): Refusal {
    const rate = classRate(flow);
    return {
      reason: 'noRoom',
      detail: `rateBitsPerSecond ${rate} does not fit on ${iface.name}: ${others} of ${reservable(iface)} are taken`,
    };
  }
}

/** The elements of the classifier that a flow asks for, without repetition. */
export const elementsOf = (flow: ShapedFlow): ReadonlySet<string> =>
  new Set(
    flow.filters.flatMap((filter) => {
      const key = elementKey(filter);
      return key.ok ? [key.value] : [];
    }),
  );

const classRate = (flow: ShapedFlow): number => roundRateUp(flow.rateBitsPerSecond);
const notShaped = (name: string): Refusal => ({
  reason: 'unknownInterface',
  detail: `interface ${JSON.stringify(name)} is not among the shaped interfaces`,
});
