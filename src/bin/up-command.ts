import type { Command } from 'commander';
import { topologyDocument } from '../core/network/document.ts';
import type { Topology } from '../core/network/topology.ts';
import { DEFAULT_PREFIX } from '../lab/lab.ts';
import { createLoggers } from '../telemetry/logger.ts';
import { readServerConfig } from './config.ts';
import { openLab, readLabTopology } from './lab-command.ts';
import type { Control } from '../server/control/api.ts';
import { namespacePrefix } from './options.ts';
import type { RunningServer } from './server-program.ts';
import { untilStopped } from './signals.ts';

interface UpOptions {
  readonly lab: boolean | string;
  readonly prefix: string;
}

/** What the command line asks when it is told nothing. */
const DEFAULT_URL = 'http://127.0.0.1:8080';
/** How long the agents of the lab may take to connect. */
const AGENTS_MS = 30_000;

/** `headroom up`: server, database and lab on one machine. */
export function registerUp(program: Command): void {
  program
    .command('up')
    .description('everything on one machine: database, server and a lab with real agents; stays until it is stopped')
    .option('--lab <file>', 'a topology file in YAML or JSON instead of the default lab')
    .option('--no-lab', 'server and database only')
    .option('--prefix <text>', "of the lab's network namespaces", namespacePrefix, DEFAULT_PREFIX)
    .action(async (options: UpOptions) => {
      const started = performance.now();
      const config = readServerConfig({ HEADROOM_LOG: 'warn', ...process.env });
      const topology =
        options.lab === false ? null : readLabTopology(typeof options.lab === 'string' ? options.lab : undefined);
      let asked = false;
      const stopped = untilStopped().then(() => void (asked = true));
      const { startServer } = await import('./server-program.ts');
      const server = await startServer(config, createLoggers(config.log));
      try {
        const lab =
          topology === null ? null : await openLabOn(server, topology, config.dataDir, options.prefix, () => asked);
        try {
          const seconds = ((performance.now() - started) / 1000).toFixed(1);
          if (!asked) process.stdout.write(greeting(server, topology, seconds));
          await stopped;
        } finally {
          await lab?.stop();
        }
      } finally {
        await server.stop();
      }
    });
}

async function openLabOn(
  server: RunningServer,
  topology: Topology,
  dataDir: string,
  prefix: string,
  asked: () => boolean,
): ReturnType<typeof openLab> {
  await storeTopology(server.control, topologyDocument(topology));
  const lab = await openLab({
    topology,
    dataDir,
    server: `unix:${server.agentSocket}`,
    prefix,
    refreshPeriodMs: 30_000,
    loopback: false,
  });
  const names = topology.nodes.filter((node) => node.agent === 'required').map((node) => node.name);
  if (!(await agentsConnected(server.control, names, asked)) && !asked()) {
    await lab.stop();
    throw new Error(
      `not all agents of the lab have connected within ${AGENTS_MS / 1000} s: see the logs in ${dataDir}/lab/logs`,
    );
  }
  return lab;
}

/** The lab's network replaces what is stored, unless that is the same; reservations on links that stay go on. */
async function storeTopology(control: Control, document: unknown): Promise<void> {
  const { topology, etag } = await control.getTopology();
  const ifMatch = topology.nodes.length === 0 ? null : etag;
  await control.putTopology(document, { ifMatch, force: true, validateOnly: false });
}

/** Waits no longer when the user has asked to stop: Ctrl-C in a terminal ends the agents, too. */
async function agentsConnected(control: Control, nodes: readonly string[], asked: () => boolean): Promise<boolean> {
  const limit = performance.now() + AGENTS_MS;
  while (performance.now() < limit && !asked()) {
    const agents = await control.listAgents();
    if (nodes.every((node) => agents.some((agent) => agent.id === node && agent.state === 'connected'))) return true;
    await new Promise((next) => setTimeout(next, 25));
  }
  return false;
}

function greeting(server: RunningServer, topology: Topology | null, seconds: string): string {
  const lines = [
    `Headroom is ready after ${seconds} s.`,
    `  HTTP    ${server.httpUrl}  (API page: ${server.httpUrl}/docs)`,
    `  gRPC    ${server.grpcTarget}`,
    `  agents  ${server.agentSocket}`,
  ];
  const addresses = (topology?.nodes ?? [])
    .filter((node) => node.interfaces.length === 1)
    .map((node) => node.interfaces[0]?.addresses[0]?.address);
  const [source, destination] = [addresses[0], addresses.at(-1)];
  if (source !== undefined && destination !== undefined && source !== destination) {
    const at = server.httpUrl === DEFAULT_URL ? '' : ` --server ${server.httpUrl}`;
    lines.push('', 'Book a flow:', `  npx headroom reserve ${source}:5004 ${destination}:5004 --rate 10M --wait${at}`);
  }
  lines.push('', 'Ctrl-C stops everything.', '');
  return lines.join('\n');
}
