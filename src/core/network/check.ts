import { formatPrefix, ipFamily, prefixContains } from '../base/ip.ts';
import { buildGraph, type NetworkGraph } from './graph.ts';
import { gatewayOf } from './static-routes.ts';
import { carries } from './shortest-path.ts';
import type { Link, NetworkInterface, Topology } from './topology.ts';

/** Something about a valid topology that an operator should look at. */
export interface Finding {
  /** error: reservations there cannot work; warning: probably not meant; note: worth knowing. */
  readonly severity: 'error' | 'warning' | 'note';
  /** A node, `node:interface`, a link id or a subnet; empty for the whole network. */
  readonly where: string;
  /** One sentence. */
  readonly what: string;
}

type Report = (severity: Finding['severity'], where: string, what: string) => void;

/** Everything inconsistent or doubtful about a topology: errors first, then warnings, then notes, each in the order of the topology. */
export function checkTopology(topology: Topology): readonly Finding[] {
  const graph = buildGraph(topology);
  const findings: Finding[] = [];
  const report: Report = (severity, where, what) => findings.push({ severity, where, what });
  checkNodes(graph, report);
  graph.links.forEach((link, i) => {
    checkLink(graph, link, i, report);
    checkReverse(graph, link, i, report);
  });
  checkSubnets(graph, report);
  checkReachability(graph, report);
  const order = { error: 0, warning: 1, note: 2 };
  return findings.sort((a, b) => order[a.severity] - order[b.severity]);
}

function checkNodes(graph: NetworkGraph, report: Report): void {
  graph.nodes.forEach((node, i) => {
    const linked = new Set<string>();
    for (let l = graph.outStart[i]!; l < graph.outStart[i + 1]!; l++)
      linked.add(graph.links[graph.out[l]!]!.from.interface);
    for (let l = graph.inStart[i]!; l < graph.inStart[i + 1]!; l++) linked.add(graph.links[graph.in[l]!]!.to.interface);
    if (linked.size === 0) report('warning', node.name, `${node.name} has no link.`);
    if (node.adminState === 'down')
      report('note', node.name, `${node.name} is set down: nothing is routed through it.`);
    if (!node.interfaces.some((networkInterface) => networkInterface.addresses.length > 0)) {
      report('warning', node.name, `${node.name} has no address, so nothing can be reserved from or to it.`);
    }
    for (const networkInterface of node.interfaces) {
      const where = `${node.name}:${networkInterface.name}`;
      if (linked.has(networkInterface.name) && networkInterface.addresses.length === 0 && node.agent === 'required') {
        report(
          'error',
          where,
          `${where} has no address, but ${node.name} requires an agent, which signals from that address.`,
        );
      }
      if (!linked.has(networkInterface.name) && linked.size > 0 && networkInterface.addresses.length === 0) {
        report('note', where, `${where} has neither a link nor an address.`);
      }
    }
  });
}

function checkLink(graph: NetworkGraph, link: Link, index: number, report: Report): void {
  const near = interfaceAt(graph, graph.from[index]!, link.from.interface);
  const far = interfaceAt(graph, graph.to[index]!, link.to.interface);
  if (link.capacityBitsPerSecond === null) {
    report('warning', link.id, `${link.id} has an unknown capacity, so nothing can be reserved on it.`);
  } else if (link.reservableShare === 0) {
    report('warning', link.id, `${link.id} has a reservable share of 0, so nothing can be reserved on it.`);
  } else if (Math.floor(link.capacityBitsPerSecond * link.reservableShare) === 0) {
    report(
      'warning',
      link.id,
      `${link.id} has less than 1 bit/s reservable (${link.capacityBitsPerSecond} × ${link.reservableShare}).`,
    );
  }
  if (near.addresses.length > 0 && far.addresses.length > 0 && !sharesSubnet(graph, index)) {
    const hops = graph.nodes[graph.from[index]!]!.agent === 'none' && graph.nodes[graph.to[index]!]!.agent === 'none';
    report(
      hops ? 'warning' : 'error',
      link.id,
      `${link.id} joins ${near.addresses.map(formatPrefix).join(', ')} with ${far.addresses.map(formatPrefix).join(', ')}, which are in no common subnet.`,
    );
  }
  if (link.mtuBytes > near.mtuBytes) {
    report(
      'warning',
      link.id,
      `${link.id} has an MTU of ${link.mtuBytes} bytes, more than its sending interface's ${near.mtuBytes}.`,
    );
  }
  if (near.mtuBytes !== far.mtuBytes) {
    report(
      'warning',
      link.id,
      `${link.id} leads from an MTU of ${near.mtuBytes} bytes to an interface with ${far.mtuBytes}.`,
    );
  }
  if (link.delayMicros === 0) {
    report('note', link.id, `${link.id} has a delay of 0, so delay bounds over it are too small by its real delay.`);
  }
  if (link.adminState !== 'up')
    report('note', link.id, `${link.id} is set ${link.adminState}: nothing new is reserved on it.`);
}

/** The same pair of interfaces in the other direction; differences are told once a pair, at the smaller id. */
function checkReverse(graph: NetworkGraph, link: Link, index: number, report: Report): void {
  const back: Link[] = [];
  const node = graph.to[index]!;
  for (let i = graph.outStart[node]!; i < graph.outStart[node + 1]!; i++) {
    const other = graph.links[graph.out[i]!]!;
    if (other.to.node !== link.from.node) continue;
    if (other.from.interface === link.to.interface && other.to.interface === link.from.interface) back.push(other);
  }
  const reverse = back[0];
  if (!reverse) {
    report(
      'warning',
      link.id,
      `${link.id} has no link back from ${link.to.node}:${link.to.interface}: RESV messages and answers need another way.`,
    );
    return;
  }
  if (back.length > 1 || link.id > reverse.id) return;
  const differ = (what: string, here: number | null, there: number | null): void => {
    if (here !== there) {
      report(
        'note',
        link.id,
        `${link.id} and its reverse ${reverse.id} differ in ${what}: ${here ?? 'unknown'} and ${there ?? 'unknown'}.`,
      );
    }
  };
  differ('capacity (bit/s)', link.capacityBitsPerSecond, reverse.capacityBitsPerSecond);
  differ('cost', link.cost, reverse.cost);
  differ('delay (µs)', link.delayMicros, reverse.delayMicros);
  if (link.adminState !== reverse.adminState && (link.adminState === 'down' || reverse.adminState === 'down')) {
    report(
      'warning',
      link.id,
      `${link.id} is ${link.adminState} while its reverse ${reverse.id} is ${reverse.adminState}.`,
    );
  }
}

function checkSubnets(graph: NetworkGraph, report: Report): void {
  const byLength = [...graph.subnets].sort((a, b) => a.prefix.length - b.prefix.length);
  for (const subnet of graph.subnets) {
    const name = formatPrefix(subnet.prefix);
    // A host route inside a subnet is how loopback addresses are given out.
    if (subnet.prefix.length < (ipFamily(subnet.prefix.address) === 4 ? 32 : 128)) {
      const wider = byLength.find(
        (s) => s.prefix.length < subnet.prefix.length && prefixContains(s.prefix, subnet.prefix.address),
      );
      const what = `overlaps ${wider && formatPrefix(wider.prefix)}: hosts of the wider one route part of it elsewhere.`;
      if (wider) report('warning', name, `${name} ${what}`);
    }
    if (subnet.nodes.length < 2) continue;
    const members = new Set(subnet.nodes);
    for (const node of subnet.nodes) {
      const joined = neighbours(graph, node).some((other) => members.has(other));
      if (!joined) {
        const { name: nodeName } = graph.nodes[node]!;
        report('warning', name, `${nodeName} is in ${name} but has no link to another node in it.`);
      }
    }
  }
}

function checkReachability(graph: NetworkGraph, report: Report): void {
  const usable = carries(graph);
  const parts = components(graph, usable);
  if (parts.length > 1) {
    const shown = parts.slice(0, 20).map((part) => partText(graph, part));
    const rest = parts.length > 20 ? ` and ${parts.length - 20} more` : '';
    report(
      'warning',
      '',
      `The network falls into ${parts.length} parts that no carrying link joins: ${shown.join('; ')}${rest}.`,
    );
  }
  // Inside a part, one-way links can still leave pairs without a way: compare what node 0 reaches with what reaches it.
  for (const part of parts) {
    if (part.length < 2) continue;
    const origin = part[0]!;
    const name = graph.nodes[origin]!.name;
    const forward = reachable(graph, origin, usable, 'out');
    const backward = reachable(graph, origin, usable, 'in');
    for (const node of part) {
      const other = graph.nodes[node]!.name;
      if (!forward.has(node)) report('warning', other, `${other} cannot be reached from ${name}.`);
      if (!backward.has(node)) report('warning', other, `${other} has no way to ${name}.`);
    }
  }
}

function partText(graph: NetworkGraph, part: readonly number[]): string {
  const names = part.slice(0, 5).map((node) => graph.nodes[node]!.name);
  return part.length > 5 ? `${names.join(', ')} and ${part.length - 5} more` : names.join(', ');
}

/** Groups of nodes joined by usable links of either direction, largest first. */
function components(graph: NetworkGraph, usable: (link: number) => boolean): readonly (readonly number[])[] {
  const seen = new Set<number>();
  const parts: number[][] = [];
  graph.nodes.forEach((_, node) => {
    if (seen.has(node)) return;
    const part = [...reachable(graph, node, usable, 'both')].sort((a, b) => a - b);
    part.forEach((member) => seen.add(member));
    parts.push(part);
  });
  return parts.sort((a, b) => b.length - a.length);
}

function reachable(
  graph: NetworkGraph,
  origin: number,
  usable: (link: number) => boolean,
  direction: 'out' | 'in' | 'both',
): ReadonlySet<number> {
  const seen = new Set([origin]);
  // A set is walked in the order of insertion, also over what is added on the way.
  for (const node of seen) {
    if (direction !== 'in') {
      for (let i = graph.outStart[node]!; i < graph.outStart[node + 1]!; i++) {
        if (usable(graph.out[i]!)) seen.add(graph.to[graph.out[i]!]!);
      }
    }
    if (direction !== 'out') {
      for (let i = graph.inStart[node]!; i < graph.inStart[node + 1]!; i++) {
        if (usable(graph.in[i]!)) seen.add(graph.from[graph.in[i]!]!);
      }
    }
  }
  return seen;
}

const neighbours = (graph: NetworkGraph, node: number): readonly number[] => [
  ...Array.from(graph.out.subarray(graph.outStart[node], graph.outStart[node + 1]), (link) => graph.to[link]!),
  ...Array.from(graph.in.subarray(graph.inStart[node], graph.inStart[node + 1]), (link) => graph.from[link]!),
];

const interfaceAt = (graph: NetworkGraph, node: number, name: string): NetworkInterface =>
  graph.nodes[node]!.interfaces.find((i) => i.name === name)!;

const sharesSubnet = (graph: NetworkGraph, link: number): boolean =>
  gatewayOf(graph, link, 4) !== null || gatewayOf(graph, link, 6) !== null;
