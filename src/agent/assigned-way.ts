import { ipFamily } from '../core/base/ip.ts';
import type { EngineRoute, FlowKey } from '../core/rsvp/engine/types.ts';
import type { Assignments } from './assignments.ts';
import type { HostRoute } from './netlink/host-network.ts';
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
   * books from the start is taken: what it leads to is worth knowing before anybody counts on the reservation. One of several
   * that the kernel may choose is not: PATH would say nothing of where the packets go.
   */
  of(flow: FlowKey, route: HostRoute | null): EngineRoute | null {
    if (route === null) return null;
    const assigned = route.local ? null : (this.#assignments.openFor(flow)?.outgoingInterface ?? null);
    if (assigned === null) return forEngine(route);
    const elsewhere = [route, ...route.choices].find((each) => each.interface !== assigned);
    if (elsewhere === undefined) return forEngine(route);
    const chosen = route.choices.length === 0;
    if (chosen && this.#interfaces.isUsable(assigned) && !this.#reporter.stood(flow)) return forEngine(route);
    this.#reporter.strays(flow, elsewhere);
    return null;
  }
}

/** RSVP knows IPv4 neighbours only: one that routing names by an IPv6 address tells its own with its first message. */
const forEngine = ({ interface: name, gateway, local }: HostRoute): EngineRoute => ({
  ...{ interface: name, gateway: gateway !== null && ipFamily(gateway) === 4 ? gateway : null, local },
});
