import type { Disturbance } from '../core/shaping/disturbance.ts';
import { planRoutes, type Neighbour, type SteeringNumbers, type SteeringStep } from '../core/shaping/steering.ts';
import type { HostNetwork } from './netlink/host-network.ts';

/** Rules and routes of ours together, among what others may take away. */
export const ROUTES_PLACE = 'ip rule';

/** What others took away, and what of it could not be put back, by the keys of its flows. */
export interface RouteNews {
  readonly disturbances: readonly Disturbance[];
  readonly problems: readonly { readonly key: string; readonly problem: { readonly detail: string } }[];
}

/** A neighbour with the keys of the flows that are steered to it. */
export interface SteeredTo {
  readonly neighbour: Neighbour;
  readonly keys: readonly string[];
}

/** Keeps the kernel's rules and routes for marked packets at what is wanted, and knows which of them others took away. */
export class SteeringRoutes {
  readonly #network: HostNetwork;
  readonly #mayRemove: () => boolean;
  readonly #log: (problem: string) => void;
  /** What stood after the last change, by the neighbour's number. */
  readonly #placed = new Map<number, string>();
  /** What was taken away and cannot be put back, by the neighbour's number. */
  readonly #absent = new Map<number, RouteNews['problems']>();
  #disturbances: Disturbance[] = [];
  #changed = false;

  /** @param options.mayRemove false while it is not known what is wanted: then ours that serve no flow stay. */
  constructor(options: { network: HostNetwork; mayRemove: () => boolean; log: (problem: string) => void }) {
    this.#network = options.network;
    this.#mayRemove = options.mayRemove;
    this.#log = options.log;
  }

  /** Something was taken away, or is there again, and has not been told. */
  get hasNews(): boolean {
    return this.#changed;
  }

  /** What others took away since the last time, and what of it could not be put back. */
  takeNews(): RouteNews {
    const disturbances = this.#disturbances;
    this.#disturbances = [];
    this.#changed = false;
    return { disturbances, problems: [...this.#absent.values()].flat() };
  }

  /** Rules and routes become what they should be; ours that serve no flow go. */
  reconcile(wanted: ReadonlyMap<number, SteeredTo>, numbers: SteeringNumbers): void {
    const observed = this.#network.steering();
    if (observed === null) return;
    const neighbours = [...wanted.values()].map(({ neighbour }) => neighbour);
    const plan = planRoutes(neighbours, observed, numbers);
    const steps = this.#mayRemove() ? plan : plan.filter(({ op }) => op !== 'deleteRule' && op !== 'deleteRoute');
    const lost = this.#lost(steps, wanted, numbers);
    const problems = this.#network.steer(steps);
    for (const problem of problems) this.#log(problem);
    const now = this.#network.steering() ?? observed;
    const missing = numbersOf(steps.length === 0 ? [] : planRoutes(neighbours, now, numbers), numbers);
    this.#remember(wanted, numbers, missing);
    const disturbance = disturbanceOf(lost);
    if (disturbance) this.#disturbances.push(disturbance);
    for (const number of [...this.#absent.keys()]) {
      if (wanted.has(number) && missing.has(number)) continue;
      this.#absent.delete(number);
      this.#changed = true;
    }
    for (const { neighbour, keys } of lost) {
      if (!missing.has(neighbour.number)) continue;
      const detail = `rule or route for ${neighbour.nextHop} cannot be put back: ${problems[0] ?? 'the kernel does not have it'}`;
      this.#absent.set(
        neighbour.number,
        keys.map((key) => ({ key, problem: { detail } })),
      );
    }
    this.#changed ||= disturbance !== null;
  }

  /** What `reconcile` would put back of what others took away; changes nothing. */
  inspect(wanted: ReadonlyMap<number, SteeredTo>, numbers: SteeringNumbers): RouteNews {
    const observed = this.#network.steering();
    const neighbours = [...wanted.values()].map(({ neighbour }) => neighbour);
    const steps = observed === null ? [] : planRoutes(neighbours, observed, numbers);
    const disturbance = disturbanceOf(this.#lost(steps, wanted, numbers));
    return { disturbances: disturbance ? [disturbance] : [], problems: [...this.#absent.values()].flat() };
  }

  /** Neighbours whose rule or route stood and does not any more. A route goes with its link by itself: that is no one's doing. */
  #lost(
    steps: readonly SteeringStep[],
    wanted: ReadonlyMap<number, SteeredTo>,
    numbers: SteeringNumbers,
  ): readonly SteeredTo[] {
    return [...numbersOf(steps, numbers)].flatMap((number) => {
      const to = wanted.get(number);
      return to && this.#isUp(to.neighbour) && this.#placed.get(number) === textOf(to.neighbour, numbers) ? [to] : [];
    });
  }

  #remember(wanted: ReadonlyMap<number, SteeredTo>, numbers: SteeringNumbers, missing: ReadonlySet<number>): void {
    this.#placed.clear();
    for (const [number, { neighbour }] of wanted) {
      if (this.#isUp(neighbour) && !missing.has(number)) this.#placed.set(number, textOf(neighbour, numbers));
    }
  }

  #isUp({ interface: name }: Neighbour): boolean {
    return this.#network.interfaces().some((one) => one.name === name && one.up);
  }
}

/** Neighbours that something has to be added for. */
const numbersOf = (steps: readonly SteeringStep[], { firstTable }: SteeringNumbers): ReadonlySet<number> =>
  new Set(
    steps.flatMap((step) => {
      if (step.op === 'addRule') return [step.rule.table - firstTable];
      return step.op === 'setRoute' ? [step.route.table - firstTable] : [];
    }),
  );

const textOf = ({ interface: name, nextHop }: Neighbour, { mask }: SteeringNumbers): string =>
  `${mask} ${name} ${nextHop}`;

function disturbanceOf(lost: readonly SteeredTo[]): Disturbance | null {
  if (lost.length === 0) return null;
  const hops = lost.map(({ neighbour }) => neighbour.nextHop);
  const shown = hops.length <= 3 ? hops.join(', ') : `${hops.length} neighbours`;
  return {
    place: ROUTES_PLACE,
    what: `the rule or route that keeps flows on their path by ${shown} was gone or changed`,
    keys: lost.flatMap(({ keys }) => keys),
  };
}
