import { Heap } from '../core/base/heap.ts';
import type { EpochMs } from '../core/base/units.ts';
import type { Assignment } from '../core/reservation/assignment.ts';
import { flowKeyText, sessionKeyText, type FlowKey, type Share } from '../core/rsvp/engine/types.ts';
import { flowKeysOf, sessionOf, STYLE_NAME } from './flow-key.ts';

export interface WindowChange {
  /** Windows that have ended: first, so that back-to-back windows swap in one batch. */
  readonly closed: readonly Assignment[];
  readonly opened: readonly Assignment[];
}

interface Entry {
  assignment: Assignment;
  open: boolean;
}

/** What the server wants of this node, and which of it is due now. No clock of its own: `now` comes in. */
export class Assignments {
  readonly #byId = new Map<string, Entry>();
  /** By the flow of every sender. */
  readonly #byFlow = new Map<string, Set<Entry>>();
  /** Those in wildcard style, which names no sender. */
  readonly #bySession = new Map<string, Set<Entry>>();
  /** Starts and ends to come; entries that were replaced are skipped when they surface. */
  readonly #boundaries = new Heap<{ readonly at: EpochMs; readonly entry: Entry }>((a, b) => a.at < b.at);

  get size(): number {
    return this.#byId.size;
  }

  get(id: string): Assignment | undefined {
    return this.#byId.get(id)?.assignment;
  }

  isOpen(id: string): boolean {
    return this.#byId.get(id)?.open ?? false;
  }

  *all(): Iterable<Assignment> {
    for (const entry of this.#byId.values()) yield entry.assignment;
  }

  /** The one whose window is open for the flow; in wildcard style, too, for the flows of the senders that it lists. */
  openFor(flow: FlowKey): Assignment | undefined {
    return openOf(this.#byFlow.get(flowKeyText(flow)));
  }

  /**
   * The one whose window is open for what RSVP asks traffic control for: in the same style, and for no sender that it does not
   * list. The share may name fewer, as long as PATH of the others is on its way.
   */
  openForShare({ session, style, filters }: Pick<Share, 'session' | 'style' | 'filters'>): Assignment | undefined {
    const [first] = filters;
    if (style === 'WF') return openOf(this.#bySession.get(sessionKeyText(session)));
    const assignment = first && this.openFor({ ...session, ...first });
    if (!assignment || STYLE_NAME[assignment.style] !== style) return undefined;
    return filters.every((each) => this.openFor({ ...session, ...each }) === assignment) ? assignment : undefined;
  }

  /** Adds or replaces; whether it is due is told by the next `advance`. Returns what it replaced while that was open. */
  put(assignment: Assignment): Assignment | null {
    const replaced = this.remove(assignment.reservationId);
    const entry: Entry = { assignment, open: false };
    this.#byId.set(assignment.reservationId, entry);
    for (const [index, key] of this.#placesOf(assignment)) {
      const same = index.get(key);
      if (same) same.add(entry);
      else index.set(key, new Set([entry]));
    }
    this.#boundaries.push({ at: assignment.validFrom, entry });
    return replaced;
  }

  /**
   * Gives an assignment whose window is open other terms (Tspec, Rspec, what is booked); it stays open.
   *
   * @returns what it replaced; null where anything else differs or it is not open, and nothing was done.
   */
  change(assignment: Assignment): Assignment | null {
    const entry = this.#byId.get(assignment.reservationId);
    if (!entry?.open || placeOf(entry.assignment) !== placeOf(assignment)) return null;
    const before = entry.assignment;
    entry.assignment = assignment;
    return before;
  }

  /** Returns it if its window was open. */
  remove(id: string): Assignment | null {
    const entry = this.#byId.get(id);
    if (!entry) return null;
    this.#byId.delete(id);
    for (const [index, key] of this.#placesOf(entry.assignment)) {
      const same = index.get(key);
      same?.delete(entry);
      if (same?.size === 0) index.delete(key);
    }
    const wasOpen = entry.open;
    entry.open = false;
    return wasOpen ? entry.assignment : null;
  }

  /** Opens and closes what has come due by `now`. */
  advance(now: EpochMs): WindowChange {
    const closed: Assignment[] = [];
    const opened: Assignment[] = [];
    for (let next = this.#boundaries.peek(); next && next.at <= now; next = this.#boundaries.peek()) {
      this.#boundaries.pop();
      const { entry } = next;
      const { assignment } = entry;
      if (this.#byId.get(assignment.reservationId) !== entry) continue;
      const { validUntil } = assignment;
      if (entry.open) {
        entry.open = false;
        closed.push(assignment);
      } else if (validUntil === null || validUntil > now) {
        entry.open = true;
        opened.push(assignment);
        if (validUntil !== null) this.#boundaries.push({ at: validUntil, entry });
      }
    }
    return { closed, opened };
  }

  /** When `advance` has something to do next; null when nothing is to come. */
  nextBoundary(): EpochMs | null {
    return this.#boundaries.peek()?.at ?? null;
  }

  *#placesOf(assignment: Assignment): Iterable<readonly [Map<string, Set<Entry>>, string]> {
    for (const flow of flowKeysOf(assignment)) yield [this.#byFlow, flowKeyText(flow)];
    if (assignment.style === 'wildcardFilter') yield [this.#bySession, sessionKeyText(sessionOf(assignment.flow))];
  }
}

function openOf(entries: ReadonlySet<Entry> | undefined): Assignment | undefined {
  for (const entry of entries ?? []) if (entry.open) return entry.assignment;
  return undefined;
}

const TERMS: readonly (keyof Assignment)[] = ['revision', 'tspec', 'rspec', 'bookedBitsPerSecond'];

/** Everything of an assignment but its terms, as text. */
function placeOf(assignment: Assignment): string {
  const place = Object.entries(assignment).filter(([member]) => !TERMS.includes(member as keyof Assignment));
  return JSON.stringify(place.sort(([a], [b]) => (a < b ? -1 : 1)));
}
