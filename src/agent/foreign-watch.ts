import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Assignment } from '../core/reservation/assignment.ts';
import type { FlowKey } from '../core/rsvp/engine/types.ts';
import { boundFindings, type Finding } from '../core/shaping/foreign/finding.ts';
import { judgeFlows, judging, type Judgement } from '../core/shaping/foreign/judge.ts';
import { markFindings, namedBits } from '../core/shaping/foreign/marks.ts';
import type { JudgedFlow } from '../core/shaping/foreign/match.ts';
import { NO_RULES, type ForeignRuleset } from '../core/shaping/foreign/ruleset.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Assignments } from './assignments.ts';
import type { Defeat, EnforcementNews } from './enforcement-news.ts';
import { flowKeysOf } from './flow-key.ts';
import type { MarkBits } from './mark-bits.ts';
import type { HostNetwork } from './netlink/host-network.ts';
import type { TrafficControl } from './platform.ts';
import type { SignalReporter } from './signal-reporter.ts';
import type { Steering } from './steering.ts';

/** Changes that come so close together are looked at together. */
const SETTLE_MS = 50;
/** After a look the next one waits this many times as long as the look took, so that a churning firewall costs little. */
const REST_FACTOR = 10;

/**
 * What of others stands in this host's kernel, and what it does to the flows that are booked over it: looked at when the
 * agent starts and whenever something there changes. Marks get other bits where they overlap with others'.
 */
export class ForeignWatch {
  readonly #parts: ForeignWatchParts;
  #rules: ForeignRuleset = NO_RULES;
  #unread: string | null = null;
  #markRules = '';
  #findings: readonly Finding[] = [];
  #told = '';
  #timer: NodeJS.Timeout | null = null;
  #busy: Promise<void> | null = null;
  #again = false;
  #restUntil = 0;
  #closed = false;

  constructor(parts: ForeignWatchParts) {
    this.#parts = parts;
  }

  get findings(): readonly Finding[] {
    return this.#findings;
  }

  /** Ahead of everything that is marked: chooses the bits where none were chosen before. */
  async choose(): Promise<void> {
    await this.#read();
    if (!this.#parts.bits.isSettled) await this.#fitMarks();
  }

  /** Something of others has changed: it is looked at soon. */
  noticed(): void {
    if (this.#closed) return;
    if (this.#busy) {
      this.#again = true;
      return;
    }
    if (this.#timer) return;
    const wait = Math.max(SETTLE_MS, this.#restUntil - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = null;
      void this.look();
    }, wait);
  }

  /** Rules of policy routing may have changed. */
  routingChanged(): void {
    if (JSON.stringify(this.#parts.network.markRules()) !== this.#markRules) this.noticed();
  }

  /** Looks at everything now. Resolves when what follows of it has been done. */
  look(): Promise<void> {
    this.#busy ??= this.#look().finally(() => {
      this.#busy = null;
      if (!this.#again) return;
      this.#again = false;
      this.noticed();
    });
    return this.#busy;
  }

  /** Why a reservation that does not stand yet must not; null = nothing is known against it. */
  refusal(assignment: Assignment): string | null {
    const { news, reporter } = this.#parts;
    const flows = flowKeysOf(assignment);
    if (flows.some((flow) => reporter.stood(flow) || news.isDefeated(assignment.reservationId, flow))) return null;
    const { defeated } = judgeFlows(
      this.#rules,
      this.#flowsOf(assignment).map(({ judged }) => judged),
    );
    return defeated.values().next().value ?? null;
  }

  close(): void {
    this.#closed = true;
    if (this.#timer) clearTimeout(this.#timer);
  }

  async #look(): Promise<void> {
    const started = performance.now();
    await this.#read();
    if (this.#closed) return;
    const problem = await this.#fitMarks();
    const { network, steering, news, assignments } = this.#parts;
    const open = [...assignments.all()].filter(({ reservationId }) => assignments.isOpen(reservationId));
    const flows = open.flatMap((assignment) => this.#flowsOf(assignment));
    const { findings, defeated } = await this.#judge(flows.map(({ judged }) => judged));
    if (this.#closed) return;
    const defeats = [...defeated].map(([i, reason]): Defeat => ({ ...flows[i]!, reason }));
    const untrusted = steering.problem;
    if (untrusted !== null) {
      const pinned = new Set(steering.pinned());
      for (const { reservationId, flow } of flows)
        if (pinned.has(reservationId)) defeats.push({ reservationId, flow, reason: untrusted });
    }
    const { mask } = steering.numbers;
    this.#findings = boundFindings([
      ...(problem ? [problem] : []),
      ...markFindings(this.#rules, network.markRules(), problem?.code === 'noMarkBits' ? null : mask),
      ...(this.#unread === null ? [] : [unreadFinding(this.#unread)]),
      ...findings,
    ]);
    await news.judged(defeats);
    this.#tell();
    this.#restUntil = performance.now() + REST_FACTOR * (performance.now() - started);
  }

  /** Many flows and rules take a while, in which the agent does its other work. */
  async #judge(flows: readonly JudgedFlow[]): Promise<Judgement> {
    const work = judging(this.#rules, flows);
    for (;;) {
      const step = work.next();
      if (step.done) return step.value;
      await nextTurn();
    }
  }

  async #read(): Promise<void> {
    const { kernel, network } = this.#parts;
    this.#markRules = JSON.stringify(network.markRules());
    const result = await kernel.foreign();
    if (result.ok) this.#rules = result.value;
    this.#unread = result.ok ? null : result.error.detail;
  }

  /** @returns what keeps marks from being trusted; null = nothing. */
  async #fitMarks(): Promise<Finding | null> {
    const { bits, steering, network, log } = this.#parts;
    const named = namedBits(this.#rules, network.markRules());
    const before = steering.numbers;
    const free = bits.free(named);
    const steered = steering.problem;
    if (free === null) {
      const problem = bits.isGiven ? overlapProblem(before.mask, named) : NO_BITS;
      steering.distrust(problem);
      if (steered !== steering.problem) this.#parts.changed();
      return bits.isGiven ? null : noBitsFinding();
    }
    const failure = free.mask === before.mask ? null : await steering.move(free);
    if (failure === null) {
      bits.keep(free);
      if (free.mask !== before.mask)
        log.warn({ before: hex(before.mask), now: hex(free.mask) }, 'marks have other bits: others use the former');
    } else log.error({ problem: failure }, 'marks cannot be given other bits');
    steering.distrust(failure === null ? null : `${overlapProblem(before.mask, named)}; ${failure}`);
    if (steered !== steering.problem) this.#parts.changed();
    return null;
  }

  #flowsOf(assignment: Assignment): readonly {
    readonly reservationId: string;
    readonly flow: FlowKey;
    readonly judged: JudgedFlow;
  }[] {
    const { network, steering } = this.#parts;
    const { reservationId, outgoingInterface: outgoing, ownSources, isReceiver } = assignment;
    const own = network.interfaces().find(({ name }) => name === outgoing)?.addresses[0]?.address;
    return flowKeysOf(assignment).map((flow, i) => ({
      reservationId,
      flow,
      judged: {
        ...flow,
        outgoing,
        isSender: ownSources.includes(i),
        isReceiver,
        isOwnAddress: own === flow.source,
        mark: { mask: steering.numbers.mask, value: steering.markOf(flow) },
      },
    }));
  }

  #tell(): void {
    const text = JSON.stringify(this.#findings);
    if (text === this.#told) return;
    this.#told = text;
    for (const { severity, object, detail } of this.#findings)
      if (severity === 'error') this.#parts.log.warn({ object, detail }, 'rules of others are in the way');
    this.#parts.changed();
  }
}

export interface ForeignWatchParts {
  readonly kernel: Pick<TrafficControl, 'foreign'>;
  readonly network: Pick<HostNetwork, 'markRules' | 'interfaces'>;
  readonly steering: Steering;
  readonly bits: MarkBits;
  readonly assignments: Assignments;
  readonly news: Pick<EnforcementNews, 'judged' | 'isDefeated'>;
  readonly reporter: Pick<SignalReporter, 'stood'>;
  /** There are other findings than before, or flows can be steered no more, or again. */
  readonly changed: () => void;
  readonly log: Logger;
}

const NO_BITS = 'rules of others name every bit of packet marks: none is left for flows that are kept on a path';

const overlapProblem = (mask: number, named: number): string =>
  `rules of others name bits ${hex((mask & named) >>> 0)} of packet marks, which are ours`;

const noBitsFinding = (): Finding => ({
  ...{ code: 'noMarkBits', object: 'packet marks', markBits: 0, severity: 'error', detail: NO_BITS },
  mend: 'free some bits: give the rules that are named here masks as small as they need',
});

const unreadFinding = (problem: string): Finding => ({
  ...{ code: 'notJudged', object: 'nftables', markBits: 0, severity: 'warning' },
  detail: `the rules of others cannot be read: ${problem}`,
  mend: 'give the agent nftables (libnftables or nft) and CAP_NET_ADMIN',
});

const hex = (value: number): string => `0x${value.toString(16)}`;
