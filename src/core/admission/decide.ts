import { routedPath } from '../network/routing.ts';
import type { NodeName } from '../network/topology.ts';
import type { FieldProblem, ReservationRequest } from '../qos/request.ts';
import { pathAlternative, rateAlternative } from './alternatives.ts';
import type { Alternative, Decision, RefusalCode, RefusalReason } from './decision.ts';
import { judgePath } from './judge-path.ts';
import type { World } from './world.ts';

/** An address of the flow is on no node: no question of room. */
export interface UnknownEndpoint {
  readonly admitted: false;
  readonly code: 'UNKNOWN_ENDPOINT';
  /** One for each such address. */
  readonly fields: readonly FieldProblem[];
}

/**
 * Admits a request on the path that routing takes, or says everything that stands in its way and what would fit instead.
 * Changes nothing: who accepts the decision adds it to the ledger.
 *
 * The code of a refusal is that of the reason which waiting cures least: NO_PATH, MTU_TOO_SMALL, DELAY_BOUND_UNREACHABLE,
 * BANDWIDTH_UNAVAILABLE, AGENT_UNREACHABLE. `touched` has the links of the routed path and of the path that is offered
 * instead; the topology, on which every decision depends, has a version of its own. Without a path, `touched` is empty.
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
  const touched = links.map((link) => link.id);
  const { reasons, path } = judgePath(links, request, world);
  if (reasons.length === 0) return { admitted: true, path, touched };

  const alternatives: Alternative[] = [];
  if (reasons.some((r) => CURED_BY_ANOTHER_PATH.includes(r.reason))) {
    const other = pathAlternative(from.node, to.node, request, world);
    if (other !== null) {
      alternatives.push(other.alternative);
      touched.push(...other.links.filter((link) => !touched.includes(link)));
    }
  }
  if (reasons.every((r) => CURED_BY_A_LOWER_RATE.includes(r.reason))) {
    const lower = rateAlternative(links, request, world);
    if (lower !== null) alternatives.push(lower);
  }
  return { admitted: false, code: mostTelling(reasons), reasons, alternatives, touched };
}

const CODES: readonly RefusalCode[] = [
  'NO_PATH',
  'MTU_TOO_SMALL',
  'DELAY_BOUND_UNREACHABLE',
  'BANDWIDTH_UNAVAILABLE',
  'AGENT_UNREACHABLE',
];
const CURED_BY_ANOTHER_PATH: readonly RefusalCode[] = [
  'MTU_TOO_SMALL',
  'DELAY_BOUND_UNREACHABLE',
  'BANDWIDTH_UNAVAILABLE',
];
// A lower token rate also makes a finite peak rate matter more, so a delay bound never asks for a higher one.
export const CURED_BY_A_LOWER_RATE: readonly RefusalCode[] = ['BANDWIDTH_UNAVAILABLE', 'DELAY_BOUND_UNREACHABLE'];

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
