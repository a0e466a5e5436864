import { routedPath } from '../network/routing.ts';
import type { LinkId, NodeName } from '../network/topology.ts';
import type { FieldProblem, ReservationRequest } from '../qos/request.ts';
import { rateAlternative } from './alternatives.ts';
import type {
  AdmittedPath,
  Alternative,
  Decision,
  Pinning,
  PinningObstacle,
  RefusalCode,
  RefusalReason,
} from './decision.ts';
import { findPath } from './find-path.ts';
import { judgePath } from './judge-path.ts';
import { dropsFlow, nextHopsOf, pinningObstacles } from './pinning.ts';
import type { World } from './world.ts';

/** An address of the flow is on no node: no question of room. */
export interface UnknownEndpoint {
  readonly admitted: false;
  readonly code: 'UNKNOWN_ENDPOINT';
  /** One for each such address. */
  readonly fields: readonly FieldProblem[];
}

/**
 * Admits a request on the path that routing takes; where that has no room, is too slow or too narrow, on the cheapest other
 * one that fits and that every agent on it can keep the flow on; where the caller allows it, on one where not every node
 * can. Else it says everything that stands in the way and what would fit instead. Changes nothing: who accepts the decision
 * adds it to the ledger.
 *
 * The code of a refusal is that of the reason which waiting cures least: NO_PATH, MTU_TOO_SMALL, DELAY_BOUND_UNREACHABLE,
 * BANDWIDTH_UNAVAILABLE, AGENT_UNREACHABLE. `touched` has the links of the routed path, of the path that is taken or offered
 * instead, and every link that the search for it passed over for want of room; the topology, on which every decision
 * depends, has a version of its own. Without a path, `touched` is empty.
 */
export function decide(request: ReservationRequest, world: World): Decision | UnknownEndpoint {
  const { graph } = world;
  const { source, destination } = request.flow;
  const from = graph.hosts.get(source.address);
  const to = graph.hosts.get(destination.address);
  if (from === undefined || to === undefined) return unknownEndpoint(request, from === undefined, to === undefined);
  const [sourceNode, destinationNode] = [graph.nodes[from.node]!.name, graph.nodes[to.node]!.name];
  if (from.node === to.node) {
    return noPath(sourceNode, destinationNode, `both addresses are on node ${sourceNode}: nothing crosses the network`);
  }
  const routed = routedPath(graph, source.address, destination.address, world.routes);
  if (!routed.ok) return noPath(sourceNode, destinationNode, routed.error.problem);

  const links = routed.value.map((index) => graph.links[index]!);
  const touched = new Set(links.map((link) => link.id));
  const judged = judgePath(links, request, world);
  if (judged.reasons.length === 0) return { admitted: true, path: judged.path, touched: [...touched] };

  const reasons: RefusalReason[] = [...judged.reasons];
  const alternatives: Alternative[] = [];
  if (reasons.some((r) => CURED_BY_ANOTHER_PATH.includes(r.reason))) {
    const other = anotherPath(from.node, to.node, request, world, touched);
    if (other?.admitted) return { admitted: true, path: other.path, touched: [...touched] };
    if (other) {
      const { path, obstacles } = other;
      reasons.push(...obstacles.map((each) => ({ reason: 'PINNING_UNAVAILABLE', ...each }) as const));
      const { hops, delayBoundMicros } = path;
      alternatives.push({ kind: 'path', needs: 'PINNING', obstacles, hops, delayBoundMicros });
    }
  }
  if (judged.reasons.every((r) => CURED_BY_A_LOWER_RATE.includes(r.reason))) {
    const lower = rateAlternative(links, request, world);
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

const CODES: readonly RefusalCode[] = [
  'NO_PATH',
  'MTU_TOO_SMALL',
  'DELAY_BOUND_UNREACHABLE',
  'BANDWIDTH_UNAVAILABLE',
  'AGENT_UNREACHABLE',
];
const CURED_BY_ANOTHER_PATH: readonly RefusalReason['reason'][] = [
  'MTU_TOO_SMALL',
  'DELAY_BOUND_UNREACHABLE',
  'BANDWIDTH_UNAVAILABLE',
];
// A lower token rate also makes a finite peak rate matter more, so a delay bound never asks for a higher one.
export const CURED_BY_A_LOWER_RATE: readonly RefusalReason['reason'][] = [
  'BANDWIDTH_UNAVAILABLE',
  'DELAY_BOUND_UNREACHABLE',
];

export const mostTelling = (reasons: readonly RefusalReason[]): RefusalCode =>
  CODES.find((code) => reasons.some((r) => r.reason === code))!;

const noPath = (source: NodeName, destination: NodeName, detail: string): Decision => ({
  admitted: false,
  code: 'NO_PATH',
  reasons: [{ reason: 'NO_PATH', source, destination, detail }],
  alternatives: [],
  touched: [],
});

function unknownEndpoint({ flow }: ReservationRequest, source: boolean, destination: boolean): UnknownEndpoint {
  const problem = (field: string, value: string): FieldProblem => ({
    field,
    value,
    code: 'INVALID_ARGUMENT',
    problem: 'is the address of no interface in the topology',
  });
  return {
    admitted: false,
    code: 'UNKNOWN_ENDPOINT',
    fields: [
      ...(source ? [problem('flow.source.address', flow.source.address)] : []),
      ...(destination ? [problem('flow.destination.address', flow.destination.address)] : []),
    ],
  };
}
