import type { LinkId } from '../network/topology.ts';
import type { ReservationRequest } from '../qos/request.ts';
import { rateAlternative } from './alternatives.ts';
import type { AdmittedPath, Alternative, Decision, Pinning, PinningObstacle, RefusalReason } from './decision.ts';
import { decideSenders } from './decide-senders.ts';
import { findPath } from './find-path.ts';
import { judgePath } from './judge-path.ts';
import { CURED_BY_A_LOWER_RATE, mostTelling, noPath, unknownEndpoint, type UnknownEndpoint } from './refusals.ts';
import { routeOf } from './routes.ts';
import { dropsFlow, nextHopsOf, pinningObstacles } from './pinning.ts';
import type { World } from './world.ts';

/**
 * Admits a request on the path that routing takes; where that has no room, is too slow or too narrow, on the cheapest other
 * one that fits and that every agent on it can keep the flow on; where the caller allows it, on one where not every node
 * can. Else it says everything that stands in the way and what would fit instead. Changes nothing: who accepts the decision
 * adds it to the ledger. A request of several senders is admitted on their routed paths or not at all; see decideSenders.
 *
 * The code of a refusal is that of the reason which waiting cures least: NO_PATH, MTU_TOO_SMALL, DELAY_BOUND_UNREACHABLE,
 * BANDWIDTH_UNAVAILABLE, AGENT_UNREACHABLE. `touched` has the links of the routed path, of the path that is taken or offered
 * instead, and every link that the search for it passed over for want of room; the topology, on which every decision
 * depends, has a version of its own. Without a path, `touched` is empty.
 */
export function decide(request: ReservationRequest, world: World): Decision | UnknownEndpoint {
  const { graph } = world;
  const { source, destination } = request.flow;
  const unknown = unknownEndpoint(request, graph);
  if (unknown !== null) return unknown;
  if (request.moreSources.length > 0) return decideSenders(request, world);
  const routed = routeOf(source.address, destination.address, world);
  if (!routed.ok) return noPath([routed.error]);

  const links = routed.value;
  const [from, to] = [graph.hosts.get(source.address)!, graph.hosts.get(destination.address)!];
  const touched = new Set(links.map((link) => link.id));
  const judged = judgePath(links, request, world);
  if (judged.reasons.length === 0) return { admitted: true, path: judged.path, morePaths: [], touched: [...touched] };

  const reasons: RefusalReason[] = [...judged.reasons];
  const alternatives: Alternative[] = [];
  if (reasons.some((r) => CURED_BY_ANOTHER_PATH.includes(r.reason))) {
    const other = anotherPath(from.node, to.node, request, world, touched);
    if (other?.admitted) return { admitted: true, path: other.path, morePaths: [], touched: [...touched] };
    if (other) {
      const { path, obstacles } = other;
      reasons.push(...obstacles.map((each) => ({ reason: 'PINNING_UNAVAILABLE', ...each }) as const));
      const { hops, delayBoundMicros } = path;
      alternatives.push({ kind: 'path', needs: 'PINNING', obstacles, hops, delayBoundMicros });
    }
  }
  if (judged.reasons.every((r) => CURED_BY_A_LOWER_RATE.includes(r.reason))) {
    const lower = rateAlternative([links], request, world);
    if (lower !== null) alternatives.push(lower);
  }
  return { admitted: false, code: mostTelling(reasons), reasons, alternatives, touched: [...touched] };
}

type AnotherPath =
  | { readonly admitted: true; readonly path: AdmittedPath }
  | { readonly admitted: false; readonly path: AdmittedPath; readonly obstacles: readonly PinningObstacle[] };

/** The best path that fits besides the routed one: pinned, else unpinned where that is allowed, else what hinders it. */
function anotherPath(
  source: number,
  destination: number,
  request: ReservationRequest,
  world: World,
  touched: Set<LinkId>,
): AnotherPath | null {
  const obstaclesOf = (link: number) => pinningObstacles(link, request, world);
  const find = (allowed: (link: number) => boolean): AdmittedPath | null => {
    const path = findPath({ source, destination, allowed, weighed: touched }, request, world);
    for (const { link } of path?.hops ?? []) touched.add(link);
    return path;
  };
  const taken = (path: AdmittedPath, pinning: Pinning): AnotherPath => {
    const links = path.hops.map((hop) => hop.link);
    return {
      admitted: true,
      path: { ...path, pinning, explicitRoute: nextHopsOf(world.graph, links, request.flow) },
    };
  };
  const pinned = find((link) => obstaclesOf(link).length === 0);
  if (pinned) return taken(pinned, 'pinned');
  const unpinned = request.constraints.allowUnpinned ? find((link) => !dropsFlow(obstaclesOf(link))) : null;
  if (unpinned) return taken(unpinned, 'unpinned');
  const path = find(() => true);
  if (path === null) return null;
  const obstacles = path.hops.flatMap((hop) => obstaclesOf(world.graph.linkIndex.get(hop.link)!));
  return { admitted: false, path, obstacles };
}

const CURED_BY_ANOTHER_PATH: readonly RefusalReason['reason'][] = [
  'MTU_TOO_SMALL',
  'DELAY_BOUND_UNREACHABLE',
  'BANDWIDTH_UNAVAILABLE',
];
