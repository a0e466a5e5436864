import { listOf, member, numberOf, textOf, type Json } from './json.ts';

/** A chain of whatever kind, as `nft -j list ruleset` shows it, with all that decides whether a packet gets through. */
export interface FirewallChain {
  readonly family: string;
  readonly table: string;
  readonly name: string;
  /** null: it is only jumped to. */
  readonly hook: string | null;
  /** Its policy is to drop. */
  readonly drops: boolean;
  readonly rules: readonly FirewallRule[];
}

export interface FirewallRule {
  readonly handle: number;
  /** In order, each with its name and what it holds: `['match', { op, left, right }]`. */
  readonly statements: readonly (readonly [name: string, value: Json])[];
}

/** By `family table chain`. */
export type FirewallChains = ReadonlyMap<string, FirewallChain>;

/** Rules above this number are passed over: what has so many was made by a program that reads its own back. */
const MOST_RULES = 100_000;

export function firewallChains(ruleset: Json): FirewallChains {
  const chains = new Map<string, FirewallChain & { readonly rules: FirewallRule[] }>();
  let rules = 0;
  for (const entry of listOf(member(ruleset, 'nftables'))) {
    const chain = member(entry, 'chain');
    const rule = member(entry, 'rule');
    if (chain !== undefined) {
      const [family, table, name] = ['family', 'table', 'name'].map((key) => textOf(member(chain, key)) ?? '');
      chains.set(`${family!} ${table!} ${name!}`, {
        ...{ family: family!, table: table!, name: name! },
        hook: textOf(member(chain, 'hook')),
        drops: member(chain, 'policy') === 'drop',
        rules: [],
      });
    } else if (rule !== undefined && rules++ < MOST_RULES) {
      const place = ['family', 'table', 'chain'].map((key) => textOf(member(rule, key)) ?? '').join(' ');
      const statements = listOf(member(rule, 'expr')).flatMap((each) => Object.entries(each ?? {}).slice(0, 1));
      chains.get(place)?.rules.push({ handle: numberOf(member(rule, 'handle')) ?? 0, statements });
    }
  }
  return chains;
}

/** As an operator finds it: `table inet hostfw, chain input, handle 7`. */
export const ruleName = (chain: FirewallChain, { handle }: FirewallRule): string =>
  `${chainName(chain)}, handle ${handle}`;

export const chainName = ({ family, table, name }: FirewallChain): string => `table ${family} ${table}, chain ${name}`;
