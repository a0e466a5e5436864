import type { NetworkGraph } from '../../../core/network/graph.ts';
import type { NodeName } from '../../../core/network/topology.ts';
import type { AdmittedPath } from '../../../core/admission/decision.ts';
import type { Reservation } from '../../../core/reservation/reservation.ts';
import type { IpAddress } from '../../../core/base/ip.ts';

export type ObservedHop = Reservation['actualHops'][number];

/** Where the flow leaves a node and which address it goes to next, as the node's agent saw it. */
export interface HopSighting {
  readonly interface: string;
  readonly nextHop: string | null;
}

/** The link that a sighting means: the one to the next hop where several share the interface. */
export function observedHop(graph: NetworkGraph, node: NodeName, sighting: HopSighting): ObservedHop {
  const index = graph.nodeIndex.get(node) ?? -1;
  const next = sighting.nextHop === null ? undefined : graph.hosts.get(sighting.nextHop as IpAddress)?.node;
  let found: string | null = null;
  for (let i = graph.outStart[index] ?? 0; i < (graph.outStart[index + 1] ?? 0); i++) {
    const link = graph.out[i]!;
    if (graph.links[link]!.from.interface !== sighting.interface) continue;
    if (graph.to[link] === next) return { node, interface: sighting.interface, link: graph.links[link]!.id };
    found ??= graph.links[link]!.id;
  }
  return { node, interface: sighting.interface, link: found ?? `${node}:${sighting.interface}` };
}

/**
 * The hop that an address of RECORD_ROUTE (RFC 3209 4.4.1: of the interface by which a node has sent PATH on) means. An
 * address that the topology does not know stands for a node of its own, so that it is seen to be off the path.
 */
export function recordedHop(graph: NetworkGraph, path: AdmittedPath, address: string): ObservedHop {
  const owner = graph.hosts.get(address as IpAddress);
  if (!owner) return { node: address, interface: '', link: address };
  const node = graph.nodes[owner.node]!.name;
  const sighting = { interface: owner.interface.name, nextHop: null };
  // One interface may have several links: the address does not tell which, so the admitted one is believed.
  const admitted = path.hops.find((hop) => hop.node === node && hop.interface === sighting.interface);
  return admitted ? { node, interface: admitted.interface, link: admitted.link } : observedHop(graph, node, sighting);
}
