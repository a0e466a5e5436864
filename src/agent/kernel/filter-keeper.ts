import { applyNft, planFilter, renderNft, rulesInUse, type NftStep } from '../../core/shaping/nft.ts';
import { absentFilter, type ObservedFilter } from '../../core/shaping/observed.ts';
import { wantedFilter } from '../../core/shaping/plan.ts';
import type { WantedShaping } from '../../core/shaping/wanted.ts';
import type { NftSession } from './nft-session.ts';
import type { KernelProblem } from './problem.ts';
import type { KernelReader } from './reader.ts';

/** Keeps our nftables table at what is wanted. */
export class FilterKeeper {
  readonly #nft: NftSession;
  readonly #reader: KernelReader;
  /**
   * Forwarded RSVP with router alert is dropped: it must not pass while no agent intercepts it. A host that forwards nothing has
   * nothing to drop, and may be made a router at any time.
   */
  readonly #guard: boolean;
  #observed: ObservedFilter = absentFilter();

  constructor(nft: NftSession, reader: KernelReader, guard: boolean) {
    this.#nft = nft;
    this.#reader = reader;
    this.#guard = guard;
  }

  /** Takes a full reading. */
  async observe(): Promise<void> {
    this.#observed = await this.#reader.filter();
  }

  /** The changes that a full comparison asks for. */
  difference(wanted: WantedShaping): readonly NftStep[] {
    return planFilter(wantedFilter(wanted, this.#guard), this.#observed);
  }

  /**
   * One transaction to the wanted classifier; after a surprise the table is read and the difference tried once more.
   * @param touched elements to look at; all of them when absent.
   * @param keep what a predecessor left stays: rules and interfaces are only added.
   * @returns null, or why the table is not as wanted.
   */
  async bring(
    wanted: WantedShaping,
    touched: ReadonlySet<string> | undefined,
    keep: boolean,
  ): Promise<KernelProblem | null> {
    try {
      if (!this.#observed.sound) await this.observe();
      if ((await this.#run(wanted, touched, keep)) === null) return null;
      await this.observe();
      const error = await this.#run(wanted, keep ? touched : undefined, keep);
      return error === null ? null : { code: 'failed', detail: `nftables: ${error}` };
    } catch (error) {
      return { code: 'failed', detail: `nftables: ${error instanceof Error ? error.message : String(error)}` };
    }
  }

  async #run(wanted: WantedShaping, touched: ReadonlySet<string> | undefined, keep: boolean): Promise<string | null> {
    const target = wantedFilter(wanted, this.#guard);
    let steps: readonly NftStep[] = planFilter(
      target,
      this.#observed,
      touched ?? (keep ? target.elements.keys() : undefined),
    );
    if (keep && this.#observed.sound) {
      const rules = rulesInUse(new Set([...this.#observed.rules, ...target.rules]));
      steps = steps.filter((step) => step.op !== 'deleteInterface' && step.op !== 'rules');
      if (rules.length > this.#observed.rules.length) steps = [...steps, { op: 'rules', rules }];
    }
    if (steps.length === 0) return null;
    const error = await this.#nft.run(renderNft(steps));
    if (error === null) for (const step of steps) this.#observed = applyNft(this.#observed, step);
    return error;
  }
}
