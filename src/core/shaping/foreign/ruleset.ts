import { marksOfSet, markUseOf, type NamedMarks } from './mark-use.ts';
import { listOf, member, numberOf, textOf, type Json } from './json.ts';
import { ruleText } from './rule-text.ts';

/** A rule of others that names bits of marks or writes whole ones. */
export interface NamedBits {
  readonly object: string;
  readonly bits: number;
  readonly overwrites: boolean;
}

export interface ForeignRule {
  readonly expressions: readonly Json[];
}

export interface ForeignChain {
  /** `<family> <table> <chain>`. */
  readonly name: string;
  /** As its rules are entered; null where only other chains lead to it. */
  readonly base: { readonly type: string; readonly hook: string; readonly priority: number } | null;
  /** Of the table that sets and targets are looked for in. */
  readonly table: string;
  readonly rules: readonly ForeignRule[];
}

/** What of others' nftables may concern booked flows, ready to be judged; made of data only. */
export interface ForeignRuleset {
  readonly marks: readonly NamedBits[];
  /** The bits of all rules together, also of those that are not listed. */
  readonly named: number;
  /** By `<family> <table> <chain>`: those that translate addresses or offload flows, and those that lead there. */
  readonly chains: ReadonlyMap<string, ForeignChain>;
  /** Elements of named sets, by `<family> <table> <set>`. */
  readonly sets: ReadonlyMap<string, readonly Json[]>;
  /** Devices of flowtables, by `<family> <table> <flowtable>`. */
  readonly flowtables: ReadonlyMap<string, readonly string[]>;
  /** What could not be read, a sentence each without a full stop. */
  readonly unread: readonly string[];
}

export const NO_RULES: ForeignRuleset = {
  ...{ marks: [], named: 0, chains: new Map(), sets: new Map(), flowtables: new Map(), unread: [] },
};

const MAX_MARKS = 1_000;
/** Rules that are kept for judging; what is beyond is told as not judged. */
const MAX_RULES = 5_000;
const MAX_ELEMENTS = 50_000;
const FAMILIES: ReadonlySet<string> = new Set(['ip', 'inet', 'ip6', 'netdev', 'bridge']);
/** Of these only rules about marks count: they see no forwarded IPv4 packet whose address they could change. */
const IPV4: ReadonlySet<string> = new Set(['ip', 'inet']);

/**
 * Reads tables as `nft -j list table` prints them. Linear in their size.
 *
 * @param tables parsed; ours must not be among them.
 * @param unread tables that could not be read, a sentence each.
 */
export function readRuleset(tables: readonly Json[], unread: readonly string[] = []): ForeignRuleset {
  const items = tables.flatMap((table) => listOf(member(table, 'nftables')));
  const marks: NamedBits[] = [];
  const problems = [...unread];
  const sets = new Map<string, readonly Json[]>();
  const flowtables = new Map<string, readonly string[]>();
  const namedMarks = new Map<string, Map<string, number>>();
  const chains = new Map<string, ForeignChain & { readonly rules: ForeignRule[] }>();
  let named = 0;
  let hidden = 0;
  let elements = 0;
  for (const item of items) {
    const set = member(item, 'set') ?? member(item, 'map');
    const chain = member(item, 'chain');
    const flowtable = member(item, 'flowtable');
    if (set !== undefined) {
      const table = tableOf(set);
      const name = textOf(member(set, 'name')) ?? '';
      const bits = marksOfSet(set);
      if (bits !== null) namedMarks.set(table, (namedMarks.get(table) ?? new Map<string, number>()).set(name, bits));
      const list = listOf(member(set, 'elem'));
      elements += list.length;
      if (elements <= MAX_ELEMENTS) sets.set(`${table} ${name}`, list);
    } else if (chain !== undefined) {
      const table = tableOf(chain);
      const hook = textOf(member(chain, 'hook'));
      const type = textOf(member(chain, 'type')) ?? 'filter';
      const base = hook === null ? null : { type, hook, priority: numberOf(member(chain, 'prio')) ?? 0 };
      const name = `${table} ${textOf(member(chain, 'name')) ?? ''}`;
      chains.set(name, { name, base, table, rules: [] });
    } else if (flowtable !== undefined) {
      const devices = [member(flowtable, 'dev')].flat().flatMap((device) => textOf(device) ?? []);
      flowtables.set(`${tableOf(flowtable)} ${textOf(member(flowtable, 'name')) ?? ''}`, devices);
    }
  }
  const none: NamedMarks = new Map();
  for (const item of items) {
    const rule = member(item, 'rule');
    if (rule === undefined) continue;
    const table = tableOf(rule);
    const [family = ''] = table.split(' ', 1);
    if (!FAMILIES.has(family)) continue;
    const name = `${table} ${textOf(member(rule, 'chain')) ?? ''}`;
    const expressions = listOf(member(rule, 'expr'));
    const known = chains.get(name);
    const use = markUseOf(expressions, namedMarks.get(table) ?? none);
    if (use && (use.bits !== 0 || use.overwrites)) {
      named = (named | use.bits) >>> 0;
      const overwrites = use.overwrites && isAfterOurs(known?.base);
      if (marks.length < MAX_MARKS) marks.push({ bits: use.bits, overwrites, object: ruleText(name, expressions) });
    }
    if (expressions.some(hidesMarks)) hidden++;
    if (known && IPV4.has(family)) known.rules.push({ expressions });
  }
  const kept = relevant(chains, problems);
  if (elements > MAX_ELEMENTS) problems.push(`sets of others hold ${elements} elements: not all are judged`);
  if (hidden > 0) problems.push(`${hidden} rules of iptables use packet marks whose bits nftables does not show`);
  return { marks, named, chains: kept, sets, flowtables, unread: problems };
}

/** Chains that lead to a translation or a flowtable: base chains of type nat, and those that hook where packets are forwarded. */
function relevant(chains: ReadonlyMap<string, ForeignChain>, problems: string[]): Map<string, ForeignChain> {
  const kept = new Map<string, ForeignChain>();
  const flows = [...chains.values()].some(({ rules }) => rules.some(({ expressions }) => offloads(expressions)));
  const waiting = [...chains].filter(
    ([, { base }]) => base && (base.type === 'nat' || (flows && base.type === 'filter' && base.hook === 'forward')),
  );
  let rules = 0;
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const [name, chain] = next;
    if (kept.has(name)) continue;
    rules += chain.rules.length;
    if (rules > MAX_RULES) {
      problems.push(`rules that translate or forward are more than ${MAX_RULES}: chain ${name} is not judged`);
      break;
    }
    kept.set(name, chain);
    for (const { expressions } of chain.rules)
      for (const target of targetsOf(expressions)) {
        const to = `${chain.table} ${target}`;
        const there = chains.get(to);
        if (there && !kept.has(to)) waiting.push([to, there]);
      }
  }
  return kept;
}

export const TRANSLATIONS = ['masquerade', 'snat', 'dnat', 'redirect'] as const;

const has = (statement: Json, name: string): boolean => member(statement, name) !== undefined;
/** Extensions of iptables about marks, of which nothing but the name is shown. */
const hidesMarks = (statement: Json): boolean =>
  ['mark', 'connmark'].includes((textOf(member(member(statement, 'xt'), 'name')) ?? '').toLowerCase());
const offloads = (expressions: readonly Json[]): boolean => expressions.some((each) => has(each, 'flow'));
/** Chains that a rule leads to, by jump, goto or a verdict map of its own. */
export function targetsOf(expressions: readonly Json[]): readonly string[] {
  return expressions.flatMap((statement) => {
    const verdicts = [
      statement,
      ...listOf(member(member(member(statement, 'vmap'), 'data'), 'set')).map((pair) => listOf(pair)[1]),
    ];
    return verdicts.flatMap((verdict) =>
      ['jump', 'goto'].flatMap((kind) => textOf(member(member(verdict, kind), 'target')) ?? []),
    );
  });
}

/** Marks of ours are set after `mangle` where packets come in or leave the host; nothing before that takes them away. */
const isAfterOurs = (base: ForeignChain['base'] | undefined): boolean =>
  !base || (['prerouting', 'output'].includes(base.hook) && base.priority > -149);

const tableOf = (item: Json): string =>
  `${textOf(member(item, 'family')) ?? ''} ${textOf(member(item, 'table')) ?? ''}`;
