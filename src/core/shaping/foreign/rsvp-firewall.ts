import { chainName, ruleName, type FirewallChain, type FirewallChains, type FirewallRule } from './firewall-chains.ts';
import { member } from './json.ts';

/** Where RSVP is dropped: which rule or policy, and the chain to let it in at. */
export interface Obstacle {
  readonly where: string;
  readonly chain: FirewallChain;
}

type Verdict = 'accept' | 'drop' | 'next' | 'return';

/** Hooks that RSVP for this host, and PATH in transit, comes by. */
const HOOKS: readonly string[] = ['prerouting', 'input'];

/**
 * Chains that keep IP protocol 46 out, whoever sends it. Rules with conditions that say nothing of the protocol alone (an
 * interface, an address, a connection's state) are taken as not met: what they let in, they let in from some neighbours only.
 */
export function rsvpObstacles(chains: FirewallChains): readonly Obstacle[] {
  const found: Obstacle[] = [];
  const known: Known = new Map();
  for (const chain of chains.values()) {
    if (chain.hook === null || !HOOKS.includes(chain.hook) || !['ip', 'inet'].includes(chain.family)) continue;
    const { verdict, where } = walk(chains, chain, known);
    if (verdict === 'drop') found.push({ where, chain });
  }
  return found;
}

interface Outcome {
  readonly verdict: Verdict;
  readonly where: string;
}

/** What came of chains already: each is looked at once, however many jump to it, and a circle ends. */
type Known = Map<FirewallChain, Outcome>;

function walk(chains: FirewallChains, chain: FirewallChain, known: Known): Outcome {
  const before = known.get(chain);
  if (before !== undefined) return before;
  known.set(chain, { verdict: 'next', where: '' });
  const outcome = outcomeOf(chains, chain, known);
  known.set(chain, outcome);
  return outcome;
}

function outcomeOf(chains: FirewallChains, chain: FirewallChain, known: Known): Outcome {
  for (const rule of chain.rules) {
    const verdict = applied(chains, chain, rule.statements, known);
    if (typeof verdict !== 'string') return verdict;
    if (verdict === 'accept' || verdict === 'drop') return { verdict, where: ruleName(chain, rule) };
    if (verdict === 'return') break;
  }
  if (chain.hook === null) return { verdict: 'next', where: '' };
  return { verdict: chain.drops ? 'drop' : 'accept', where: `the policy of ${chainName(chain)}` };
}

function applied(
  chains: FirewallChains,
  chain: FirewallChain,
  statements: FirewallRule['statements'],
  known: Known,
): Verdict | Outcome {
  for (const [name, value] of statements) {
    if (name === 'match') {
      if (meetsRsvp(value) !== true) return 'next';
    } else if (name === 'accept' || name === 'drop' || name === 'return') return name;
    else if (name === 'reject') return 'drop';
    else if (name === 'jump' || name === 'goto') {
      const target = chains.get(`${chain.family} ${chain.table} ${String(member(value, 'target'))}`);
      if (target === undefined) return 'next';
      const within = walk(chains, target, known);
      if (within.verdict === 'accept' || within.verdict === 'drop') return within;
      return name === 'goto' ? 'return' : 'next';
    } else if (name === 'limit' || name === 'vmap' || name === 'queue') return 'next';
  }
  return 'next';
}

/** Whether every RSVP packet meets it; null: some do, or who knows. */
function meetsRsvp(match: unknown): boolean | null {
  const [op, left, right] = [member(match, 'op'), member(match, 'left'), member(match, 'right')];
  const payload = member(left, 'payload');
  const isProtocol =
    member(member(left, 'meta'), 'key') === 'l4proto' ||
    (member(payload, 'protocol') === 'ip' && member(payload, 'field') === 'protocol');
  if (!isProtocol) return null;
  const set = member(right, 'set');
  const named = Array.isArray(set) ? (set as unknown[]) : [right];
  const isNamed = named.some((each) => each === 'rsvp' || each === 46);
  if (op === '==' || op === 'in') return isNamed;
  return op === '!=' ? !isNamed : null;
}
