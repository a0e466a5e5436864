import { BitsPerSecond, Bytes, Micros } from '../../../core/base/units.ts';
import type { Link, NodeName, Topology } from '../../../core/network/topology.ts';
import type { InterfaceConfig } from './messages.ts';

/**
 * What the node's agent has to know of its outgoing links. Where several links share an interface (a shared medium), the
 * interface is as fast as the fastest of them and as bad as the worst in everything else.
 */
export function interfaceConfigs(topology: Topology, node: NodeName): readonly InterfaceConfig[] {
  const byInterface = new Map<string, InterfaceConfig>();
  for (const link of topology.links) {
    if (link.from.node !== node) continue;
    const name = link.from.interface;
    const known = byInterface.get(name);
    byInterface.set(name, known ? merged(known, configOf(link)) : configOf(link));
  }
  return [...byInterface.values()];
}

const configOf = (link: Link): InterfaceConfig => ({
  name: link.from.interface,
  capacityBitsPerSecond: link.capacityBitsPerSecond,
  overheadBytes: link.overheadBytes,
  mtuBytes: link.mtuBytes,
  delayMicros: link.delayMicros,
  errorCBytes: link.errorCBytes,
  errorDMicros: link.errorDMicros,
});

const merged = (a: InterfaceConfig, b: InterfaceConfig): InterfaceConfig => ({
  name: a.name,
  capacityBitsPerSecond: larger(a.capacityBitsPerSecond, b.capacityBitsPerSecond, BitsPerSecond),
  overheadBytes: Bytes(Math.max(a.overheadBytes, b.overheadBytes)),
  mtuBytes: Bytes(Math.min(a.mtuBytes, b.mtuBytes)),
  delayMicros: Micros(Math.max(a.delayMicros, b.delayMicros)),
  errorCBytes: larger(a.errorCBytes, b.errorCBytes, Bytes),
  errorDMicros: larger(a.errorDMicros, b.errorDMicros, Micros),
});

function larger<T extends number>(a: T | null, b: T | null, unit: (n: number) => T): T | null {
  if (a === null) return b;
  return b === null ? a : unit(Math.max(a, b));
}
