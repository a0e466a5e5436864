import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { formatPrefix } from '../core/base/ip.ts';
import { err, ok, type Result } from '../core/base/result.ts';
import type { Link, NetworkNode, Topology } from '../core/network/topology.ts';
import type { FieldProblem } from '../core/qos/request.ts';
import {
  TopologySchema,
  type Link as LinkMessage,
  type LinkSchema,
  type Node as NodeMessage,
  type NodeSchema,
  type Topology as TopologyMessage,
} from '../gen/headroom/v1/topology_pb.ts';
import { int64, numberOf } from './numbers.ts';

/** The document that core/network/validate judges, from messages: what is not set is left out and gets its default there. */
export function topologyInput(
  nodes: readonly NodeMessage[],
  links: readonly LinkMessage[],
): Result<unknown, readonly FieldProblem[]> {
  const problems: FieldProblem[] = [];
  const document = {
    nodes: nodes.map(nodeInput),
    links: links.map((link, i) => linkInput(link, `links[${i}]`, problems)),
  };
  return problems.length > 0 ? err(problems) : ok(document);
}

const nodeInput = (node: NodeMessage): unknown => ({
  name: node.name,
  ...(node.agent === '' ? {} : { agent: node.agent }),
  ...(node.adminState === '' ? {} : { adminState: node.adminState }),
  labels: node.labels,
  interfaces: node.interfaces.map((each) => ({
    name: each.name,
    addresses: each.addresses,
    ...(each.mtuBytes === 0 ? {} : { mtuBytes: each.mtuBytes }),
  })),
});

function linkInput(link: LinkMessage, path: string, problems: FieldProblem[]): unknown {
  const end = (name: 'from' | 'to'): unknown => {
    const value = link[name];
    if (value) return { node: value.node, interface: value.interface };
    problems.push({ field: `${path}.${name}`, value: undefined, code: 'INVALID_ARGUMENT', problem: 'is missing' });
    return undefined;
  };
  const capacity = link.capacityBitsPerSecond;
  return {
    ...(link.id === '' ? {} : { id: link.id }),
    from: end('from'),
    to: end('to'),
    capacityBitsPerSecond:
      capacity === undefined ? null : numberOf(`${path}.capacityBitsPerSecond`, capacity, problems),
    ...(link.reservableShare === undefined ? {} : { reservableShare: link.reservableShare }),
    overheadBytes: link.overheadBytes,
    ...(link.cost === undefined ? {} : { cost: link.cost }),
    delayMicros: link.delayMicros,
    ...(link.mtuBytes === undefined ? {} : { mtuBytes: link.mtuBytes }),
    ...(link.errorCBytes === undefined ? {} : { errorCBytes: link.errorCBytes }),
    ...(link.errorDMicros === undefined ? {} : { errorDMicros: link.errorDMicros }),
    riskGroups: link.riskGroups,
    labels: link.labels,
    ...(link.adminState === '' ? {} : { adminState: link.adminState }),
  };
}

export const topologyMessage = (topology: Topology, etag: string): TopologyMessage =>
  create(TopologySchema, { nodes: topology.nodes.map(nodeInit), links: topology.links.map(linkInit), etag });

const nodeInit = (node: NetworkNode): MessageInitShape<typeof NodeSchema> => ({
  name: node.name,
  agent: node.agent,
  adminState: node.adminState,
  labels: { ...node.labels },
  interfaces: node.interfaces.map((each) => ({
    name: each.name,
    addresses: each.addresses.map(formatPrefix),
    mtuBytes: each.mtuBytes,
  })),
});

export const linkInit = (link: Link): MessageInitShape<typeof LinkSchema> => ({
  id: link.id,
  from: { ...link.from },
  to: { ...link.to },
  ...(link.capacityBitsPerSecond === null ? {} : { capacityBitsPerSecond: int64(link.capacityBitsPerSecond) }),
  reservableShare: link.reservableShare,
  overheadBytes: link.overheadBytes,
  cost: link.cost,
  delayMicros: link.delayMicros,
  mtuBytes: link.mtuBytes,
  ...(link.errorCBytes === null ? {} : { errorCBytes: link.errorCBytes }),
  ...(link.errorDMicros === null ? {} : { errorDMicros: link.errorDMicros }),
  riskGroups: [...link.riskGroups],
  labels: { ...link.labels },
  adminState: link.adminState,
});
