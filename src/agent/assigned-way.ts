import type { EngineRoute, FlowKey } from '../core/rsvp/engine/types.ts';
import type { Assignments } from './assignments.ts';
import type { NodeInterfaces } from './node-interfaces.ts';
import type { SignalReporter } from './signal-reporter.ts';

/**
 * Keeps RSVP on the admitted path. Where a link of it fails, the kernel sends the flow over nodes that hold nothing for it:
 * PATH that followed would be refused there, leave state behind, and come back only when routing is believed to have settled
 * (W of RFC 2205 3.6). So it waits here for its own link, and its server is told where the packets go meanwhile.
 */
export class AssignedWay {
  readonly #assignments: Pick<Assignments, 'openFor'>;
  readonly #interfaces: Pick<NodeInterfaces, 'isUsable'>;
  readonly #reporter: Pick<SignalReporter, 'stood' | 'strays'>;

  constructor(options: {
    assignments: Pick<Assignments, 'openFor'>;
    interfaces: Pick<NodeInterfaces, 'isUsable'>;
    reporter: Pick<SignalReporter, 'stood' | 'strays'>;
  }) {
    this.#assignments = options.assignments;
    this.#interfaces = options.interfaces;
    this.#reporter = options.reporter;
  }

  /**
   * The way that PATH of the flow takes, of the one that the kernel has for it; null: none for now. A way that differs from the
   * books from the start is taken: what it leads to is worth knowing before anybody counts on the reservation.
   */
  of(flow: FlowKey, route: EngineRoute | null): EngineRoute | null {
    if (route === null || route.local) return route;
    const assigned = this.#assignments.openFor(flow)?.outgoingInterface ?? null;
    if (assigned === null || route.interface === assigned) return route;
    if (this.#interfaces.isUsable(assigned) && !this.#reporter.stood(flow)) return route;
    this.#reporter.strays(flow, route);
    return null;
  }
}
