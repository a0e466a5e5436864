import type { EngineMulticastRoute, FlowKey } from '../../../../src/core/rsvp/engine/types.ts';
import type { IpAddress } from '../../../../src/core/base/ip.ts';
import type { Network, Node } from './network.ts';

/** Who is a member of which group, and the distribution trees that follow from the nodes' unicast routes. */
export class Groups {
  readonly #network: Network;
  readonly #members = new Map<IpAddress, Set<Node>>();
  /** Trees that a test has bent: by group and node. */
  readonly bent = new Map<string, EngineMulticastRoute>();

  constructor(network: Network) {
    this.#network = network;
  }

  /** True when the node was no member before. */
  join(group: IpAddress, node: Node): boolean {
    const members = this.#members.get(group) ?? new Set();
    if (members.has(node)) return false;
    this.#members.set(group, members.add(node));
    return true;
  }

  /** True when the node was a member before. */
  leave(group: IpAddress, node: Node): boolean {
    return this.#members.get(group)?.delete(node) ?? false;
  }

  bend(group: IpAddress, node: Node, route: EngineMulticastRoute | null): void {
    const key = `${group} ${node.name}`;
    if (route === null) this.bent.delete(key);
    else this.bent.set(key, route);
  }

  /** The branches of the source's tree at a node: of the ways from the source to every member. */
  route(at: Node, { source, destination }: FlowKey): EngineMulticastRoute | null {
    const bent = this.bent.get(`${destination} ${at.name}`);
    if (bent !== undefined) return bent;
    const root = [...this.#network.nodes.values()].find((node) => ownsAddress(node, source));
    if (root === undefined) return null;
    let incoming: string | null = null;
    const outgoing = new Set<string>();
    const members = this.#members.get(destination) ?? new Set<Node>();
    for (const member of members) {
      for (const step of this.#way(root, member)) {
        if (step.node !== at) continue;
        incoming = step.incoming ?? incoming;
        if (step.outgoing !== null) outgoing.add(step.outgoing);
      }
    }
    return { incoming, outgoing: [...outgoing], local: members.has(at) };
  }

  #way(root: Node, member: Node) {
    const target = [...member.interfaces.values()][0]!.address;
    const steps: { node: Node; incoming: string | null; outgoing: string | null }[] = [];
    let node = root;
    let incoming: string | null = null;
    while (node !== member && steps.length < 64) {
      const outgoing = node.routes.get(target)?.interface;
      const next = outgoing && this.#network.linkOf(node, outgoing)?.ends.find((end) => end.node !== node);
      if (!next) return [];
      steps.push({ node, incoming, outgoing });
      node = next.node;
      incoming = next.interface;
    }
    return [...steps, { node, incoming, outgoing: null }];
  }
}

const ownsAddress = (node: Node, address: IpAddress): boolean =>
  [...node.interfaces.values()].some((each) => each.addresses.includes(address));
