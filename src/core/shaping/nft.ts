import { assertNever } from '../base/assert-never.ts';
import { elementKeyFromParts, FILTER_MAPS, filterMap, mapKey, mapOfElement, mapType, textOfElement } from './filter.ts';
import { ROOT_HANDLE, RSVP_MINOR } from './htb.ts';
import { absentFilter, type ObservedFilter } from './observed.ts';
import { classId } from './tc.ts';

export const TABLE = 'inet headroom';
const CLASSIFY = 'type filter hook postrouting priority mangle; policy accept;';
/** Before every other look at a forwarded packet. Interception by a running agent comes before this hook. */
const GUARD = 'type filter hook forward priority raw; policy accept;';
const RSVP_PROTOCOL = 46;

/** What the table must hold. */
export interface WantedFilter {
  readonly interfaces: ReadonlySet<string>;
  readonly elements: ReadonlyMap<string, number>;
  /** Names of the maps that have a rule, in the order of FILTER_MAPS. */
  readonly rules: readonly string[];
  readonly guard: boolean;
}

/** One change of our table; all of a plan go into one transaction. */
export type NftStep =
  | { readonly op: 'rebuild'; readonly wanted: WantedFilter; readonly replace: boolean }
  | { readonly op: 'addInterface' | 'deleteInterface'; readonly name: string }
  | { readonly op: 'addElement'; readonly key: string; readonly minor: number }
  | { readonly op: 'deleteElement'; readonly key: string }
  | { readonly op: 'rules'; readonly rules: readonly string[] }
  | { readonly op: 'guard'; readonly on: boolean }
  | { readonly op: 'deleteTable' };

export const rulesInUse = (maps: ReadonlySet<string>): string[] =>
  FILTER_MAPS.filter((map) => maps.has(map.name)).map((map) => map.name);

/**
 * The smallest transaction that makes `observed` what is wanted.
 * @param touched only these elements are compared, the others are taken as right.
 */
export function planFilter(wanted: WantedFilter, observed: ObservedFilter, touched?: Iterable<string>): NftStep[] {
  if (!observed.sound) return [{ op: 'rebuild', wanted, replace: observed.present }];
  const removals: NftStep[] = [];
  const additions: NftStep[] = [];
  for (const name of observed.interfaces)
    if (!wanted.interfaces.has(name)) removals.push({ op: 'deleteInterface', name });
  for (const name of wanted.interfaces)
    if (!observed.interfaces.has(name)) additions.push({ op: 'addInterface', name });
  const keys = touched ? new Set(touched) : new Set([...observed.elements.keys(), ...wanted.elements.keys()]);
  for (const key of keys) {
    const has = observed.elements.get(key);
    const minor = wanted.elements.get(key);
    if (has === minor) continue;
    if (has !== undefined) removals.push({ op: 'deleteElement', key });
    if (minor !== undefined) additions.push({ op: 'addElement', key, minor });
  }
  if (wanted.rules.join() !== observed.rules.join()) additions.push({ op: 'rules', rules: wanted.rules });
  if (wanted.guard !== observed.guard) additions.push({ op: 'guard', on: wanted.guard });
  return [...removals, ...additions];
}

/** The transaction as nft reads it. Elements of one map go into one command each way. */
export function renderNft(steps: readonly NftStep[]): string {
  const lines: string[] = [];
  const pending = new Map<string, string[]>();
  const flush = (): void => {
    for (const [head, elements] of pending) lines.push(`${head} { ${elements.join(', ')} }`);
    pending.clear();
  };
  const collect = (head: string, element: string): void => {
    // A deletion must come before an addition of the same key.
    const kind = head.slice(0, 3);
    if ([...pending.keys()].some((other) => !other.startsWith(kind))) flush();
    const list = pending.get(head);
    if (list) list.push(element);
    else pending.set(head, [element]);
  };
  for (const step of steps) {
    switch (step.op) {
      case 'addElement':
        collect(
          `add element ${TABLE} ${mapOfElement(step.key)}`,
          `${textOfElement(step.key)} : ${classId(step.minor)}`,
        );
        break;
      case 'deleteElement':
        collect(`delete element ${TABLE} ${mapOfElement(step.key)}`, textOfElement(step.key));
        break;
      case 'addInterface':
        collect(`add element ${TABLE} interfaces`, `"${step.name}"`);
        break;
      case 'deleteInterface':
        collect(`delete element ${TABLE} interfaces`, `"${step.name}"`);
        break;
      default:
        flush();
        lines.push(...otherLines(step));
    }
  }
  flush();
  return lines.map((line) => `${line}\n`).join('');
}

function otherLines(
  step: Exclude<NftStep, { op: 'addElement' | 'deleteElement' | 'addInterface' | 'deleteInterface' }>,
): string[] {
  switch (step.op) {
    case 'rules':
      return [`flush chain ${TABLE} classify`, ...ruleLines(step.rules)];
    case 'guard':
      if (!step.on) return [`flush chain ${TABLE} guard`, `delete chain ${TABLE} guard`];
      return guardLines();
    case 'deleteTable':
      return [`delete table ${TABLE}`];
    case 'rebuild': {
      const { wanted } = step;
      const contents: NftStep[] = [
        ...[...wanted.interfaces].map((name) => ({ op: 'addInterface', name }) as const),
        ...[...wanted.elements].map(([key, minor]) => ({ op: 'addElement', key, minor }) as const),
      ];
      return [
        ...(step.replace ? [`delete table ${TABLE}`] : []),
        `add table ${TABLE}`,
        `add set ${TABLE} interfaces { type ifname; }`,
        ...FILTER_MAPS.map((map) => `add map ${TABLE} ${map.name} { type ${mapType(map).join(' . ')} : classid; }`),
        ...renderNft(contents)
          .split('\n')
          .filter((line) => line !== ''),
        `add chain ${TABLE} classify { ${CLASSIFY} }`,
        ...ruleLines(wanted.rules),
        ...(wanted.guard ? guardLines() : []),
      ];
    }
    default:
      return assertNever(step);
  }
}

function ruleLines(rules: readonly string[]): string[] {
  const rule = `add rule ${TABLE} classify`;
  return [
    `${rule} oifname != @interfaces return`,
    `${rule} meta l4proto ${RSVP_PROTOCOL} meta priority set ${classId(RSVP_MINOR)} return`,
    ...rules.map((name) => `${rule} meta priority set ${mapKey(filterMap(name)!)} map @${name} return`),
  ];
}

const guardLines = (): string[] => [
  `add chain ${TABLE} guard { ${GUARD} }`,
  `add rule ${TABLE} guard meta l4proto ${RSVP_PROTOCOL} ip option ra exists drop`,
];

/** Carries `observed` forward by a step that the kernel has accepted. */
export function applyNft(observed: ObservedFilter, step: NftStep): ObservedFilter {
  switch (step.op) {
    case 'addElement':
      observed.elements.set(step.key, step.minor);
      return observed;
    case 'deleteElement':
      observed.elements.delete(step.key);
      return observed;
    case 'addInterface':
      observed.interfaces.add(step.name);
      return observed;
    case 'deleteInterface':
      observed.interfaces.delete(step.name);
      return observed;
    case 'rules':
      observed.rules = step.rules;
      return observed;
    case 'guard':
      observed.guard = step.on;
      return observed;
    case 'deleteTable':
      return absentFilter();
    case 'rebuild':
      return {
        sound: true,
        present: true,
        interfaces: new Set(step.wanted.interfaces),
        elements: new Map(step.wanted.elements),
        rules: step.wanted.rules,
        guard: step.wanted.guard,
      };
    default:
      return assertNever(step);
  }
}

/**
 * Reads `nft -n -j list table inet headroom`. Anything that is not as ours is made (another hook, a foreign rule, a map of another
 * type) makes the table unsound, so that it is rebuilt.
 * @throws SyntaxError when the text is not JSON.
 */
export function parseNft(json: string): ObservedFilter {
  const items = (JSON.parse(json) as { nftables?: unknown[] }).nftables ?? [];
  const observed = absentFilter();
  observed.present = true;
  observed.sound = true;
  const maps = new Set<string>();
  const rules: string[] = [];
  const fixed: string[] = [];
  let chain = false;
  let set = false;
  for (const item of items) {
    const { set: aSet, map, chain: aChain, rule } = item as Record<string, NftObject | undefined>;
    if (aSet?.name === 'interfaces') {
      set = aSet.type === 'ifname';
      for (const name of aSet.elem ?? []) if (typeof name === 'string') observed.interfaces.add(name);
    }
    if (map?.name !== undefined) {
      const known = filterMap(map.name);
      if (known && JSON.stringify(map.type) === JSON.stringify(mapType(known)) && map.map === 'classid')
        maps.add(map.name);
      if (!readElements(map, observed)) observed.sound = false;
    }
    if (aChain?.name === 'classify')
      chain = aChain.hook === 'postrouting' && aChain.prio === -150 && aChain.policy === 'accept';
    if (aChain?.name === 'guard') {
      observed.guard = true;
      if (aChain.hook !== 'forward' || aChain.prio !== -300) observed.sound = false;
    }
    if (rule?.chain === 'classify') {
      const text = JSON.stringify(rule.expr);
      const name = /"data":\s*"@(\w+)"/.exec(text)?.[1];
      if (name !== undefined && rules.length + fixed.length >= 2) rules.push(name);
      else fixed.push(text);
    }
    if (rule?.chain === 'guard') fixed.push(JSON.stringify(rule.expr));
  }
  observed.rules = rules;
  const guardRules = fixed.filter((text) => text.includes('"drop"') && text.includes('"ra"')).length;
  const heads = [fixed[0]?.includes('@interfaces'), fixed[1]?.includes(classId(RSVP_MINOR))];
  const counted = fixed.length === 2 + (observed.guard ? 1 : 0) && guardRules === (observed.guard ? 1 : 0);
  if (!(set && chain && heads.every(Boolean) && counted && maps.size === FILTER_MAPS.length)) observed.sound = false;
  return observed;
}

interface NftObject {
  readonly name?: string;
  readonly type?: unknown;
  readonly map?: string;
  readonly elem?: readonly unknown[];
  readonly hook?: string;
  readonly prio?: number;
  readonly policy?: string;
  readonly chain?: string;
  readonly expr?: unknown;
}

/** False when an element is not one that we could have made. */
function readElements(map: NftObject, observed: ObservedFilter): boolean {
  for (const pair of map.elem ?? []) {
    if (!Array.isArray(pair)) return false;
    const [key, value] = pair as [{ concat?: (string | number)[] }, unknown];
    const text = Array.isArray(key?.concat) ? elementKeyFromParts(map.name ?? '', key.concat) : null;
    const id = /^([0-9a-f]+):([0-9a-f]+)$/.exec(String(value));
    if (text === null || !id || parseInt(id[1]!, 16) !== ROOT_HANDLE) return false;
    observed.elements.set(text, parseInt(id[2]!, 16));
  }
  return true;
}
