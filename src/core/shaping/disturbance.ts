import type { ShapedFlow } from './desired.ts';
import { rulesInUse, TABLE, type NftStep } from './nft.ts';
import type { InterfacePlan } from './plan.ts';
import { elementsOf, type WantedShaping } from './wanted.ts';

/** Something of ours that was in the kernel and is not any more, or not as it was made: others have changed it. */
export interface Disturbance {
  /** An interface's name, or the table's as nft writes it. */
  readonly place: string;
  /** A sentence without a full stop. */
  readonly what: string;
  /** Flows that are not enforced by it. */
  readonly keys: readonly string[];
}

/**
 * Of the plan that a full comparison makes for an interface the part that is there because others changed something: it
 * concerns flows that were in the kernel and are still wanted as they were.
 *
 * @param before what was wanted until now, and thus was in the kernel.
 */
export function queueDisturbance(
  name: string,
  before: WantedShaping,
  wanted: WantedShaping,
  plan: InterfacePlan,
): Disturbance | null {
  const had = before.interfaces.get(name);
  const has = wanted.interfaces.get(name);
  if (!had || !has || plan.problem !== null || JSON.stringify(had) !== JSON.stringify(has)) return null;
  const keys = (flows: Iterable<ShapedFlow>): string[] => [...flows].map(({ key }) => key);
  const flows = [...wanted.flowsOn(name).values()].filter((flow) => isSame(flow, before.flows.get(flow.key)));
  if (plan.commands.some(({ step }) => step.op === 'addRoot'))
    return { place: name, what: `the root qdisc of ${name} was gone`, keys: keys(flows) };
  const changed = new Set(plan.commands.map(({ key }) => key));
  const hurt = keys(flows.filter(({ key }) => changed.has(key)));
  const classes = hurt.length === 1 ? 'a class' : `${hurt.length} classes`;
  return hurt.length === 0 ? null : { place: name, what: `${classes} of ${name} gone or changed`, keys: hurt };
}

/** The same for our table of the classifier. */
export function filterDisturbance(
  before: WantedShaping,
  wanted: WantedShaping,
  steps: readonly NftStep[],
): Disturbance | null {
  if (before.interfaces.size === 0) return null;
  const flows = [...wanted.flows.values()].filter((flow) => isSame(flow, before.flows.get(flow.key)));
  const told = (what: string, hurt: readonly ShapedFlow[]): Disturbance => ({
    place: TABLE,
    what: `nftables: ${what}`,
    keys: hurt.map(({ key }) => key),
  });
  const rebuild = steps.find((step) => step.op === 'rebuild');
  if (rebuild) return told(`table ${TABLE} was ${rebuild.replace ? 'changed' : 'gone'}`, flows);
  const sameRules = rulesInUse(before.mapsInUse()).join() === rulesInUse(wanted.mapsInUse()).join();
  if (sameRules && steps.some((step) => step.op === 'rules'))
    return told(`rules of table ${TABLE} were changed`, flows);
  const interfaces = new Set(
    steps.flatMap((step) => (step.op === 'addInterface' && before.interfaces.has(step.name) ? [step.name] : [])),
  );
  const elements = new Set(steps.flatMap((step) => (step.op === 'addElement' ? [step.key] : [])));
  const hurt = flows.filter(
    (flow) => interfaces.has(flow.interface) || [...elementsOf(flow)].some((element) => elements.has(element)),
  );
  return hurt.length === 0 ? null : told(`entries of table ${TABLE} were gone or changed`, hurt);
}

const isSame = (a: ShapedFlow, b: ShapedFlow | undefined): boolean =>
  b !== undefined && JSON.stringify(a) === JSON.stringify(b);
