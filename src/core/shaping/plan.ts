import type { DesiredShaping, ShapedFlow, ShapedInterface } from './desired.ts';
import {
  baseClasses,
  BEST_EFFORT_MINOR,
  FIRST_FLOW_MINOR,
  flowClass,
  PARENT_MINOR,
  reservable,
  rootQdisc,
  roundRateUp,
  type ShapedClass,
} from './htb.ts';
import { applyNft, planFilter, rulesInUse, type NftStep, type WantedFilter } from './nft.ts';
import { emptyInterface, type ObservedInterface, type ObservedShaping } from './observed.ts';
import { sameClass, sameLeaf } from './same.ts';
import { applyTc, type TcStep } from './tc.ts';
import { WantedShaping, type Displaced } from './wanted.ts';

/** A command and the flow that it serves; null where it serves the interface as a whole. */
export interface TcCommand {
  readonly step: TcStep;
  readonly key: string | null;
}

export interface InterfacePlan {
  readonly commands: readonly TcCommand[];
  /** A sentence when the interface cannot be shaped: it is absent, or somebody else's qdisc is there. */
  readonly problem: string | null;
}

export interface ShapingPlan {
  /** Queues first, then the classifier: a packet never gets the number of a class that is not there yet. */
  readonly tc: readonly TcCommand[];
  readonly nft: readonly NftStep[];
  readonly refused: readonly Displaced[];
  readonly problems: ReadonlyMap<string, string>;
}

/** The smallest plan from `observed` to `desired`. What does not fit or is invalid is refused, the rest is planned. */
export function planShaping(
  desired: DesiredShaping,
  observed: ObservedShaping,
  options: { guard: boolean },
): ShapingPlan {
  const { wanted, refused } = WantedShaping.of(desired);
  return { ...planWanted(wanted, observed, options), refused };
}

export function planWanted(
  wanted: WantedShaping,
  observed: ObservedShaping,
  options: { guard: boolean },
): Omit<ShapingPlan, 'refused'> {
  const problems = new Map<string, string>();
  const tc: TcCommand[] = [];
  for (const name of new Set([...observed.interfaces.keys(), ...wanted.interfaces.keys()])) {
    const iface = wanted.interfaces.get(name) ?? null;
    const plan = planInterface(iface, wanted.flowsOn(name), observed.interfaces.get(name) ?? null);
    tc.push(...plan.commands);
    if (plan.problem) problems.set(name, plan.problem);
  }
  return { tc, nft: planFilter(wantedFilter(wanted, options.guard), observed.filter), problems };
}

export const wantedFilter = (wanted: WantedShaping, guard: boolean): WantedFilter => ({
  interfaces: new Set(wanted.interfaces.keys()),
  elements: wanted.elements,
  rules: rulesInUse(wanted.mapsInUse()),
  guard,
});

/**
 * The commands that bring one interface to what is wanted, in an order in which Σ of the children never exceeds the larger of the
 * old and the new capacity: removals, then what shrinks, then the set-aside classes, then what grows or is new.
 * @param iface null when the interface is no longer to be shaped.
 * @param touched flow classes to look at; all of them when absent.
 */
export function planInterface(
  iface: ShapedInterface | null,
  flows: ReadonlyMap<number, ShapedFlow>,
  observed: ObservedInterface | null,
  touched?: ReadonlySet<number>,
): InterfacePlan {
  const done = (commands: readonly TcCommand[], problem: string | null = null): InterfacePlan => ({
    commands,
    problem,
  });
  if (iface === null) {
    return done(observed?.root.kind === 'ours' ? [{ step: { op: 'deleteRoot', dev: observed.name }, key: null }] : []);
  }
  const dev = iface.name;
  if (observed === null) return done([], `interface ${dev} does not exist`);
  if (observed.root.kind === 'foreign')
    return done([], `interface ${dev} has a root qdisc that is not ours: ${observed.root.description}`);

  const root = rootQdisc(iface);
  const have = observed.root;
  const keepRoot =
    have.kind === 'ours' &&
    have.defaultMinor === root.defaultMinor &&
    have.stabOverheadBytes === root.stabOverheadBytes;
  const seen = keepRoot ? observed.classes : new Map<number, never>();
  const first: TcCommand[] = [];
  if (!keepRoot) {
    if (have.kind === 'ours') first.push({ step: { op: 'deleteRoot', dev }, key: null });
    first.push({ step: { op: 'addRoot', dev, root }, key: null });
  }

  let sum = 0;
  const wanted = new Map<number, readonly [ShapedClass, string | null]>();
  for (const [minor, flow] of flows) {
    sum += roundRateUp(flow.rateBitsPerSecond);
    if (!touched || !keepRoot || touched.has(minor)) wanted.set(minor, [flowClass(iface, flow), flow.key]);
  }
  // Classes that are neither wanted nor looked at stay for now and keep their room.
  let leftovers = 0;
  if (touched) {
    for (const [minor, { class: left }] of seen) {
      if (minor < FIRST_FLOW_MINOR || flows.has(minor) || touched.has(minor)) continue;
      leftovers += left.rateBitsPerSecond;
    }
  }
  const base = baseClasses(iface, Math.min(sum + leftovers, reservable(iface)));

  const removals: TcCommand[] = [];
  const shrinking: TcCommand[] = [];
  const middle: TcCommand[] = [];
  const growing: TcCommand[] = [];
  const last: TcCommand[] = [];
  const baseMinors = new Set(base.map((b) => b.class.minor));
  for (const [minor, { class: present }] of seen) {
    if (touched && !touched.has(minor) && !baseMinors.has(minor)) continue;
    const parent = baseMinors.has(minor) ? base.find((b) => b.class.minor === minor)!.class.parent : PARENT_MINOR;
    const misplaced = present.parent !== parent;
    if (misplaced || (!flows.has(minor) && !baseMinors.has(minor)))
      removals.push({ step: { op: 'deleteClass', dev, minor }, key: flows.get(minor)?.key ?? null });
  }
  const gone = new Set(removals.map((c) => (c.step as { minor: number }).minor));

  const consider = (shaped: ShapedClass, key: string | null, shrink: TcCommand[], grow: TcCommand[]): void => {
    const { class: c, leaf } = shaped;
    const present = gone.has(c.minor) ? undefined : seen.get(c.minor);
    const shrinks = present !== undefined && c.rateBitsPerSecond <= present.class.rateBitsPerSecond;
    const into = shrinks ? shrink : grow;
    if (!present) into.push({ step: { op: 'addClass', dev, class: c }, key });
    else if (!sameClass(c, present)) into.push({ step: { op: 'changeClass', dev, class: c }, key });
    if (leaf === null || sameLeaf(leaf, present?.leaf ?? null)) return;
    // A queue is changed in place only within its kind.
    if (present?.leaf && present.leaf.kind !== leaf.kind)
      into.push({ step: { op: 'deleteLeaf', dev, minor: c.minor }, key });
    into.push({ step: { op: 'setLeaf', dev, minor: c.minor, leaf }, key });
  };
  const [parent, ...aside] = base;
  consider(parent!, null, last, first);
  for (const shaped of aside) {
    const present = seen.get(shaped.class.minor)?.class;
    // Leftovers are known only as precisely as tc prints: best effort then only ever shrinks.
    const keep = leftovers > 0 && present?.parent === PARENT_MINOR && present.minor === BEST_EFFORT_MINOR;
    if (!keep || present.rateBitsPerSecond > shaped.class.rateBitsPerSecond) consider(shaped, null, shrinking, middle);
  }
  for (const [shaped, key] of wanted.values()) consider(shaped, key, shrinking, growing);
  return done([...first, ...removals, ...shrinking, ...middle, ...growing, ...last]);
}

/** What the kernel would show after a plan that it accepts as a whole. Changes `observed`. */
export function applyPlan(observed: ObservedShaping, plan: Pick<ShapingPlan, 'tc' | 'nft'>): void {
  for (const { step } of plan.tc) {
    const iface = observed.interfaces.get(step.dev) ?? emptyInterface(step.dev);
    observed.interfaces.set(step.dev, iface);
    applyTc(iface, step);
  }
  for (const step of plan.nft) observed.filter = applyNft(observed.filter, step);
}
