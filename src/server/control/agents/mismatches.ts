import { formatPrefix, type IpAddress } from '../../../core/base/ip.ts';
import type { NetworkGraph } from '../../../core/network/graph.ts';
import type { Link, NetworkInterface, NetworkNode } from '../../../core/network/topology.ts';
import type { AgentHello, ReportedInterface } from './messages.ts';

/** Where an agent's report and the topology differ, a sentence each; empty when they agree. */
export function findMismatches(
  graph: NetworkGraph,
  node: NetworkNode,
  report: Pick<AgentHello, 'interfaces' | 'routes' | 'problems'>,
): readonly string[] {
  const links = graph.links.filter((link) => link.from.node === node.name);
  return [
    ...report.problems,
    ...(node.agent === 'none' ? ['the topology says that this node has no agent: nothing is assigned to it'] : []),
    ...node.interfaces.flatMap((expected) => {
      const found = report.interfaces.find((each) => each.name === expected.name);
      if (!found) return [`${expected.name} is not on the host`];
      return [...interfaceMismatches(expected, found), ...capacityMismatches(links, found)];
    }),
    ...report.interfaces.flatMap((found) => strayAddresses(graph, node, found)),
    ...(links.length > 0 && report.routes.length === 0 ? ['the host reports no routes'] : []),
  ];
}

function interfaceMismatches(expected: NetworkInterface, found: ReportedInterface): readonly string[] {
  const { name } = expected;
  const differences: string[] = [];
  if (!found.up) differences.push(`${name} is down`);
  for (const prefix of expected.addresses) {
    const address = formatPrefix(prefix);
    if (found.addresses.includes(address)) continue;
    const other = found.addresses.find((each) => each.startsWith(`${prefix.address}/`));
    differences.push(
      other === undefined
        ? `${name} does not have the address ${address}; it has ${listed(found.addresses)}`
        : `${name} has the address ${other}, the topology says ${address}`,
    );
  }
  if (found.mtuBytes !== expected.mtuBytes) {
    differences.push(`${name} has an MTU of ${found.mtuBytes} bytes, the topology says ${expected.mtuBytes}`);
  }
  return differences;
}

function capacityMismatches(links: readonly Link[], found: ReportedInterface): readonly string[] {
  const speed = found.speedBitsPerSecond;
  return links.flatMap((link) =>
    speed !== null &&
    link.from.interface === found.name &&
    link.capacityBitsPerSecond !== null &&
    link.capacityBitsPerSecond > speed
      ? [`link ${link.id} has a capacity of ${link.capacityBitsPerSecond} bit/s, ${found.name} runs at ${speed} bit/s`]
      : [],
  );
}

/** Addresses of this host that the topology gives to another interface or node. */
function strayAddresses(graph: NetworkGraph, node: NetworkNode, found: ReportedInterface): readonly string[] {
  return found.addresses.flatMap((text) => {
    const address = text.slice(0, text.indexOf('/'));
    const owner = graph.hosts.get(address as IpAddress);
    const ownerNode = owner && graph.nodes[owner.node];
    if (!ownerNode || (ownerNode.name === node.name && owner.interface.name === found.name)) return [];
    return [
      `${found.name} has the address ${address}, which the topology gives to ${ownerNode.name}:${owner.interface.name}`,
    ];
  });
}

const listed = (addresses: readonly string[]): string => (addresses.length === 0 ? 'none' : addresses.join(', '));
