import type { Node } from '../core/rsvp/engine/network.ts';
import { adspecText, type Detail } from './scenario-trace.ts';
import { flowspecText, flowText, secondsText, tspecText } from './scenario-values.ts';

/** Path state, reservations and kernel of a node, a line each. */
export function stateLines(node: Node, detail: Detail): string[] {
  const name = node.name.padEnd(7);
  const paths = node.paths.map((path) => {
    const from = path.previousHop === null ? 'from here' : `from ${path.previousHop} (${path.incomingInterface})`;
    const ways = [...path.outgoingInterfaces, ...(path.local === 'receiver' ? ['here'] : [])];
    const to = ways.length > 0 ? ways.join(', ') : 'nowhere';
    const adspec = path.adspec === null ? null : adspecText(path.adspec, detail);
    return [
      `path ${flowText(path.flow, detail.names)} ${from} to ${to}`,
      tspecText(path.tspec),
      ...(adspec === null ? [] : [adspec]),
      ends(path.expiresInMs),
    ];
  });
  const reservations = node.reservations.map((each) => [
    `resv ${flowText(each.flow, detail.names)} on ${each.interface} to ${each.nextHop}`,
    ...(each.style === 'FF' ? [] : [each.style]),
    flowspecText(each.flowspec),
    each.state,
    ends(each.expiresInMs),
  ]);
  const rows = [...paths, ...reservations].map((row) => `${name} ${row.join(', ')}`);
  rows.push(...kernelLines(node, detail));
  return rows.length > 0 ? rows : [`${name} no state`];
}

export const kernelLines = (node: Node, { names }: Detail): string[] =>
  [...node.kernel].map(([key, flowspec]) => {
    const [flow, on] = key.split(' on ') as [string, string];
    return `${node.name.padEnd(7)} kernel ${names.get(flow) ?? flow} on ${on}, ${flowspecText(flowspec)}`;
  });

const ends = (ms: number | null): string => (ms === null ? 'stays' : `ends in ${secondsText(ms)}`);

export function counterLines(node: Node): string[] {
  const dropped = Object.entries(node.dropped).sort(([a], [b]) => (a < b ? -1 : 1));
  return dropped.length > 0
    ? dropped.map(([reason, n]) => `${node.name} dropped ${reason} ${n}`)
    : [`${node.name} dropped nothing`];
}

export const neighbourLines = (node: Node): string[] =>
  node.neighbours.map((each) => {
    const parts = [
      `flows ${each.flows}`,
      each.refreshReduction ? `refresh reduction, epoch ${each.epoch ?? 'none'}` : 'plain refresh',
      `${each.unacknowledged} unacknowledged, ${each.summarised} summarised, ${each.remembered} remembered`,
      each.hello === null ? null : `hello ${each.hello.state} instance ${each.hello.instance}`,
      each.integrity === null ? null : `key ${each.integrity.keyId ?? 'none'}`,
      `${each.received} received`,
      ...Object.entries(each.dropped).map(([reason, n]) => `${reason} ${n}`),
    ];
    return `${node.name.padEnd(7)} neighbour ${each.address} on ${each.interface}: ${parts.filter((part) => part !== null).join(', ')}`;
  });
