import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, openSync, closeSync } from 'node:fs';
import { join } from 'node:path';
import type { Topology } from '../core/network/topology.ts';
import { available } from './commands.ts';
import { writeLoopbackNodes } from './loopback.ts';
import { buildNamespaces, listNamespaces, namespaceOf, removeNamespaces, watchLinks } from './namespaces.ts';
import {
  isAlive,
  processStartTime,
  readLabState,
  removeLabState,
  writeLabState,
  type LabState,
  type ProcessRecord,
} from './state-file.ts';

export const DEFAULT_PREFIX = 'hr-';

export interface LabOptions {
  readonly topology: Topology;
  readonly mode: 'kernel' | 'loopback';
  /** Of the namespaces' names. */
  readonly prefix: string;
  /** State file, agents' state folders and logs live here. */
  readonly folder: string;
  /** The built program, `dist/bin/headroom.js`. */
  readonly program: string;
  /** What the agents connect to. */
  readonly server: string;
  readonly refreshPeriodMs: number;
  /** More options of a node's agent, as on its command line. */
  readonly agentOptions?: (node: string) => readonly string[];
}

/** Several hosts on one machine, each with its own agent process. */
export interface Lab {
  readonly mode: 'kernel' | 'loopback';
  /** An agent's process; for tests that kill one. */
  agent(node: string): ChildProcess | undefined;
  startAgent(node: string): ChildProcess;
  /** Ends the agents and takes everything away. */
  stop(): Promise<void>;
}

/** Why the kernel lab cannot run here, in words that say what to install; null when it can. */
export async function whyNoKernelLab(): Promise<string | null> {
  if (process.platform !== 'linux') return 'network namespaces need Linux';
  const packages = { ip: 'iproute2', tc: 'iproute2', nft: 'nftables' } as const;
  const missing = new Set<string>();
  for (const [program, name] of Object.entries(packages)) if (!(await available(program))) missing.add(name);
  const steps = [
    ...(missing.size > 0 ? [`install ${[...missing].join(' and ')}`] : []),
    ...(process.getuid?.() === 0 ? [] : ['run as root']),
  ];
  return steps.length > 0 ? `${steps.join(' and ')} for the lab with network namespaces` : null;
}

/** @throws Error where another lab of that prefix runs, or the kernel refuses. */
export async function startLab(options: LabOptions): Promise<Lab> {
  const { topology, mode, prefix, folder } = options;
  const stateFile = join(folder, 'lab.json');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  await cleanLab(folder, prefix, mode);

  const processes = new Map<string, ChildProcess>();
  const records: ProcessRecord[] = [];
  const record = (): void =>
    writeLabState(stateFile, {
      mode,
      prefix,
      nodes: topology.nodes.map((node) => node.name),
      supervisor: { pid: process.pid, startTime: processStartTime(process.pid) ?? '' },
      processes: records,
    });
  record();

  let monitors: readonly ChildProcess[] = [];
  let nodeFiles: ReadonlyMap<string, string> = new Map();
  if (mode === 'kernel') {
    try {
      await buildNamespaces(topology, prefix);
    } catch (error) {
      // Some are there already; none was before, as was seen above.
      await removeNamespaces(topology.nodes.map((node) => namespaceOf(prefix, node.name)));
      removeLabState(stateFile);
      throw error;
    }
    monitors = watchLinks(topology, prefix);
    for (const monitor of monitors) addRecord(records, monitor, 'monitor');
  } else {
    nodeFiles = await writeLoopbackNodes(topology, folder);
  }

  const startAgent = (node: string): ChildProcess => {
    const args = [options.program, 'agent', '--node', node, '--server', options.server];
    args.push('--state-dir', join(folder, 'agents', node), '--refresh-period-ms', String(options.refreshPeriodMs));
    const nodeFile = nodeFiles.get(node);
    if (nodeFile !== undefined) args.push('--lab-node', nodeFile);
    args.push(...(options.agentOptions?.(node) ?? []));
    mkdirSync(join(folder, 'logs'), { recursive: true });
    const log = openSync(join(folder, 'logs', `${node}.log`), 'a', 0o600);
    const command = mode === 'kernel' ? 'ip' : process.execPath;
    const inside = mode === 'kernel' ? ['netns', 'exec', namespaceOf(prefix, node), process.execPath] : [];
    const child = spawn(command, [...inside, ...args], { stdio: ['ignore', log, log] });
    closeSync(log);
    child.on('error', () => undefined);
    processes.set(node, child);
    addRecord(records, child, node);
    record();
    return child;
  };
  for (const node of topology.nodes) if (node.agent !== 'none') startAgent(node.name);

  return {
    mode,
    agent: (node) => processes.get(node),
    startAgent,
    async stop() {
      await Promise.all([...monitors, ...processes.values()].map(end));
      if (mode === 'kernel') {
        await removeNamespaces(topology.nodes.map((node) => namespaceOf(prefix, node.name)));
      }
      removeLabState(stateFile);
    },
  };
}

/** Takes away what a lab in this folder left behind. @throws Error when it still runs under another process. */
export async function cleanLab(folder: string, prefix: string, mode: 'kernel' | 'loopback'): Promise<void> {
  const stateFile = join(folder, 'lab.json');
  const left = readLabState(stateFile);
  if (left) {
    if (left.supervisor.pid !== process.pid && isAlive(left.supervisor)) {
      throw new Error(`a lab runs under process ${left.supervisor.pid}: stop that first`);
    }
    await Promise.all(left.processes.map(endRecorded));
    if (left.mode === 'kernel') await removeNamespaces(left.nodes.map((node) => namespaceOf(left.prefix, node)));
    removeLabState(stateFile);
  }
  if (mode !== 'kernel') return;
  const others = await listNamespaces(prefix);
  if (others.length > 0) {
    throw new Error(
      `the network namespaces ${others.join(', ')} exist and are not of this data folder: ` +
        `stop the lab that made them, or remove them with "ip netns delete"`,
    );
  }
}

/** What `headroom lab status` and `lab exec` need of a lab that another process runs; null when none does. */
export function runningLab(folder: string): LabState | null {
  const state = readLabState(join(folder, 'lab.json'));
  return state && isAlive(state.supervisor) ? state : null;
}

function addRecord(records: ProcessRecord[], child: ChildProcess, node: string): void {
  if (child.pid === undefined) return;
  records.push({ pid: child.pid, startTime: processStartTime(child.pid) ?? '', node });
}

/** How long a process may take to end in order before it is killed. */
const END_MS = 5_000;

function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), END_MS);
    child.once('exit', () => {
      clearTimeout(timer);
      resolve();
    });
    child.kill('SIGTERM');
  });
}

/** A process of a crashed predecessor: not our child, so its end has to be looked for. */
async function endRecorded(record: ProcessRecord): Promise<void> {
  if (!isAlive(record)) return;
  const signal = (name: 'SIGTERM' | 'SIGKILL'): void => {
    try {
      process.kill(record.pid, name);
    } catch {
      // Gone in between.
    }
  };
  signal('SIGTERM');
  const started = performance.now();
  while (isAlive(record)) {
    if (performance.now() - started > END_MS) signal('SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
