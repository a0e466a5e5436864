import { ipFamily, type IpAddress } from '../base/ip.ts';
import type { NetworkGraph } from '../network/graph.ts';
import { routedInterfaces } from '../network/routing.ts';
import { gatewayOf } from '../network/static-routes.ts';
import type { LinkId, NodeName } from '../network/topology.ts';
import type { ReservationRequest } from '../qos/request.ts';
import type { PinningObstacle } from './decision.ts';
import type { World } from './world.ts';

/**
 * What keeps a flow from being pinned to a link, for the node that sends into it and for the one that it leads to. Empty
 * where the sending node's agent can mark the flow and route it by its mark, and the far end takes the packets.
 */
export function pinningObstacles(link: number, { flow }: ReservationRequest, world: World): readonly PinningObstacle[] {
  const { graph } = world;
  const { from, to } = graph.links[link]!;
  const ends = graph.to[link] === graph.hosts.get(flow.destination.address)?.node;
  return [
    ...steering(from.node, from.interface, flow.source.address, world),
    ...(nextHopOver(graph, link, flow.source.address) === null
      ? [obstacle(from.node, from.interface, 'nextHop', `${to.node} has no address on the link from ${from.node}`)]
      : []),
    // RSVP ends there: without an agent nobody would answer PATH.
    ...(ends && !world.steering.has(to.node) ? [noAgent(to.node)] : []),
    ...strictEntry(graph.to[link]!, to.interface, flow.source.address, world),
  ];
}

/** Packets would be lost there without a word, whoever steers the flow. */
export const dropsFlow = (obstacles: readonly PinningObstacle[]): boolean =>
  obstacles.some(({ setting }) => setting === 'rp_filter');

/**
 * For each link of a path the address by which the flow enters the next node, as an explicit route names it (RFC 3209
 * 4.3.3.1); null where the topology knows none.
 */
export const nextHopsOf = (
  graph: NetworkGraph,
  links: readonly LinkId[],
  flow: ReservationRequest['flow'],
): readonly (IpAddress | null)[] =>
  links.map((id) => nextHopOver(graph, graph.linkIndex.get(id)!, flow.source.address));

const nextHopOver = (graph: NetworkGraph, link: number, like: IpAddress): IpAddress | null =>
  gatewayOf(graph, link, ipFamily(like));

function steering(node: NodeName, out: string, source: IpAddress, world: World): readonly PinningObstacle[] {
  const ability = world.steering.get(node);
  if (!ability) return [noAgent(node)];
  if (ipFamily(source) !== 4) return [obstacle(node, out, 'ipVersion', 'agents steer IPv4 flows only')];
  return ability.missing === null ? [] : [obstacle(node, null, 'steering', `${node} cannot steer: ${ability.missing}`)];
}

/**
 * Strict reverse-path filtering (RFC 3704 2.2) drops what comes in by another interface than the one that leads back to
 * its source; a mark does not change what it looks up.
 */
function strictEntry(
  node: number,
  entry: string,
  source: IpAddress,
  { graph, routes, steering }: World,
): readonly PinningObstacle[] {
  const { name } = graph.nodes[node]!;
  if (!steering.get(name)?.strictInterfaces.has(entry)) return [];
  const back = routedInterfaces(graph, node, source, routes);
  if (back.includes(entry)) return [];
  const way = back.length === 0 ? `no way back to ${source}` : `its way back to ${source} by ${back.join(' and ')}`;
  const detail = `${name} drops what comes from ${source} in on ${entry}: rp_filter is 1 (strict) there, and it has ${way}; 2 (loose) or 0 would let it pass`;
  return [obstacle(name, entry, 'rp_filter', detail)];
}

const noAgent = (node: NodeName): PinningObstacle => obstacle(node, null, 'agent', `${node} has no agent`);

const obstacle = (
  node: NodeName,
  networkInterface: string | null,
  setting: PinningObstacle['setting'],
  detail: string,
): PinningObstacle => ({ node, interface: networkInterface, setting, detail });
