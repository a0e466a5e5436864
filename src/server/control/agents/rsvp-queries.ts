import type { Millis } from '../../../core/base/units.ts';
import { ControlError } from '../errors.ts';
import type { AgentSession } from './session.ts';

/** Questions to one agent that may wait at the same time. */
const MAX_OPEN_PER_AGENT = 16;

interface OpenQuery {
  readonly session: AgentSession;
  readonly resolve: (snapshot: unknown) => void;
  readonly reject: (error: ControlError) => void;
  readonly timer: NodeJS.Timeout;
}

/** Asks agents for their own snapshot of engine and kernel, over their streams. */
export class RsvpQueries {
  readonly #timeout: Millis;
  readonly #open = new Map<bigint, OpenQuery>();
  #lastId = 0n;

  constructor(timeout: Millis) {
    this.#timeout = timeout;
  }

  /** Rejects with ControlError UNAVAILABLE where no answer comes in time. */
  ask(session: AgentSession): Promise<unknown> {
    const waiting = [...this.#open.values()].filter((query) => query.session === session).length;
    if (waiting >= MAX_OPEN_PER_AGENT) {
      return Promise.reject(
        new ControlError('UNAVAILABLE', `the agent of ${session.node} has ${waiting} questions to answer already`),
      );
    }
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId;
      const timer = setTimeout(
        () => this.#fail(id, `the agent of ${session.node} did not answer within ${this.#timeout} ms`),
        this.#timeout,
      );
      this.#open.set(id, { session, resolve, reject, timer });
      session.query(id);
    });
  }

  /** A reply that nobody waits for, or from another agent than was asked, is ignored. */
  answer(session: AgentSession | null, id: bigint, json: string): void {
    const query = this.#open.get(id);
    if (!query || query.session !== session) return;
    try {
      const snapshot: unknown = JSON.parse(json);
      this.#take(id)?.resolve(snapshot);
    } catch {
      this.#fail(id, `the agent of ${query.session.node} answered with text that is not JSON`);
    }
  }

  abandon(session: AgentSession): void {
    for (const [id, query] of this.#open) {
      if (query.session === session) this.#fail(id, `the agent of ${session.node} disconnected before it answered`);
    }
  }

  close(): void {
    for (const id of [...this.#open.keys()]) this.#fail(id, 'this server is stopping');
  }

  #take(id: bigint): OpenQuery | undefined {
    const query = this.#open.get(id);
    if (query) clearTimeout(query.timer);
    this.#open.delete(id);
    return query;
  }

  #fail(id: bigint, detail: string): void {
    this.#take(id)?.reject(new ControlError('UNAVAILABLE', detail));
  }
}
