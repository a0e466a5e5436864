import { Option, type Command } from 'commander';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { registerAgentQueries, registerAgentTrust } from '../cli/agent.ts';
import { UsageError } from '../cli/errors.ts';
import type { TransportChoice } from '../agent/socket/open.ts';
import { DEFAULT_STEERING, steeringProblem } from '../core/shaping/steering.ts';
import { agentSocketPath } from '../rpc/agent-socket.ts';
import { createLoggers } from '../telemetry/logger.ts';
import { readDataDir, readLog, refuseUnknown } from './config.ts';
import { recordMegabytes, refreshPeriod, wholeNumber } from './options.ts';
import { readRsvpConfig } from './rsvp-config-file.ts';
import { untilStopped } from './signals.ts';

interface Options {
  readonly node?: string;
  readonly server?: string;
  readonly stateDir?: string;
  readonly refreshPeriodMs: number;
  readonly labNode?: string;
  readonly removeOnExit?: boolean;
  readonly rsvpTransport: TransportChoice;
  readonly rsvpUdpInterface?: readonly string[];
  readonly markMask?: number;
  readonly firstTable: number;
  readonly record?: string;
  readonly recordMegabytes: number;
  readonly rsvpConfig?: string;
  readonly enrol?: string;
}

/** `headroom agent`: one on each host and Linux router. */
export function registerAgent(program: Command): void {
  const agent = program
    .command('agent')
    .description('run the agent of this host: RSVP on the wire, traffic control in the kernel; or ask about agents')
    .option('--node <name>', 'the node of the topology that this host is')
    .option('--server <target>', 'unix:/path/agent.sock or host:port (default: the socket in the data directory)')
    .addOption(
      new Option(
        '--enrol <where>',
        'read the one-time token from standard input ("-"); else from HEADROOM_ENROL_TOKEN',
      ).choices(['-']),
    )
    .option('--state-dir <folder>', 'where the journal lives (default: agents/<node> in the data directory)')
    .option('--refresh-period-ms <ms>', 'how often RSVP state is refreshed', refreshPeriod, 30_000)
    .option('--lab-node <file>', 'speak RSVP over UDP ports of 127.0.0.1 as this file says; nothing is enforced')
    .option('--remove-on-exit', 'take queues and tables away at an orderly stop, as a plain router has none')
    .addOption(
      new Option('--rsvp-transport <kind>', 'raw sockets, or UDP (RFC 2205 appendix C) on a host without them')
        .choices(['auto', 'raw', 'udp'])
        .default('auto'),
    )
    .option('--rsvp-udp-interface <name...>', 'where hosts have only UDP, and none of them sends so that it shows')
    .option(
      '--mark-mask <bits>',
      'the bits of packet marks that are ours, for flows that are kept off their routed way (default: bits that no rule names)',
      wholeNumber,
    )
    .option(
      '--first-table <n>',
      'the routing tables after this number are ours, one for each value of the mark',
      wholeNumber,
      DEFAULT_STEERING.firstTable,
    )
    .option('--record <file>', 'write down all that the RSVP engine gets and does, for "headroom rsvp replay"')
    .option('--record-megabytes <n>', 'where a recording ends', recordMegabytes, 256)
    .option(
      '--rsvp-config <file>',
      'what is agreed with RSVP neighbours: keys, Hello, limits (docs/rsvp-neighbours.md)',
    )
    .action(async (options: Options) => {
      refuseUnknown(process.env);
      const { node } = options;
      if (node === undefined) throw new UsageError('--node is missing: which node of the topology is this host?');
      const { markMask = null, firstTable } = options;
      const steering = { mask: markMask ?? DEFAULT_STEERING.mask, firstTable };
      const problem = steeringProblem(steering);
      if (problem !== null) throw new UsageError(`--mark-mask, --first-table: ${problem}`);
      const dataDir = readDataDir(process.env);
      const server = options.server ?? `unix:${agentSocketPath(dataDir).path}`;
      const targetProblem = serverTargetProblem(server);
      if (targetProblem !== null) throw new UsageError(`--server: ${targetProblem}`);
      const enrolToken = await readEnrolToken(options.enrol === '-');
      const rsvp = readRsvpConfig(options.rsvpConfig);
      const loggers = createLoggers(readLog(process.env));
      const stop = new AbortController();
      const stopped = untilStopped().then(() => stop.abort());
      // Loaded here: the command line does without foreign-function calls.
      const { Agent } = await import('../agent/agent.ts');
      const running = await Agent.start(
        {
          node,
          server,
          enrolToken,
          stateDir: options.stateDir ?? resolve(dataDir, 'agents', node),
          refreshPeriodMs: options.refreshPeriodMs,
          rsvp,
          labNodeFile: options.labNode ?? null,
          removeOnExit: options.removeOnExit ?? false,
          transport: options.rsvpTransport,
          udpInterfaces: options.rsvpUdpInterface ?? [],
          ...{ markMask, firstTable },
          record:
            options.record === undefined
              ? null
              : { file: resolve(options.record), maxBytes: options.recordMegabytes * 1_000_000 },
        },
        loggers,
        stop.signal,
      ).catch((error: unknown) => {
        // Asked to stop while it waited for its server: nothing has gone wrong.
        if (stop.signal.aborted) return null;
        throw error;
      });
      if (!running) return;
      await stopped;
      await running.stop();
    });
  registerAgentQueries(agent);
  registerAgentTrust(agent);
}

/** Why it is no place where a server listens; null = it can be one. */
function serverTargetProblem(target: string): string | null {
  if (target.startsWith('unix:')) return target.length > 'unix:'.length ? null : 'unix: needs a path';
  return /^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):\d{1,5}$/.test(target)
    ? null
    : `"${target}" is neither unix:/path/agent.sock nor HOST:PORT`;
}

/** Taken out of the environment, so that no program started from here sees it. @throws UsageError where nothing comes */
async function readEnrolToken(fromStandardInput: boolean): Promise<string | null> {
  const fromEnvironment = process.env['HEADROOM_ENROL_TOKEN'];
  delete process.env['HEADROOM_ENROL_TOKEN'];
  if (!fromStandardInput) return fromEnvironment ? fromEnvironment.trim() : null;
  for await (const line of createInterface({ input: process.stdin })) if (line.trim() !== '') return line.trim();
  throw new UsageError('--enrol -: no token came on standard input');
}
