import { chooseMask } from '../core/shaping/foreign/choose-mask.ts';
import { DEFAULT_STEERING, steeringProblem, type SteeringNumbers } from '../core/shaping/steering.ts';
import type { Journal } from './journal.ts';

const KEY = 'mark-mask';

/** Which bits of packet marks are ours: those that were given, or those that were chosen and are kept in the journal. */
export class MarkBits {
  readonly #journal: Journal;
  readonly #given: number | null;
  readonly #firstTable: number;
  #chosen: number | null;

  /** @param given null: bits are chosen that nobody names. */
  constructor(journal: Journal, given: number | null, firstTable: number) {
    this.#journal = journal;
    this.#given = given;
    this.#firstTable = firstTable;
    const kept = journal.get(KEY);
    const isUsable = typeof kept === 'number' && steeringProblem({ mask: kept, firstTable }) === null;
    // Neighbours have numbers: an agent that knew only the usual bits has marked with them.
    const isMarked = !journal.entries('neighbour/')[Symbol.iterator]().next().done;
    this.#chosen = isUsable ? kept : isMarked ? DEFAULT_STEERING.mask : null;
  }

  get isGiven(): boolean {
    return this.#given !== null;
  }

  /** The bits are given, or were chosen before. */
  get isSettled(): boolean {
    return this.#given !== null || this.#chosen !== null;
  }

  /** The usual ones until some are chosen: nothing is marked before that. */
  get numbers(): SteeringNumbers {
    return { mask: this.#given ?? this.#chosen ?? DEFAULT_STEERING.mask, firstTable: this.#firstTable };
  }

  /** @param named bits that rules of others name. @returns what is free of them; null where nothing is, or may be chosen. */
  free(named: number): SteeringNumbers | null {
    const { mask } = this.numbers;
    if ((mask & named) === 0) return this.numbers;
    const other = this.#given === null ? chooseMask(named) : null;
    return other === null ? null : { mask: other, firstTable: this.#firstTable };
  }

  /** Marks have these bits from now on, also after a restart. */
  keep({ mask }: SteeringNumbers): void {
    if (this.#given !== null || this.#chosen === mask) return;
    this.#chosen = mask;
    this.#journal.put(KEY, mask);
  }
}
