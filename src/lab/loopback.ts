import { createSocket } from 'node:dgram';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatPrefix } from '../core/base/ip.ts';
import { lowestCostRoutes } from '../core/network/static-routes.ts';
import type { Topology } from '../core/network/topology.ts';
import { cablesOf } from './cables.ts';

/** Writes one file a node that tells its agent which UDP ports of 127.0.0.1 stand for its interfaces and its neighbours'. */
export async function writeLoopbackNodes(topology: Topology, folder: string): Promise<ReadonlyMap<string, string>> {
  const cables = cablesOf(topology);
  const ends = topology.nodes.flatMap((node) => node.interfaces.map((one) => `${node.name}:${one.name}`));
  const ports = await freePorts(ends.length);
  const portOf = new Map(ends.map((end, i) => [end, ports[i]!]));
  const routes = lowestCostRoutes(topology);
  const files = new Map<string, string>();
  for (const node of topology.nodes) {
    const interfaces = node.interfaces.map((one) => ({
      name: one.name,
      addresses: one.addresses.map(formatPrefix),
      mtuBytes: one.mtuBytes,
      port: portOf.get(`${node.name}:${one.name}`)!,
      neighbours: cables
        .flatMap(({ a, b }) => [
          { near: a, far: b },
          { near: b, far: a },
        ])
        .filter(({ near }) => near.node === node.name && near.interface === one.name)
        .flatMap(({ far }) => {
          const there = topology.nodes
            .find((n) => n.name === far.node)
            ?.interfaces.find((i) => i.name === far.interface);
          const port = portOf.get(`${far.node}:${far.interface}`)!;
          return (there?.addresses ?? []).map((prefix) => ({ address: prefix.address, port }));
        }),
    }));
    const file = join(folder, `${node.name}.json`);
    const content = {
      node: node.name,
      interfaces,
      routes: (routes.get(node.name) ?? []).map(({ primary }) => ({
        destination: formatPrefix(primary.destination),
        interface: primary.interface,
        gateway: primary.gateway,
        metric: primary.metric,
      })),
    };
    writeFileSync(file, JSON.stringify(content, null, 2), { mode: 0o600 });
    files.set(node.name, file);
  }
  return files;
}

/** Ports the kernel gave while all of them were held at once, so that no two are the same. */
async function freePorts(count: number): Promise<number[]> {
  const sockets = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createSocket>>((resolve, reject) => {
          const socket = createSocket('udp4');
          socket.once('error', reject);
          socket.bind(0, '127.0.0.1', () => resolve(socket));
        }),
    ),
  );
  const ports = sockets.map((socket) => socket.address().port);
  await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))));
  return ports;
}
