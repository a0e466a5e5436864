/** What `nft -j list ruleset` says, as far as it is looked at here. Lists of strangers: nothing of their shape is taken for granted. */
export interface Ruleset {
  /** By `family table chain`. */
  readonly chains: ReadonlyMap<string, Chain>;
  /** Named as `family table name`. */
  readonly flowtables: readonly string[];
}

export interface Chain {
  readonly family: string;
  readonly table: string;
  readonly name: string;
  /** null: it is only jumped to. */
  readonly hook: string | null;
  readonly type: string | null;
  readonly priority: number;
  readonly drops: boolean;
  readonly rules: readonly Rule[];
}

/** One rule: its expressions in order. */
export interface Rule {
  readonly handle: number;
  readonly expressions: readonly Expression[];
}

/** The name of an expression and what it holds: `['match', { op, left, right }]`. */
export type Expression = readonly [name: string, value: unknown];

/** Rules above this number are passed over: what has so many was made by a program that reads its own back. */
const MOST_RULES = 100_000;

export function parseRuleset(json: unknown): Ruleset {
  const chains = new Map<string, Chain & { readonly rules: Rule[] }>();
  const flowtables: string[] = [];
  let rules = 0;
  for (const entry of listOf(member(json, 'nftables'))) {
    const chain = member(entry, 'chain');
    const rule = member(entry, 'rule');
    const flowtable = member(entry, 'flowtable');
    if (chain !== undefined) {
      const [family, table, name] = [textOf(chain, 'family'), textOf(chain, 'table'), textOf(chain, 'name')];
      const hook = member(chain, 'hook');
      chains.set(`${family} ${table} ${name}`, {
        family,
        table,
        name,
        hook: typeof hook === 'string' ? hook : null,
        type: textOf(chain, 'type') || null,
        priority: Number(member(chain, 'prio') ?? 0) || 0,
        drops: member(chain, 'policy') === 'drop',
        rules: [],
      });
    } else if (rule !== undefined) {
      if (rules++ >= MOST_RULES) continue;
      const place = `${textOf(rule, 'family')} ${textOf(rule, 'table')} ${textOf(rule, 'chain')}`;
      const expressions = listOf(member(rule, 'expr')).flatMap((each) => {
        const [found] = Object.entries(each ?? {});
        return found === undefined ? [] : [found as Expression];
      });
      chains.get(place)?.rules.push({ handle: Number(member(rule, 'handle') ?? 0), expressions });
    } else if (flowtable !== undefined) {
      flowtables.push(`${textOf(flowtable, 'family')} ${textOf(flowtable, 'table')} ${textOf(flowtable, 'name')}`);
    }
  }
  return { chains, flowtables };
}

/** As an operator finds it: `table inet hostfw, chain input, handle 7`. */
export const ruleName = ({ family, table, name }: Chain, { handle }: Rule): string =>
  `table ${family} ${table}, chain ${name}, handle ${handle}`;

export const chainName = ({ family, table, name }: Chain): string => `table ${family} ${table}, chain ${name}`;

export const member = (of: unknown, name: string): unknown =>
  typeof of === 'object' && of !== null ? (of as Readonly<Record<string, unknown>>)[name] : undefined;

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? (value as unknown[]) : []);

function textOf(of: unknown, name: string): string {
  const value = member(of, name);
  return typeof value === 'string' ? value : '';
}
