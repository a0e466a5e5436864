import type { Finding } from './finding.ts';
import { member, textOf, type Json } from './json.ts';
import { and, matches, type JudgedFlow, type MatchWorld, type Truth } from './match.ts';
import { ruleText } from './rule-text.ts';
import { targetsOf, TRANSLATIONS, type ForeignChain, type ForeignRuleset } from './ruleset.ts';

/** Rules and elements that are looked at for all flows together. */
const MOST_LOOKS = 2_000_000;
/** Rules and elements after which others get their turn: some milliseconds. */
const LOOKS_AT_ONCE = 5_000;
/** As deep as the kernel lets chains lead to each other. */
const MOST_JUMPS = 16;

export interface Judgement {
  readonly findings: readonly Finding[];
  /** By index of the flow: why it does not get what it was promised. */
  readonly defeated: ReadonlyMap<number, string>;
}

/** What a rule does to a flow that it may match. */
interface Hit {
  readonly chain: ForeignChain;
  readonly expressions: readonly Json[];
  readonly effect: 'addressTranslated' | 'flowtable' | 'notJudged';
  readonly how: Truth;
}

/**
 * Which booked flows the rules of others translate, or take past classifier and marks. What surely matches defeats the flow;
 * what cannot be told is a warning.
 */
export function judgeFlows(rules: ForeignRuleset, flows: readonly JudgedFlow[]): Judgement {
  const work = judging(rules, flows);
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
}

/** The same in slices of some milliseconds, for whoever has other things to do in between. */
export function* judging(rules: ForeignRuleset, flows: readonly JudgedFlow[]): Generator<void, Judgement, void> {
  const defeated = new Map<number, string>();
  const found = new Map<readonly Json[], Finding>();
  let left = MOST_LOOKS;
  const spend = (amount: number): boolean => (left -= amount) >= 0;
  const bases = [...rules.chains.values()].filter(({ base }) => base !== null);
  let rest = left - LOOKS_AT_ONCE;
  for (const [i, flow] of flows.entries()) {
    if (left < rest) {
      rest = left - LOOKS_AT_ONCE;
      yield;
    }
    for (const chain of bases) {
      if (!passes(chain, flow)) continue;
      for (const hit of new Walk(rules, flow, spend).run(chain)) {
        const before = found.get(hit.expressions);
        const finding = before?.severity === 'error' ? before : findingOf(hit);
        found.set(hit.expressions, finding);
        if (hit.how === 'yes' && !defeated.has(i)) defeated.set(i, `${finding.detail}: ${finding.object}`);
      }
    }
  }
  const findings = [...found.values()];
  if (left < 0) findings.push(tooMany(flows.length));
  return { findings, defeated };
}

/** Whether packets of the flow come by the hook at all. */
function passes({ base }: ForeignChain, { isSender, isReceiver }: JudgedFlow): boolean {
  if (!base) return false;
  if (base.type !== 'nat') return base.hook === 'forward' && !isSender && !isReceiver;
  switch (base.hook) {
    case 'prerouting':
      return !isSender;
    case 'output':
      return isSender;
    case 'input':
      return isReceiver;
    case 'postrouting':
      return !isReceiver;
    default:
      return false;
  }
}

/** One flow through one base chain, in the order of the kernel's. */
class Walk {
  readonly #rules: ForeignRuleset;
  readonly #flow: JudgedFlow;
  readonly #spend: (amount: number) => boolean;
  readonly #hits: Hit[] = [];
  #state: MatchWorld['state'] = 'new';

  constructor(rules: ForeignRuleset, flow: JudgedFlow, spend: (amount: number) => boolean) {
    this.#rules = rules;
    this.#flow = flow;
    this.#spend = spend;
  }

  run(base: ForeignChain): readonly Hit[] {
    // Translation is decided by a connection's first packet, offloading by one that follows.
    this.#state = base.base?.type === 'nat' ? 'new' : 'established';
    this.#chain(base, 'yes', 0);
    return this.#hits;
  }

  /** @returns whether packets that enter come to what stands after the chain. */
  #chain(chain: ForeignChain, entered: Truth, depth: number): Truth {
    let left: Truth = 'yes';
    for (const { expressions } of chain.rules) {
      if (!this.#spend(1)) return 'maybe';
      const relative = and(left, this.#holds(chain, expressions));
      if (relative === 'no') continue;
      const outcome = this.#verdict(chain, expressions, and(entered, relative), depth);
      if (outcome === 'on') continue;
      // What surely ends the way here ends it for all that follows; what may makes the rest uncertain.
      if (relative === 'yes' && outcome !== 'unsure') return outcome === 'return' ? left : 'no';
      left = 'maybe';
    }
    return left;
  }

  #holds(chain: ForeignChain, expressions: readonly Json[]): Truth {
    const world: MatchWorld = {
      elements: (name) => this.#rules.sets.get(`${chain.table} ${name}`),
      state: this.#state,
      spend: this.#spend,
    };
    let holds: Truth = 'yes';
    for (const statement of expressions) {
      const match = member(statement, 'match');
      if (match !== undefined) holds = and(holds, matches(match, this.#flow, world));
      else if (['limit', 'quota', 'xt'].some((name) => member(statement, name) !== undefined))
        holds = and(holds, 'maybe');
      if (holds === 'no') return 'no';
    }
    return holds;
  }

  #verdict(
    chain: ForeignChain,
    expressions: readonly Json[],
    reached: Truth,
    depth: number,
  ): 'on' | 'end' | 'return' | 'unsure' {
    const isNat = this.#state === 'new';
    for (const statement of expressions) {
      const has = (name: string): boolean => member(statement, name) !== undefined;
      if (isNat && TRANSLATIONS.some(has)) {
        if (!(has('masquerade') && this.#flow.isSender && this.#flow.isOwnAddress))
          this.#hits.push({ chain, expressions, effect: 'addressTranslated', how: reached });
        return 'end';
      }
      if (!isNat && has('flow')) {
        const table = textOf(member(member(statement, 'flow'), 'flowtable'))?.replace(/^@/, '');
        const devices = this.#rules.flowtables.get(`${chain.table} ${table ?? ''}`);
        const how = and(reached, devices?.includes(this.#flow.outgoing ?? '') ? 'yes' : 'maybe');
        this.#hits.push({ chain, expressions, effect: 'flowtable', how });
      }
      // Extensions of iptables show neither what they match nor what they do.
      if (isNat && has('xt') && statement === expressions.at(-1)) {
        this.#hits.push({ chain, expressions, effect: 'notJudged', how: 'maybe' });
        return 'unsure';
      }
      if (has('accept') || has('drop') || has('reject') || has('queue')) return 'end';
      if (has('return')) return 'return';
      if (has('jump') || has('goto') || has('vmap')) {
        const targets = targetsOf([statement]).map((target) => this.#rules.chains.get(`${chain.table} ${target}`));
        if (depth >= MOST_JUMPS) return 'unsure';
        const isSure = !has('vmap');
        let goesOn: Truth = isSure ? 'yes' : 'maybe';
        // A chain that was too much to be kept may end the way here.
        for (const target of targets)
          goesOn = and(goesOn, target ? this.#chain(target, isSure ? reached : 'maybe', depth + 1) : 'maybe');
        if (goesOn === 'no') return 'end';
        if (goesOn === 'maybe') return 'unsure';
        return has('goto') ? 'return' : 'on';
      }
    }
    return 'on';
  }
}

function findingOf({ chain, expressions, effect, how }: Hit): Finding {
  const sure = how === 'yes';
  const about = { object: ruleText(chain.name, expressions), markBits: 0 };
  if (effect === 'notJudged') {
    return {
      ...{ ...about, code: 'notJudged', severity: 'warning' },
      detail: 'a rule of iptables in a nat chain shows neither what it matches nor what it does',
      mend: 'see to it that it translates no booked flow: an exception for their addresses before it',
    };
  }
  if (effect === 'flowtable') {
    return {
      ...{ ...about, code: 'flowtable', severity: sure ? 'error' : 'warning' },
      detail: `a flowtable ${sure ? 'takes' : 'may take'} the flow past classifier and marks`,
      mend: 'leave booked flows out of it: accept their addresses or ports before the rule that adds to the flowtable',
    };
  }
  return {
    ...{ ...about, code: 'addressTranslated', severity: sure ? 'error' : 'warning' },
    detail: `an address of the flow ${sure ? 'is' : 'may be'} translated`,
    mend: 'leave booked flows out of it: accept their addresses before the rule that translates, or book the translated flow',
  };
}

const tooMany = (flows: number): Finding => ({
  ...{ code: 'notJudged', severity: 'warning', markBits: 0 },
  object: `${flows} booked flows and the rules of others`,
  detail: 'too many rules and flows to judge each by each',
  mend: 'put one rule that accepts booked flows in front of the others',
});
