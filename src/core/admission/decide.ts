import type { ReservationRequest } from '../qos/request.ts';
import { rateAlternative } from './alternatives.ts';
import { anotherPath, ifPinned, unpinnable } from './another-path.ts';
import { decideMultipath } from './decide-multipath.ts';
import { decideSenders } from './decide-senders.ts';
import type { Alternative, Decision, RefusalReason } from './decision.ts';
import { judgePath } from './judge-path.ts';
import { CURED_BY_A_LOWER_RATE, mostTelling, noPath, unknownEndpoint, type UnknownEndpoint } from './refusals.ts';
import { routeOf } from './routes.ts';
import type { World } from './world.ts';

/**
 * Admits a request on the path that routing takes; where that has no room, is too slow or too narrow, on the cheapest other
 * one that fits and that every agent on it can keep the flow on; where the caller allows it, on one where not every node
 * can; where a route on the way has several next hops, on the cheapest of its ways that fits and can be pinned. Else it says everything that stands in the way and what would fit instead. Changes nothing: who accepts the decision
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
  if (!routed.ok) {
    return routed.error.reason === 'MULTIPATH' ? decideMultipath(routed.error, request, world) : noPath([routed.error]);
  }

  const links = routed.value;
  const touched = new Set(links.map((link) => link.id));
  const judged = judgePath(links, request, world);
  if (judged.reasons.length === 0) return { admitted: true, path: judged.path, morePaths: [], touched: [...touched] };

  const reasons: RefusalReason[] = [...judged.reasons];
  const alternatives: Alternative[] = [];
  if (reasons.some((r) => CURED_BY_ANOTHER_PATH.includes(r.reason))) {
    const other = anotherPath(request, world, touched);
    if (other?.admitted) return { admitted: true, path: other.path, morePaths: [], touched: [...touched] };
    if (other) {
      reasons.push(...unpinnable(other));
      alternatives.push(ifPinned(other));
    }
  }
  if (judged.reasons.every((r) => CURED_BY_A_LOWER_RATE.includes(r.reason))) {
    const lower = rateAlternative([links], request, world);
    if (lower !== null) alternatives.push(lower);
  }
  return { admitted: false, code: mostTelling(reasons), reasons, alternatives, touched: [...touched] };
}

const CURED_BY_ANOTHER_PATH: readonly RefusalReason['reason'][] = [
  'MTU_TOO_SMALL',
  'DELAY_BOUND_UNREACHABLE',
  'BANDWIDTH_UNAVAILABLE',
];
