import { existsSync, readFileSync } from 'node:fs';
import { ok, type Result } from '../core/base/result.ts';
import type { DesiredShaping, ShapedInterface, SteeredFlow } from '../core/shaping/desired.ts';
import { NO_RULES, type ForeignRuleset } from '../core/shaping/foreign/ruleset.ts';
import { TABLE } from '../core/shaping/nft.ts';
import type { Disturbance } from '../core/shaping/disturbance.ts';
import type { SteeringNumbers } from '../core/shaping/steering.ts';
import { STEERING_TABLE } from '../core/shaping/steering-nft.ts';
import type { IpPrefix } from '../core/base/ip.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { AgentConfig } from './config.ts';
import type { FlowInstaller } from './enforcement.ts';
import type { FlowMarker } from './steering.ts';
import { labNetwork, readLabNode } from './lab-node.ts';
import { loadLibc, type Libc } from './libc.ts';
import { openHostNetwork, type HostNetwork } from './netlink/host-network.ts';
import { listenToKernel, type KernelNotice, type KernelNotices } from './netlink/kernel-notices.ts';
import { Poller } from './poller.ts';
import { openLoopbackTransport } from './socket/loopback.ts';
import { openTransport } from './socket/open.ts';
import type { PacketInput, RsvpTransport } from './socket/transport.ts';

interface Problem {
  readonly detail: string;
}

/** What a full comparison left undone: nothing is said where there is no kernel. */
export interface Comparison {
  readonly problems: readonly { readonly key: string; readonly problem: Problem }[];
  /** What others have taken away or changed; all of it is mended unless it is among the problems. */
  readonly disturbances: readonly Disturbance[];
}

/** The kernel's traffic control as the agent uses it. */
export interface TrafficControl extends FlowInstaller, FlowMarker {
  setInterfaces(interfaces: readonly ShapedInterface[]): Promise<Result<unknown, Problem>>;
  reconcile(desired: DesiredShaping): Promise<Result<Comparison | undefined, Problem>>;
  /** Says what `reconcile` would find, and changes nothing. */
  inspect(desired: DesiredShaping): Promise<Result<Comparison | undefined, Problem>>;
  /** Marks get other bits, in one transaction for all flows that have one. */
  renumber(renumbering: {
    readonly numbers: SteeringNumbers;
    readonly flows: readonly SteeredFlow[];
  }): Promise<Result<void, Problem>>;
  /** What others have in nftables. */
  foreign(): Promise<Result<ForeignRuleset, Problem>>;
  /** The classifier as the kernel shows it: element → number of its class. */
  elements(): Promise<Result<ReadonlyMap<string, number>, Problem>>;
  /** Ports of the netlink sockets by which everything asked for until now has reached the kernel. */
  ports(): Promise<readonly number[]>;
  stats(): Promise<unknown>;
}

/** What an agent stands on: the network's state, a way to send RSVP, and a kernel that enforces, or does not. */
export interface Platform {
  readonly network: HostNetwork;
  readonly transport: RsvpTransport;
  readonly kernel: TrafficControl;
  /** Counters of what the kernel tells; null where it tells nothing. */
  readonly notices: Pick<KernelNotices, 'counters'> | null;
  readonly features: { readonly enforces: boolean; readonly rsvpTransport: string; readonly notes: string[] };
  /** Why single flows cannot be kept off their routed way here; null = they can. */
  readonly steeringProblem: string | null;
  close(options: { remove: boolean }): Promise<void>;
}

/** @throws Error with a sentence for people where this host cannot carry an agent. */
export async function openPlatform(options: {
  config: AgentConfig;
  /** Bits of marks and routing tables at the start; the tables stay. */
  numbers: SteeringNumbers;
  log: Logger;
  /** Of the topology, as far as they are known. */
  subnets: readonly IpPrefix[];
  onPacket: (packet: PacketInput) => void;
  onNetworkChange: () => void;
  /** Something in the kernel that may be ours was changed, by whomever. */
  onKernelNotice: (notice: KernelNotice) => void;
  /** Names of the interfaces that are shaped now. */
  shaped: () => ReadonlySet<string>;
  /** What the kernel should hold now. */
  desired: () => DesiredShaping;
}): Promise<Platform> {
  return options.config.labNodeFile === null
    ? openKernelPlatform(options)
    : openLoopbackPlatform(options.config.labNodeFile, options.onPacket);
}

async function openKernelPlatform(options: {
  config: AgentConfig;
  /** Bits of marks and routing tables at the start; the tables stay. */
  numbers: SteeringNumbers;
  log: Logger;
  /** Of the topology, as far as they are known. */
  subnets: readonly IpPrefix[];
  onPacket: (packet: PacketInput) => void;
  onNetworkChange: () => void;
  onKernelNotice: (notice: KernelNotice) => void;
  shaped: () => ReadonlySet<string>;
  desired: () => DesiredShaping;
}): Promise<Platform> {
  const libc = await loadLibc();
  const poller = new Poller(libc);
  let transport: RsvpTransport | null = null;
  let notices: KernelNotices | null = null;
  const network = openHostNetwork({
    libc,
    poller,
    numbers: options.numbers,
    subnets: options.subnets,
    changed: () => {
      transport?.networkChanged?.();
      options.onNetworkChange();
    },
  });
  try {
    const opened = openTransport({
      choice: options.config.transport,
      libc,
      poller,
      network,
      forwards: forwards(),
      udpInterfaces: options.config.udpInterfaces,
      onPacket: options.onPacket,
    });
    transport = opened.transport;
    const kernel = await openKernelPart(options);
    const { tc, nft, htb, classifier, steering, missing } = kernel.features();
    const notes = [...opened.notes, ...missing];
    notices = listenOrNote({ ...options, libc, poller, network }, notes);
    const enforces = tc && nft !== 'missing' && htb !== false && classifier !== false;
    return {
      network,
      transport: opened.transport,
      kernel,
      notices,
      features: { enforces, rsvpTransport: opened.transport.kind, notes },
      steeringProblem:
        nft !== 'missing' && tc && steering !== false ? null : missing.join('; ') || 'the kernel has no marks or rules',
      async close({ remove }) {
        await poller.close();
        notices?.close();
        await opened.transport.close();
        await network.close();
        await kernel.close({ remove });
      },
    };
  } catch (error) {
    // What still waits would keep a process alive that cannot serve.
    await poller.close();
    notices?.close();
    await transport?.close();
    await network.close();
    throw error;
  }
}

/** Without notifications what others take away is put back by the comparison that runs now and then. */
function listenOrNote(
  options: {
    libc: Libc;
    poller: Poller;
    network: HostNetwork;
    onKernelNotice: (notice: KernelNotice) => void;
    shaped: () => ReadonlySet<string>;
  },
  notes: string[],
): KernelNotices | null {
  const { libc, poller, network, onKernelNotice: noticed, shaped } = options;
  const interfaces = (): ReadonlySet<number> => {
    const names = shaped();
    return new Set(network.interfaces().flatMap(({ index, name }) => (names.has(name) ? [index] : [])));
  };
  try {
    return listenToKernel({ libc, poller, tables: new Set([TABLE, STEERING_TABLE]), interfaces, noticed });
  } catch (error) {
    notes.push(
      `the kernel does not tell of changes by others: ${error instanceof Error ? error.message : String(error)}`,
    );
    return null;
  }
}

async function openKernelPart(options: { numbers: SteeringNumbers; log: Logger; desired: () => DesiredShaping }) {
  const { openKernel } = await import('./kernel/kernel.ts');
  return openKernel({
    steering: options.numbers,
    desired: options.desired,
    onTrouble: (what) => options.log.error({ what }, 'the kernel worker'),
  });
}

async function openLoopbackPlatform(file: string, onPacket: (packet: PacketInput) => void): Promise<Platform> {
  const node = readLabNode(file);
  const network = labNetwork(node);
  const transport = await openLoopbackTransport({ node, network, onPacket });
  const done = (): Promise<Result<undefined, Problem>> => Promise.resolve(ok(undefined));
  return {
    network,
    transport,
    kernel: {
      install: done,
      remove: done,
      steer: done,
      unsteer: done,
      setInterfaces: done,
      reconcile: done,
      inspect: done,
      renumber: done,
      foreign: () => Promise.resolve(ok(NO_RULES)),
      elements: () => Promise.resolve(ok(new Map<string, number>())),
      ports: () => Promise.resolve([]),
      stats: () => Promise.resolve(null),
    },
    notices: null,
    features: {
      enforces: false,
      rsvpTransport: transport.kind,
      notes: ['loopback lab: nothing is enforced in the kernel'],
    },
    steeringProblem: 'loopback lab: no kernel routes its packets',
    close: () => transport.close(),
  };
}

/** Whether the node is a router at the agent's start. */
function forwards(): boolean {
  const file = '/proc/sys/net/ipv4/ip_forward';
  return existsSync(file) && readFileSync(file, 'utf8').trim() === '1';
}
