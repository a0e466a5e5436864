import type { Topology } from '../core/network/topology.ts';

export interface CableEnd {
  readonly node: string;
  readonly interface: string;
}

/** Two directed links that are each other's way back: what a veth pair or two UDP ports can stand for. */
export interface Cable {
  readonly a: CableEnd;
  readonly b: CableEnd;
}

/** @throws Error naming the link that has no way back, or the interface that carries more than one cable. */
export function cablesOf(topology: Topology): readonly Cable[] {
  const text = (end: CableEnd): string => `${end.node}:${end.interface}`;
  const links = new Set(topology.links.map((link) => `${text(link.from)} ${text(link.to)}`));
  const used = new Map<string, string>();
  const cables: Cable[] = [];
  for (const link of topology.links) {
    const [from, to] = [text(link.from), text(link.to)];
    if (!links.has(`${to} ${from}`))
      throw new Error(`a lab needs both directions of every link, ${link.id} has no way back`);
    for (const [end, other] of [
      [from, to],
      [to, from],
    ] as const) {
      const known = used.get(end);
      if (known !== undefined && known !== other) {
        throw new Error(`a lab has one cable an interface, ${end} has one to ${known} and one to ${other}`);
      }
      used.set(end, other);
    }
    if (from < to) cables.push({ a: link.from, b: link.to });
  }
  return cables;
}
