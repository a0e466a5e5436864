import { BytesPerSecond } from '../core/base/units.ts';
import { exceeds, largestOf, termsOf, type AskedTerms } from './asked-terms.ts';
import type { Assignment } from '../core/reservation/assignment.ts';
import { flowKeyText, type FlowKey } from '../core/rsvp/engine/types.ts';
import { flowKeysOf } from './flow-key.ts';
import type { Journal } from './journal.ts';

const PREFIX = 'change/';

interface TermChange {
  /** Of the assignment with the new terms. */
  readonly revision: number;
  /** The largest rate of earlier terms, bytes/s; 0 where the new ones are no less. */
  readonly formerRate: number;
  /** The most of earlier terms, where the new ones are less in some; left out: they are not. */
  readonly former?: AskedTerms;
  /** RSVP has not come to the new terms yet, for some sender. */
  readonly pending: boolean;
  /** Senders for which it has, while it has not for others. */
  readonly arrived?: readonly string[];
}

/** R of guaranteed service, r of controlled load. */
export const rateOf = ({ tspec, rspec }: Assignment): BytesPerSecond => rspec?.rate ?? tspec.tokenRate;

/**
 * Assignments whose terms have changed while they were in force. Kept in the journal: an agent that restarts in between plays
 * back the reservation state of the old terms, which is then neither too much nor taken for the new.
 */
export class TermChanges {
  readonly #journal: Pick<Journal, 'entries' | 'put' | 'delete'>;
  readonly #changes = new Map<string, TermChange>();

  constructor(journal: Pick<Journal, 'entries' | 'put' | 'delete'>) {
    this.#journal = journal;
    for (const [key, change] of journal.entries(PREFIX)) {
      this.#changes.set(key.slice(PREFIX.length), change as TermChange);
    }
  }

  begin(before: Assignment, assignment: Assignment): void {
    const known = this.#changes.get(before.reservationId);
    const largest = Math.max(known?.formerRate ?? 0, rateOf(before));
    const formerRate = largest > rateOf(assignment) ? largest : 0;
    const terms = largestOf(termsOf(before), known?.former);
    const former = exceeds(terms, termsOf(assignment)) === null ? {} : { former: terms };
    this.#put(assignment.reservationId, { revision: assignment.revision, formerRate, ...former, pending: true });
  }

  /** Whether RSVP still has to come to the assignment's terms for one of its senders. */
  isPending({ reservationId, revision }: Assignment, flow: FlowKey): boolean {
    const change = this.#changes.get(reservationId);
    if (!change?.pending || change.revision !== revision) return false;
    return change.arrived?.includes(flowKeyText(flow)) !== true;
  }

  /** RSVP has come to the new terms for one of the senders. A RESV of the old ones may still be on its way. */
  arrived(assignment: Assignment, flow: FlowKey): void {
    const { reservationId } = assignment;
    const change = this.#changes.get(reservationId);
    if (!change?.pending) return;
    const { formerRate, former, revision } = change;
    const arrived = [...new Set([...(change.arrived ?? []), flowKeyText(flow)])];
    if (flowKeysOf(assignment).some((each) => !arrived.includes(flowKeyText(each)))) {
      this.#put(reservationId, { ...change, arrived });
    } else if (formerRate === 0 && former === undefined) this.forget(reservationId);
    else this.#put(reservationId, { revision, formerRate, ...(former && { former }), pending: false });
  }

  /** The most that RSVP may ask for: what is assigned, or was before. */
  mostFor(assignment: Assignment): BytesPerSecond {
    const former = this.#changes.get(assignment.reservationId)?.formerRate ?? 0;
    return BytesPerSecond(Math.max(rateOf(assignment), former));
  }

  /** The same with everything that a RESV says. Of a change that an older agent wrote down only the rate is known. */
  termsFor(assignment: Assignment): AskedTerms {
    const change = this.#changes.get(assignment.reservationId);
    const terms = largestOf(termsOf(assignment), change?.former);
    if (change === undefined || change.former !== undefined || change.formerRate === 0) return terms;
    const { formerRate } = change;
    return assignment.rspec ? { ...terms, rate: formerRate } : { ...terms, tokenRate: formerRate };
  }

  forget(reservationId: string): void {
    if (this.#changes.delete(reservationId)) this.#journal.delete(PREFIX + reservationId);
  }

  #put(reservationId: string, change: TermChange): void {
    this.#changes.set(reservationId, change);
    this.#journal.put(PREFIX + reservationId, change);
  }
}
