import { existsSync, readFileSync } from 'node:fs';
import { ok, type Result } from '../core/base/result.ts';
import type { DesiredShaping, ShapedInterface } from '../core/shaping/desired.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { AgentConfig } from './config.ts';
import type { FlowInstaller } from './enforcement.ts';
import type { FlowMarker } from './steering.ts';
import { labNetwork, readLabNode } from './lab-node.ts';
import { loadLibc } from './libc.ts';
import { openHostNetwork, type HostNetwork } from './netlink/host-network.ts';
import { Poller } from './poller.ts';
import { openLoopbackTransport } from './socket/loopback.ts';
import { openTransport } from './socket/open.ts';
import type { PacketInput, RsvpTransport } from './socket/transport.ts';

interface Problem {
  readonly detail: string;
}

/** What a full comparison left undone: nothing is said where there is no kernel. */
interface Comparison {
  readonly problems: readonly { readonly key: string; readonly problem: Problem }[];
}

/** The kernel's traffic control as the agent uses it. */
export interface TrafficControl extends FlowInstaller, FlowMarker {
  setInterfaces(interfaces: readonly ShapedInterface[]): Promise<Result<unknown, Problem>>;
  reconcile(desired: DesiredShaping): Promise<Result<Comparison | undefined, Problem>>;
  stats(): Promise<unknown>;
}

/** What an agent stands on: the network's state, a way to send RSVP, and a kernel that enforces, or does not. */
export interface Platform {
  readonly network: HostNetwork;
  readonly transport: RsvpTransport;
  readonly kernel: TrafficControl;
  readonly features: { readonly enforces: boolean; readonly rsvpTransport: string; readonly notes: string[] };
  /** Why single flows cannot be kept off their routed way here; null = they can. */
  readonly steeringProblem: string | null;
  close(options: { remove: boolean }): Promise<void>;
}

/** @throws Error with a sentence for people where this host cannot carry an agent. */
export async function openPlatform(options: {
  config: AgentConfig;
  log: Logger;
  onPacket: (packet: PacketInput) => void;
  onNetworkChange: () => void;
  /** What the kernel should hold now. */
  desired: () => DesiredShaping;
}): Promise<Platform> {
  return options.config.labNodeFile === null
    ? openKernelPlatform(options)
    : openLoopbackPlatform(options.config.labNodeFile, options.onPacket);
}

async function openKernelPlatform(options: {
  config: AgentConfig;
  log: Logger;
  onPacket: (packet: PacketInput) => void;
  onNetworkChange: () => void;
  desired: () => DesiredShaping;
}): Promise<Platform> {
  const libc = await loadLibc();
  const poller = new Poller(libc);
  let transport: RsvpTransport | null = null;
  const network = openHostNetwork({
    libc,
    poller,
    numbers: options.config.steering,
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
    const enforces = tc && nft !== 'missing' && htb !== false && classifier !== false;
    return {
      network,
      transport: opened.transport,
      kernel,
      features: { enforces, rsvpTransport: opened.transport.kind, notes: [...opened.notes, ...missing] },
      steeringProblem:
        nft !== 'missing' && tc && steering !== false ? null : missing.join('; ') || 'the kernel has no marks or rules',
      async close({ remove }) {
        await poller.close();
        await opened.transport.close();
        await network.close();
        await kernel.close({ remove });
      },
    };
  } catch (error) {
    // What still waits would keep a process alive that cannot serve.
    await poller.close();
    await transport?.close();
    await network.close();
    throw error;
  }
}

async function openKernelPart(options: { config: AgentConfig; log: Logger; desired: () => DesiredShaping }) {
  const { openKernel } = await import('./kernel/kernel.ts');
  return openKernel({
    steering: options.config.steering,
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
      stats: () => Promise.resolve(null),
    },
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
