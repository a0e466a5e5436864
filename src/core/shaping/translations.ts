import { ruleName, type Ruleset } from './ruleset.ts';

const STATEMENTS: readonly string[] = ['masquerade', 'snat', 'dnat', 'redirect', 'netmap'];

/** Rules that give packets other addresses or ports: behind them a flow is another one than was booked. */
export const translations = (ruleset: Ruleset): readonly string[] =>
  [...ruleset.chains.values()].flatMap((chain) =>
    chain.rules
      .filter(({ expressions }) => expressions.some(([name]) => STATEMENTS.includes(name)))
      .map((rule) => ruleName(chain, rule)),
  );
