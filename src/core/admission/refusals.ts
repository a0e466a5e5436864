import type { NetworkGraph } from '../network/graph.ts';
import type { FieldProblem, ReservationRequest } from '../qos/request.ts';
import type { Decision, RefusalCode, RefusalReason } from './decision.ts';

/** An address of the flow is on no node: no question of room. */
export interface UnknownEndpoint {
  readonly admitted: false;
  readonly code: 'UNKNOWN_ENDPOINT';
  /** One for each such address. */
  readonly fields: readonly FieldProblem[];
}

const CODES: readonly RefusalCode[] = [
  'NO_PATH',
  'MTU_TOO_SMALL',
  'DELAY_BOUND_UNREACHABLE',
  'BANDWIDTH_UNAVAILABLE',
  'AGENT_UNREACHABLE',
];

// A lower token rate also makes a finite peak rate matter more, so a delay bound never asks for a higher one.
export const CURED_BY_A_LOWER_RATE: readonly RefusalReason['reason'][] = [
  'BANDWIDTH_UNAVAILABLE',
  'DELAY_BOUND_UNREACHABLE',
];

/** The code of the reason which waiting cures least. */
export const mostTelling = (reasons: readonly RefusalReason[]): RefusalCode =>
  CODES.find((code) => reasons.some(({ reason }) => (reason === 'MULTIPATH' ? 'NO_PATH' : reason) === code))!;

/** A refusal that depends on no link's books. */
export const noPath = (reasons: readonly RefusalReason[]): Decision => ({
  admitted: false,
  code: 'NO_PATH',
  reasons,
  alternatives: [],
  touched: [],
});

/** null where every address of the flow is on a node. */
export function unknownEndpoint(request: ReservationRequest, graph: NetworkGraph): UnknownEndpoint | null {
  const { flow, moreSources, sourcesListed } = request;
  const ends = [
    ...[flow.source, ...moreSources].map((end, i) => ({
      field: sourcesListed ? `flow.sources[${i}].address` : 'flow.source.address',
      address: end.address,
    })),
    { field: 'flow.destination.address', address: flow.destination.address },
  ];
  const fields = ends
    .filter(({ address }) => !graph.hosts.has(address))
    .map(({ field, address }): FieldProblem => {
      const problem = 'is the address of no interface in the topology';
      return { field, value: address, code: 'INVALID_ARGUMENT', problem };
    });
  return fields.length === 0 ? null : { admitted: false, code: 'UNKNOWN_ENDPOINT', fields };
}
