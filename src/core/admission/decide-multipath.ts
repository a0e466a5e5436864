import { routedWays } from '../network/routing.ts';
import { shortestPath } from '../network/shortest-path.ts';
import type { LinkId } from '../network/topology.ts';
import type { ReservationRequest } from '../qos/request.ts';
import { rateAlternative } from './alternatives.ts';
import { anotherPath, ifPinned, unpinnable, type Confines } from './another-path.ts';
import type { Decision, RefusalReason } from './decision.ts';
import { judgePath } from './judge-path.ts';
import { CURED_BY_A_LOWER_RATE, mostTelling } from './refusals.ts';
import type { World } from './world.ts';

/**
 * Admits a flow whose way crosses a route with several next hops. A kernel takes one of them by a hash of its own, of which
 * nobody can say where it leads, so the flow is pinned: to the cheapest of the ways that routing may take, where one fits, else
 * to any other path that does.
 *
 * @param multipath the first such route on the way.
 */
export function decideMultipath(multipath: RefusalReason, request: ReservationRequest, world: World): Decision {
  const { graph, routes } = world;
  const { source, destination } = request.flow;
  const { links, branching } = routedWays(graph, source.address, destination.address, routes);
  const choosing = new Set(branching.map(({ node }) => node));
  const confines: Confines = { links, pinnedOnly: (link) => choosing.has(graph.links[link]!.from.node) };
  const touched = new Set<LinkId>();
  const routed = anotherPath(request, world, touched, confines);
  if (routed?.admitted) return { admitted: true, path: routed.path, morePaths: [], touched: [...touched] };
  const other = anotherPath(request, world, touched, { ...confines, links: null });
  if (other?.admitted) return { admitted: true, path: other.path, morePaths: [], touched: [...touched] };

  const refused = routed ?? other;
  if (refused !== null) {
    const reasons = [multipath, ...unpinnable(refused)];
    return {
      ...{ admitted: false, code: mostTelling(reasons), reasons, alternatives: [ifPinned(refused)] },
      touched: [...touched],
    };
  }
  const [from, to] = [source, destination].map(({ address }) => graph.hosts.get(address)!.node);
  const cheapest = shortestPath(graph, from!, to!, (link) => links.has(link))?.map((link) => graph.links[link]!) ?? [];
  for (const { id } of cheapest) touched.add(id);
  const judged = cheapest.length === 0 ? [] : judgePath(cheapest, request, world).reasons;
  const reasons = judged.length === 0 ? [multipath] : judged;
  const curable = reasons.every(({ reason }) => CURED_BY_A_LOWER_RATE.includes(reason));
  const lower = curable ? rateAlternative([cheapest], request, world) : null;
  return {
    ...{ admitted: false, code: mostTelling(reasons), reasons, alternatives: lower === null ? [] : [lower] },
    touched: [...touched],
  };
}
