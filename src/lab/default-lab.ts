import type { TopologyInput } from '../core/network/document.ts';

const ROUTER_BITS_PER_SECOND = 100_000_000;
const HOST_BITS_PER_SECOND = 1_000_000_000;
/** veth carries Ethernet frames without preamble, gap and check sequence. */
const VETH_OVERHEAD_BYTES = 14;

const cable = (a: string, b: string, capacityBitsPerSecond: number, cost: number) => {
  const end = (text: string) => {
    const [node, name] = text.split(':');
    return { node: node!, interface: name! };
  };
  return {
    a: end(a),
    b: end(b),
    capacityBitsPerSecond,
    reservableShare: 0.75,
    overheadBytes: VETH_OVERHEAD_BYTES,
    cost,
    delayMicros: 50,
  };
};

const node = (name: string, ...addresses: readonly string[]) => ({
  name,
  agent: 'required' as const,
  interfaces: addresses.map((address, i) => ({ name: `eth${i}`, addresses: [address] })),
});

/**
 * The network of `headroom up`: host-a – r1 – r2 – host-b, and the costlier way r1 – r3 – r2.
 * A topology document as `headroom topology import` takes it, and as a file for `--lab` may hold it.
 */
export const DEFAULT_LAB: TopologyInput = {
  nodes: [
    node('host-a', '10.1.0.2/24'),
    node('host-b', '10.2.0.2/24'),
    node('r1', '10.1.0.1/24', '10.12.0.1/24', '10.13.0.1/24'),
    node('r2', '10.2.0.1/24', '10.12.0.2/24', '10.23.0.2/24'),
    node('r3', '10.13.0.3/24', '10.23.0.3/24'),
  ],
  cables: [
    cable('host-a:eth0', 'r1:eth0', HOST_BITS_PER_SECOND, 1),
    cable('host-b:eth0', 'r2:eth0', HOST_BITS_PER_SECOND, 1),
    cable('r1:eth1', 'r2:eth1', ROUTER_BITS_PER_SECOND, 1),
    cable('r1:eth2', 'r3:eth0', ROUTER_BITS_PER_SECOND, 10),
    cable('r2:eth2', 'r3:eth1', ROUTER_BITS_PER_SECOND, 10),
  ],
};
