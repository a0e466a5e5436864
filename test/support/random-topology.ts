import fc from 'fast-check';
import type { TopologyInput } from '../../src/core/network/document.ts';
import type { Topology } from '../../src/core/network/topology.ts';
import { parseTopology } from '../../src/core/network/validate.ts';
import { must } from './network.ts';

type Cable = NonNullable<TopologyInput['cables']>[number];

/**
 * Networks of 2 to 9 nodes with up to 18 cables, each a /24 of its own with one interface at both ends (parallel ones
 * included), small costs so that ties are common, now and then a link that is down. Every node has a /32 on `lo`.
 */
export const randomTopology = (options: { readonly down?: boolean } = {}): fc.Arbitrary<Topology> =>
  fc.integer({ min: 2, max: 9 }).chain((size) => {
    const end = fc.integer({ min: 0, max: size - 1 });
    const states =
      options.down === false ? fc.constant('up' as const) : fc.constantFrom('up', 'up', 'up', 'draining', 'down');
    const cable = fc.record({ a: end, b: end, cost: fc.integer({ min: 1, max: 4 }), adminState: states });
    return fc.array(cable, { minLength: 1, maxLength: 18 }).map((cables) => {
      const interfaces: { name: string; addresses: string[] }[][] = Array.from({ length: size }, (_, i) => [
        { name: 'lo', addresses: [`192.0.2.${i + 1}/32`] },
      ]);
      const drawn: Cable[] = cables
        .filter(({ a, b }) => a !== b)
        .map(({ a, b, cost, adminState }, i) => {
          const attach = (node: number, host: number) => {
            const name = `eth${interfaces[node]!.length - 1}`;
            interfaces[node]!.push({ name, addresses: [`10.${i}.0.${host}/24`] });
            return { node: `n${node}`, interface: name };
          };
          return {
            a: attach(a, 1),
            b: attach(b, 2),
            cost,
            adminState: adminState as 'up',
            capacityBitsPerSecond: 1000,
          };
        });
      return must(
        parseTopology({ nodes: interfaces.map((list, i) => ({ name: `n${i}`, interfaces: list })), cables: drawn }),
      );
    });
  });
