import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { RefusalError, UsageError } from '../cli/errors.ts';
import { documentLine } from '../cli/refusal-lines.ts';
import { readTextFile } from '../cli/text-file.ts';
import { topologyDocument } from '../core/network/document.ts';
import { parseTopology } from '../core/network/validate.ts';
import type { Topology } from '../core/network/topology.ts';
import { syntaxProblemText } from '../formats/syntax-problem.ts';
import { parseYaml } from '../formats/yaml.ts';
import { DEFAULT_LAB } from '../lab/default-lab.ts';
import { cleanLab, DEFAULT_PREFIX, runningLab, startLab, whyNoKernelLab, type Lab } from '../lab/lab.ts';
import { namespaceOf } from '../lab/namespaces.ts';
import { agentSocketPath } from '../rpc/agent-socket.ts';
import { readDataDir, refuseUnknown } from './config.ts';
import { namespacePrefix, refreshPeriod } from './options.ts';
import { untilStopped } from './signals.ts';

interface UpOptions {
  readonly lab?: string;
  readonly server?: string;
  readonly prefix: string;
  readonly refreshPeriodMs: number;
  readonly loopback?: boolean;
}

/** `headroom lab`: several hosts on one machine. */
export function registerLab(program: Command): void {
  const lab = program.command('lab').description('several hosts on one machine, as network namespaces');
  lab
    .command('up')
    .description('make the hosts and start an agent on each; stays until it is stopped')
    .option('--lab <file>', 'a topology file in YAML or JSON (default: host-a, r1, r2, r3, host-b)')
    .option('--server <target>', 'what the agents connect to (default: the socket in the data directory)')
    .option('--prefix <text>', 'of the namespaces', namespacePrefix, DEFAULT_PREFIX)
    .option('--refresh-period-ms <ms>', 'of RSVP state', refreshPeriod, 30_000)
    .option('--loopback', 'UDP ports of 127.0.0.1 instead of namespaces; nothing is enforced')
    .action(async (options: UpOptions) => {
      refuseUnknown(process.env);
      const dataDir = readDataDir(process.env);
      const running = await openLab({
        topology: readLabTopology(options.lab),
        dataDir,
        server: options.server ?? `unix:${agentSocketPath(dataDir).path}`,
        prefix: options.prefix,
        refreshPeriodMs: options.refreshPeriodMs,
        loopback: options.loopback ?? false,
      });
      process.stdout.write(
        `lab is up (${running.mode})\nIts agents need its network in the server: ` +
          `headroom lab topology > lab.json && headroom topology import lab.json\n`,
      );
      await untilStopped();
      await running.stop();
    });
  lab
    .command('topology')
    .description('print the network of the lab, as "headroom topology import" takes it')
    .option('--lab <file>', 'a topology file in YAML or JSON (default: host-a, r1, r2, r3, host-b)')
    .option('--json', 'as JSON, which is what it prints anyway')
    .action((options: { lab?: string }) => {
      process.stdout.write(JSON.stringify(topologyDocument(readLabTopology(options.lab)), null, 2) + '\n');
    });
  lab
    .command('down')
    .description('stop the lab of this data directory, or clean up what a crash left')
    .option('--prefix <text>', 'of the namespaces', namespacePrefix, DEFAULT_PREFIX)
    .option('--json', 'as JSON')
    .action(async (options: { prefix: string; json?: boolean }) => {
      const folder = labFolder(readDataDir(process.env));
      const running = runningLab(folder);
      if (running) process.kill(running.supervisor.pid, 'SIGTERM');
      else await cleanLab(folder, options.prefix, 'loopback');
      const stopping = running?.supervisor.pid ?? null;
      if (options.json) process.stdout.write(JSON.stringify({ stopping }) + '\n');
      else process.stdout.write(stopping ? `process ${stopping} was asked to stop its lab\n` : 'no lab runs\n');
    });
  lab
    .command('status')
    .description('what runs in the lab of this data directory')
    .option('--json', 'as JSON')
    .action((options: { json?: boolean }) => {
      const running = runningLab(labFolder(readDataDir(process.env)));
      if (options.json) process.stdout.write(JSON.stringify(running) + '\n');
      else if (!running) process.stdout.write('no lab runs\n');
      else {
        for (const one of running.processes) process.stdout.write(`${one.node}\tprocess ${one.pid}\n`);
      }
    });
  lab
    .command('exec')
    .description('run a command on a host of the lab')
    .argument('<host>')
    .argument('<command...>')
    .passThroughOptions()
    .action(async (host: string, command: string[]) => {
      const running = runningLab(labFolder(readDataDir(process.env)));
      if (!running) throw new RefusalError('no lab runs in this data directory');
      if (!running.nodes.includes(host)) {
        throw new UsageError(`"${host}" is no host of the lab; hosts are ${running.nodes.join(', ')}`);
      }
      if (running.mode !== 'kernel') throw new RefusalError('the loopback lab has no hosts to run a command on');
      const child = spawn('ip', ['netns', 'exec', namespaceOf(running.prefix, host), ...command], { stdio: 'inherit' });
      process.exitCode = await new Promise<number>((done, fail) => {
        child.on('error', fail);
        child.on('exit', (code, signal) => done(code ?? (signal ? 1 : 0)));
      });
    });
}

export const labFolder = (dataDir: string): string => resolve(dataDir, 'lab');

/** @throws UsageError naming file, field and value. */
export function readLabTopology(file: string | undefined): Topology {
  const document = file === undefined ? { ok: true as const, value: DEFAULT_LAB } : parseYaml(readTextFile(file));
  if (!document.ok) throw new UsageError(`${file}: ${syntaxProblemText(document.error)}`);
  const topology = parseTopology(document.value);
  if (topology.ok) return topology.value;
  const [first, ...rest] = topology.error;
  const more = rest.length > 0 ? ` (and ${rest.length} more)` : '';
  throw new UsageError(`${file ?? 'default lab'}: ${first ? documentLine(first) : ''}${more}`);
}

/** The kernel lab where it can run, else the loopback lab with a line that says why and what to install. */
export async function openLab(options: {
  topology: Topology;
  dataDir: string;
  server: string;
  prefix: string;
  refreshPeriodMs: number;
  loopback: boolean;
}): Promise<Lab> {
  const reason = options.loopback ? 'asked for' : await whyNoKernelLab();
  if (reason !== null) {
    process.stderr.write(`Loopback lab: nothing is enforced in the kernel (${reason}).\n`);
  }
  return startLab({
    topology: options.topology,
    mode: reason === null ? 'kernel' : 'loopback',
    prefix: options.prefix,
    folder: labFolder(options.dataDir),
    program: process.argv[1]!,
    server: options.server,
    refreshPeriodMs: options.refreshPeriodMs,
  });
}
