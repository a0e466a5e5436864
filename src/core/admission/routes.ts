import type { IpAddress } from '../base/ip.ts';
import { err, ok, type Result } from '../base/result.ts';
import { routedPath } from '../network/routing.ts';
import type { Link } from '../network/topology.ts';
import type { RefusalReason } from './decision.ts';
import type { World } from './world.ts';

/**
 * The links by which routing leads from one address to another, at least one.
 *
 * @throws TypeError where an address is on no node.
 */
export function routeOf(
  source: IpAddress,
  destination: IpAddress,
  { graph, routes }: World,
): Result<readonly Link[], RefusalReason> {
  const [from, to] = [source, destination].map((address) => graph.nodes[graph.hosts.get(address)!.node]!.name);
  const none = (detail: string) => err({ reason: 'NO_PATH', source: from!, destination: to!, detail } as const);
  if (from === to) return none(`both addresses are on node ${from}: nothing crosses the network`);
  const routed = routedPath(graph, source, destination, routes);
  if (routed.ok) return ok(routed.value.map((index) => graph.links[index]!));
  const { reason, node, problem: detail } = routed.error;
  return reason === 'multipath' && node !== undefined
    ? err({ reason: 'MULTIPATH', node, destination, detail })
    : none(detail);
}
