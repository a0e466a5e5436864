import type { MonotonicMs } from '../../../core/base/units.ts';
import { type EpochMs, type Millis } from '../../../core/base/units.ts';
import type { NodeName } from '../../../core/network/topology.ts';
import type { Books } from '../committer.ts';

/** When an agent was last heard, by both clocks. */
export interface LastHeard {
  readonly at: EpochMs;
  readonly monotonic: MonotonicMs;
}

/**
 * Which required agents are silent. An agent that has held assignments before this server started has the same time to
 * come back as one whose stream has just broken; one that never came is missing at once.
 *
 * Admission asks for every request, so the answer is kept until the next agent can fall silent or something has changed.
 */
export class Reachability {
  readonly #books: Books;
  readonly #now: () => MonotonicMs;
  readonly #silentAfter: Millis;
  readonly #startedAt: MonotonicMs;
  readonly #heard = new Map<NodeName, LastHeard>();
  #required: readonly NodeName[] = [];
  #topologyVersion: bigint | null = null;
  #answer: ReadonlyMap<NodeName, EpochMs | null> = new Map();
  #answerUntil = -Infinity;

  constructor(options: { books: Books; now: () => MonotonicMs; silentAfter: Millis }) {
    this.#books = options.books;
    this.#now = options.now;
    this.#silentAfter = options.silentAfter;
    this.#startedAt = options.now();
  }

  lastHeard(node: NodeName): LastHeard | undefined {
    return this.#heard.get(node);
  }

  heard(node: NodeName): void {
    this.#heard.set(node, { at: this.#books.now(), monotonic: this.#now() });
    if (this.#answer.has(node)) this.#answerUntil = -Infinity;
  }

  isSilent(node: NodeName): boolean {
    return this.#now() >= this.#silentFrom(node);
  }

  unreachable(): ReadonlyMap<NodeName, EpochMs | null> {
    const { topology, version } = this.#books.topology();
    const now = this.#now();
    if (version === this.#topologyVersion && now < this.#answerUntil) return this.#answer;
    if (version !== this.#topologyVersion) {
      this.#topologyVersion = version;
      this.#required = topology.nodes.filter((node) => node.agent === 'required').map((node) => node.name);
    }
    const answer = new Map<NodeName, EpochMs | null>();
    let until = Infinity;
    for (const node of this.#required) {
      const from = this.#silentFrom(node);
      if (now >= from) answer.set(node, this.#heard.get(node)?.at ?? null);
      else until = Math.min(until, from);
    }
    this.#answer = answer;
    this.#answerUntil = until;
    return answer;
  }

  #silentFrom(node: NodeName): number {
    const heard = this.#heard.get(node);
    if (heard) return heard.monotonic + this.#silentAfter;
    return this.#books.generation(node).counter > 0n ? this.#startedAt + this.#silentAfter : -Infinity;
  }
}
