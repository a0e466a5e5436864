import { spawn, type ChildProcess } from 'node:child_process';
import { formatPrefix } from '../core/base/ip.ts';
import { lowestCostRoutes } from '../core/network/static-routes.ts';
import type { Topology } from '../core/network/topology.ts';
import { cablesOf } from './cables.ts';
import { run } from './commands.ts';

/** Every node is a network namespace of this name. */
export const namespaceOf = (prefix: string, node: string): string => `${prefix}${node}`;

/** Explicit, because what a kernel starts with differs between distributions. */
const SETTINGS = {
  '/proc/sys/net/ipv4/ip_forward': '1',
  '/proc/sys/net/ipv4/conf/all/ignore_routes_with_linkdown': '1',
  '/proc/sys/net/ipv4/conf/default/ignore_routes_with_linkdown': '1',
  '/proc/sys/net/ipv4/conf/all/rp_filter': '0',
  '/proc/sys/net/ipv4/conf/default/rp_filter': '0',
} as const;

/**
 * Makes one network namespace a node with veth pairs for the cables, addresses, and static routes that follow the stored
 * costs. @throws Error where a namespace of that name is there already, or the kernel refuses.
 */
export async function buildNamespaces(topology: Topology, prefix: string): Promise<void> {
  const cables = cablesOf(topology);
  await run('ip', ['-batch', '-'], lines(topology.nodes.map((node) => `netns add ${namespaceOf(prefix, node.name)}`)));
  // Before the interfaces: they take their settings from `default` when they are made.
  await Promise.all(topology.nodes.map(({ name }) => applySettings(namespaceOf(prefix, name), name, topology)));
  await run(
    'ip',
    ['-batch', '-'],
    lines(
      cables.map(
        ({ a, b }) =>
          `link add ${a.interface} netns ${namespaceOf(prefix, a.node)} type veth ` +
          `peer name ${b.interface} netns ${namespaceOf(prefix, b.node)}`,
      ),
    ),
  );
  await Promise.all(
    topology.nodes.map((node) => {
      const commands = node.interfaces.flatMap((one) => [
        ...one.addresses.map((address) => `addr add ${formatPrefix(address)} dev ${one.name}`),
        `link set ${one.name} mtu ${one.mtuBytes} up`,
      ]);
      return run(
        'ip',
        ['-netns', namespaceOf(prefix, node.name), '-batch', '-'],
        lines(['link set lo up', ...commands]),
      );
    }),
  );
  const routes = routeCommands(topology);
  await Promise.all([...routes].map(([node, commands]) => installRoutes(namespaceOf(prefix, node), commands)));
}

/** Takes the namespaces away, and with them interfaces, routes, queues and tables. Those that are not there do not matter. */
export async function removeNamespaces(names: readonly string[]): Promise<void> {
  const there = new Set((await run('ip', ['netns', 'list'])).split('\n').map((line) => line.split(' ')[0]));
  const ours = names.filter((name) => there.has(name));
  if (ours.length > 0) await run('ip', ['-force', '-batch', '-'], lines(ours.map((name) => `netns delete ${name}`)));
}

/** The namespaces of this prefix that exist. */
export async function listNamespaces(prefix: string): Promise<readonly string[]> {
  const listed = (await run('ip', ['netns', 'list'])).split('\n').map((line) => line.split(' ')[0] ?? '');
  return listed.filter((name) => name !== '' && name.startsWith(prefix));
}

/**
 * The kernel forgets the routes over an interface that is set down: puts them back when it comes up. One `ip monitor` a
 * node; the caller ends them by `kill`.
 */
export function watchLinks(topology: Topology, prefix: string): readonly ChildProcess[] {
  return [...routeCommands(topology)].map(([node, commands]) => {
    const namespace = namespaceOf(prefix, node);
    const monitor = spawn('ip', ['-netns', namespace, '-oneline', 'monitor', 'link'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    monitor.stdout.on('data', (text: Buffer) => {
      // A refused route belongs to a link that is down again: the next event puts it back.
      if (/state UP|LOWER_UP/.test(text.toString())) void installRoutes(namespace, commands).catch(() => undefined);
    });
    monitor.on('error', () => undefined);
    return monitor;
  });
}

const lines = (commands: readonly string[]): string => commands.join('\n') + '\n';

async function applySettings(namespace: string, node: string, topology: Topology): Promise<void> {
  const forwards = (topology.nodes.find((one) => one.name === node)?.interfaces.length ?? 0) > 1;
  const script = Object.entries(SETTINGS)
    .map(([file, value]) => `echo ${file.endsWith('ip_forward') && !forwards ? '0' : value} > ${file}`)
    .join(' && ');
  await run('ip', ['netns', 'exec', namespace, 'sh', '-c', script]);
}

const installRoutes = (namespace: string, commands: readonly string[]): Promise<string> =>
  run('ip', ['-netns', namespace, '-force', '-batch', '-'], lines(commands));

function routeCommands(topology: Topology): ReadonlyMap<string, readonly string[]> {
  return new Map(
    [...lowestCostRoutes(topology)].map(([node, routes]) => [
      node,
      routes.flatMap(({ primary, backup }) =>
        [primary, ...(backup ? [backup] : [])].map((route) => {
          const via = route.gateway ? `via ${route.gateway} ` : '';
          return `route replace ${formatPrefix(route.destination)} ${via}dev ${route.interface} metric ${route.metric}`;
        }),
      ),
    ]),
  );
}
