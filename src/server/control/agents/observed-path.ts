import type { NetworkGraph } from '../../../core/network/graph.ts';
import type { NodeName } from '../../../core/network/topology.ts';
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
