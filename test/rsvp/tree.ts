import { ip, type Network, type Node } from '../core/rsvp/engine/network.ts';

/** Nodes n0, n1 … of which n(i + 1) hangs on node `parents[i]` modulo i + 1. */
export function makeTree(network: Network, parents: readonly number[]): readonly Node[] {
  const names = ['n0', ...parents.map((_, i) => `n${i + 1}`)];
  for (const [i, parent] of parents.entries()) {
    const [above, below] = [names[parent % (i + 1)]!, names[i + 1]!];
    const interfaces = network.node(above).interfaces.size;
    network.link(`${above} e${interfaces} 10.0.${i}.1`, `${below} e0 10.0.${i}.2`);
  }
  return names.map((name) => network.node(name));
}

/** In a tree there is one way. */
export function setTreeRoutes(network: Network, nodes: readonly Node[]): void {
  for (const target of nodes) {
    const reached = new Set([target]);
    for (const node of reached) {
      for (const { ends } of network.links) {
        const near = ends.find((end) => end.node === node);
        const far = ends.find((end) => end.node !== node);
        if (near === undefined || far === undefined || reached.has(far.node)) continue;
        reached.add(far.node);
        const hop = node.interfaces.get(near.interface)!.address;
        for (const { address } of target.interfaces.values()) {
          const gateway = address === hop ? null : ip(hop);
          far.node.routes.set(address, { interface: far.interface, gateway, local: false });
        }
      }
    }
  }
}
