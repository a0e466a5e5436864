import { assertNever } from '../base/assert-never.ts';
import { elementKeyFromParts, FILTER_MAPS, filterMap, mapOfElement, mapKey, mapType, textOfElement } from './filter.ts';
import { markOf, type SteeringNumbers } from './steering.ts';

/** There while flows are steered, and gone with the last of them. */
export const STEERING_TABLE = 'inet headroom_steering';
/** After everybody's at `mangle`, who may write the whole mark: foreign bits are there by then, and ours stay. */
const PRIORITY = -149;
const CHAINS = {
  prerouting: `type filter hook prerouting priority ${PRIORITY}; policy accept;`,
  /** A chain of type `route` asks for the way anew when the mark has changed. */
  output: `type route hook output priority ${PRIORITY}; policy accept;`,
} as const;
const HOOKS = ['prerouting', 'output'] as const;
const MAPS = FILTER_MAPS.filter((map) => map.family === 4);

/**
 * What the table holds: element of a map (`map|a . b . c`) → number of its neighbour. The maps lead to a chain for each
 * neighbour, since nft cannot join bits of the packet's own mark with bits from a map.
 */
export interface SteeringTable {
  /** False when it is absent or not as ours is made: then it is made anew. */
  sound: boolean;
  present: boolean;
  readonly elements: Map<string, number>;
  /** Neighbours that have a chain. */
  readonly chains: Set<number>;
  /** Maps that are looked up, in the order of the rules. */
  rules: readonly string[];
}

export const absentSteering = (): SteeringTable => ({
  sound: false,
  present: false,
  elements: new Map(),
  chains: new Set(),
  rules: [],
});

export type SteeringNftStep =
  | { readonly op: 'rebuild'; readonly elements: ReadonlyMap<string, number>; readonly replace: boolean }
  | { readonly op: 'deleteTable' }
  | { readonly op: 'addChain' | 'deleteChain'; readonly neighbour: number }
  | { readonly op: 'addElement'; readonly key: string; readonly neighbour: number }
  | { readonly op: 'deleteElement'; readonly key: string }
  | { readonly op: 'rules'; readonly rules: readonly string[] };

/**
 * The smallest transaction from what is there to what is wanted; with nothing wanted the table goes.
 * @param touched only these elements are compared, the others are taken as right.
 */
export function planSteering(
  wanted: ReadonlyMap<string, number>,
  observed: SteeringTable,
  touched?: Iterable<string>,
): readonly SteeringNftStep[] {
  if (wanted.size === 0) return observed.present ? [{ op: 'deleteTable' }] : [];
  if (!observed.sound) return [{ op: 'rebuild', elements: new Map(wanted), replace: observed.present }];
  const removals: SteeringNftStep[] = [];
  const additions: SteeringNftStep[] = [];
  const chains = new Set(wanted.values());
  const keys = touched ? new Set(touched) : new Set([...observed.elements.keys(), ...wanted.keys()]);
  for (const neighbour of chains) if (!observed.chains.has(neighbour)) additions.push({ op: 'addChain', neighbour });
  for (const key of keys) {
    const has = observed.elements.get(key);
    const neighbour = wanted.get(key);
    if (has === neighbour) continue;
    if (has !== undefined) removals.push({ op: 'deleteElement', key });
    if (neighbour !== undefined) additions.push({ op: 'addElement', key, neighbour });
  }
  const rules = rulesFor(wanted.keys());
  if (rules.join() !== observed.rules.join()) additions.push({ op: 'rules', rules });
  // A chain that an element still leads to cannot be deleted.
  for (const neighbour of observed.chains)
    if (!chains.has(neighbour) && !additions.some((step) => step.op === 'addChain' && step.neighbour === neighbour))
      additions.push({ op: 'deleteChain', neighbour });
  return [...removals, ...additions];
}

const rulesFor = (keys: Iterable<string>): string[] => {
  const used = new Set<string>();
  for (const key of keys) used.add(mapOfElement(key));
  return MAPS.filter((map) => used.has(map.name)).map((map) => map.name);
};

const chainOf = (neighbour: number): string => `to_${neighbour}`;

/** The transaction as nft reads it. */
export const renderSteering = (steps: readonly SteeringNftStep[], numbers: SteeringNumbers): string =>
  steps
    .flatMap((step) => lines(step, numbers))
    .map((line) => `${line}\n`)
    .join('');

function lines(step: SteeringNftStep, numbers: SteeringNumbers): string[] {
  const table = STEERING_TABLE;
  switch (step.op) {
    case 'rebuild':
      return [
        ...(step.replace ? [`delete table ${table}`] : []),
        `add table ${table}`,
        ...MAPS.map((map) => `add map ${table} ${map.name} { type ${mapType(map).join(' . ')} : verdict; }`),
        ...HOOKS.map((chain) => `add chain ${table} ${chain} { ${CHAINS[chain]} }`),
        ...[...new Set(step.elements.values())].flatMap((neighbour) => lines({ op: 'addChain', neighbour }, numbers)),
        ...[...step.elements].flatMap(([key, neighbour]) => lines({ op: 'addElement', key, neighbour }, numbers)),
        ...lines({ op: 'rules', rules: rulesFor(step.elements.keys()) }, numbers),
      ];
    case 'deleteTable':
      return [`delete table ${table}`];
    case 'addChain': {
      const keep = hex(~numbers.mask >>> 0);
      const set = `meta mark set meta mark & ${keep} | ${hex(markOf(numbers, step.neighbour))}`;
      return [`add chain ${table} ${chainOf(step.neighbour)}`, `add rule ${table} ${chainOf(step.neighbour)} ${set}`];
    }
    case 'deleteChain':
      return [`flush chain ${table} ${chainOf(step.neighbour)}`, `delete chain ${table} ${chainOf(step.neighbour)}`];
    case 'addElement':
      return [
        `add element ${table} ${mapOfElement(step.key)} { ${textOfElement(step.key)} : goto ${chainOf(step.neighbour)} }`,
      ];
    case 'deleteElement':
      return [`delete element ${table} ${mapOfElement(step.key)} { ${textOfElement(step.key)} }`];
    case 'rules':
      return HOOKS.flatMap((chain) => [
        `flush chain ${table} ${chain}`,
        ...step.rules.map((name) => `add rule ${table} ${chain} ${mapKey(filterMap(name)!)} vmap @${name}`),
      ]);
    default:
      return assertNever(step);
  }
}

const hex = (value: number): string => `0x${value.toString(16).padStart(8, '0')}`;

/** Carries `observed` forward by a step that the kernel has accepted. */
export function applySteering(observed: SteeringTable, step: SteeringNftStep): SteeringTable {
  switch (step.op) {
    case 'rebuild':
      return {
        sound: true,
        present: true,
        elements: new Map(step.elements),
        chains: new Set(step.elements.values()),
        rules: rulesFor(step.elements.keys()),
      };
    case 'deleteTable':
      return absentSteering();
    case 'addChain':
      observed.chains.add(step.neighbour);
      return observed;
    case 'deleteChain':
      observed.chains.delete(step.neighbour);
      return observed;
    case 'addElement':
      observed.elements.set(step.key, step.neighbour);
      return observed;
    case 'deleteElement':
      observed.elements.delete(step.key);
      return observed;
    case 'rules':
      observed.rules = step.rules;
      return observed;
    default:
      return assertNever(step);
  }
}

/**
 * Reads `nft -n -j list table inet headroom_steering`. Anything that is not as ours is made makes the table unsound.
 * @throws SyntaxError when the text is not JSON.
 */
export function parseSteering(json: string, numbers: SteeringNumbers): SteeringTable {
  const items = ((JSON.parse(json) as { nftables?: unknown[] }).nftables ?? []) as Item[];
  const observed: SteeringTable = { ...absentSteering(), present: true, sound: true };
  const hooks = new Map<string, string[]>();
  const marks = new Map<number, number>();
  const unsound = (): void => {
    observed.sound = false;
  };
  let maps = 0;
  for (const { map, chain, rule, set } of items) {
    if (set) unsound();
    if (map) {
      const known = MAPS.find(({ name }) => name === map.name);
      if (known && map.map === 'verdict' && JSON.stringify(map.type) === JSON.stringify(mapType(known))) maps++;
      if (!known || !readElements(map, observed)) unsound();
    }
    if (chain) {
      const number = numberOf(chain.name);
      if (number !== null) observed.chains.add(number);
      else if (isOurHook(chain)) hooks.set(chain.name!, []);
      else unsound();
    }
    if (rule) {
      const text = JSON.stringify(rule.expr);
      const looked = /"vmap".*"data":\s*"@(\w+)"/.exec(text)?.[1];
      const number = numberOf(rule.chain);
      const list = hooks.get(rule.chain ?? '');
      if (list && looked !== undefined) list.push(looked);
      else if (number !== null && !marks.has(number) && setsMark(rule.expr, markOf(numbers, number), numbers.mask)) {
        marks.set(number, 1);
      } else unsound();
    }
  }
  const [first, second] = HOOKS.map((name) => hooks.get(name));
  if (maps !== MAPS.length || !first || first.join() !== second?.join()) unsound();
  if (marks.size !== observed.chains.size) unsound();
  for (const neighbour of observed.elements.values()) if (!observed.chains.has(neighbour)) unsound();
  observed.rules = first ?? [];
  return observed;
}

interface Item {
  readonly set?: object;
  readonly map?: { name?: string; type?: unknown; map?: string; elem?: readonly unknown[] };
  readonly chain?: { name?: string; type?: string; hook?: string; prio?: number; policy?: string };
  readonly rule?: { chain?: string; expr?: unknown };
}

function numberOf(chain: string | undefined): number | null {
  const match = /^to_(\d+)$/.exec(chain ?? '');
  return match ? Number(match[1]) : null;
}

const isOurHook = (chain: NonNullable<Item['chain']>): boolean =>
  HOOKS.some((hook) => hook === chain.name && hook === chain.hook) &&
  chain.type === (chain.name === 'output' ? 'route' : 'filter') &&
  chain.prio === PRIORITY &&
  chain.policy === 'accept';

/** nft shows the bits to keep with those to set among them: `mark & (~mask | value) | value` is the same. */
function setsMark(expr: unknown, value: number, mask: number): boolean {
  const text = JSON.stringify(expr).replace(/\s/g, '');
  const mark = '{"meta":{"key":"mark"}}';
  const keep = [~mask >>> 0, (~mask | value) >>> 0];
  return keep.some(
    (bits) =>
      text === `[{"mangle":{"key":${mark},"value":{"|":[{"&":[${mark},${bits}]},${value}]}}}]` ||
      // All bits of the mask are set: nothing is left to clear.
      (value === mask && text === `[{"mangle":{"key":${mark},"value":{"|":[${mark},${value}]}}}]`),
  );
}

function readElements(map: NonNullable<Item['map']>, observed: SteeringTable): boolean {
  for (const pair of map.elem ?? []) {
    if (!Array.isArray(pair)) return false;
    const [key, verdict] = pair as [{ concat?: (string | number)[] }, { goto?: { target?: string } }];
    const text = Array.isArray(key.concat) ? elementKeyFromParts(map.name ?? '', key.concat) : null;
    const number = numberOf(verdict.goto?.target);
    if (text === null || number === null) return false;
    observed.elements.set(text, number);
  }
  return true;
}
