import { create } from '@bufbuild/protobuf';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { parsePrefix, type IpPrefix } from '../core/base/ip.ts';
import { EpochMs } from '../core/base/units.ts';
import {
  AgentHelloSchema,
  GenerationSchema,
  KernelFindingSchema,
  KernelReportSchema,
  type AgentHello,
  type AgentMessage,
  type AssignmentsUpdate,
  type Generation,
  type InterfaceConfig,
  type ServerMessage,
} from '../gen/headroom/v1/agent_channel_pb.ts';
import type { Finding } from '../core/shaping/foreign/finding.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Assignments } from './assignments.ts';
import { openChannel, type Channel } from './channel/channel.ts';
import type { IdentityKeeper } from './channel/identity.ts';
import { Renewal } from './channel/renewal.ts';
import type { AgentConfig } from './config.ts';
import { interfaceMessages, routeMessages } from './host-report.ts';
import { settingsFromMessage, type InterfaceSettings } from './interface-settings.ts';
import type { Journal } from './journal.ts';
import { MessageTrace } from './message-trace.ts';
import type { Platform } from './platform.ts';
import type { Reports } from './reports.ts';
import type { ServerClock } from './server-clock.ts';
import type { Steering } from './steering.ts';
import { ToldRoutes } from './told-routes.ts';
import { AGENT_VERSION } from './version.ts';

const DEFAULT_HEARTBEAT_MS = 10_000;

/** What a server asks of an agent. */
export interface SessionHandlers {
  /** The server serves this agent. */
  accepted(): void;
  /** What the topology says of this node's interfaces. */
  /** A server has said what time it is. */
  timeTold(): void;
  interfaces(settings: readonly InterfaceSettings[]): void;
  /** Resolves when everything of it is on the disk. */
  assignments(update: AssignmentsUpdate): Promise<void>;
  /** What is amiss on this host, a sentence each. */
  problems(): readonly string[];
  /** Rules of others in the kernel that are in the way. */
  findings(): readonly Finding[];
  /** The agent's state as JSON. */
  state(): Promise<string>;
  /** Somebody watches the agent's RSVP messages; null: nobody does any more. */
  watch(trace: MessageTrace | null): void;
}

/** The agent's side of what it and its server say to each other, over one stream after the other. */
export class ServerSession {
  readonly #config: AgentConfig;
  readonly #log: Logger;
  readonly #platform: Platform;
  readonly #journal: Journal;
  readonly #assignments: Assignments;
  readonly #reports: Reports;
  readonly #clock: ServerClock;
  readonly #identity: IdentityKeeper | null;
  readonly #handlers: SessionHandlers;
  #renewal: Renewal | null = null;
  #channel: Channel | null = null;
  #heartbeat: NodeJS.Timeout | null = null;
  #trace: MessageTrace | null = null;
  readonly #steering: Pick<Steering, 'problem'>;
  #toldInterfaces = '';
  readonly #told = new ToldRoutes();
  /** Of routes; a server that says which concern it does. */
  #takesDifferences = false;

  constructor(options: {
    config: AgentConfig;
    log: Logger;
    platform: Platform;
    journal: Journal;
    assignments: Assignments;
    reports: Reports;
    clock: ServerClock;
    steering: Pick<Steering, 'problem'>;
    /** Over TCP; null on a Unix socket. */
    identity: IdentityKeeper | null;
    handlers: SessionHandlers;
  }) {
    this.#config = options.config;
    this.#log = options.log;
    this.#platform = options.platform;
    this.#journal = options.journal;
    this.#assignments = options.assignments;
    this.#reports = options.reports;
    this.#clock = options.clock;
    this.#identity = options.identity;
    this.#steering = options.steering;
    this.#handlers = options.handlers;
  }

  /** null until `open`. */
  get channel(): Channel | null {
    return this.#channel;
  }

  get watched(): boolean {
    return this.#trace !== null;
  }

  /** How many routes, come or gone, servers were told of since the start. */
  get routesTold(): number {
    return this.#told.count;
  }

  open(): void {
    const [target, identity] = [this.#config.server, this.#identity];
    if (identity) {
      this.#renewal = new Renewal({ target, identity, renewed: () => this.#channel?.reopen(), log: this.#log });
    }
    this.#channel = openChannel({
      target,
      identity,
      hello: () => this.#hello(),
      onMessage: (message) => this.#message(message),
      onDown: () => {
        if (this.#heartbeat) clearInterval(this.#heartbeat);
        this.#heartbeat = null;
        this.#watch(false);
      },
      random: Math.random,
      log: this.#log,
    });
  }

  close(): void {
    if (this.#heartbeat) clearInterval(this.#heartbeat);
    this.#trace?.close();
    this.#renewal?.close();
    this.#identity?.close();
    this.#channel?.close();
  }

  /** Interfaces or routes of this host have changed. */
  networkChanged(): void {
    const { network } = this.#platform;
    const interfaces = JSON.stringify(network.interfaces());
    if (interfaces !== this.#toldInterfaces) {
      this.#toldInterfaces = interfaces;
      this.#send({
        case: 'interfaces',
        value: { $typeName: 'headroom.v1.InterfacesReport', interfaces: interfaceMessages(network.interfaces()) },
      });
    }
    const change = this.#told.difference(network.routes());
    if (change === null) return;
    const routes = this.#takesDifferences ? change.added : routeMessages(network.routes());
    const removed = this.#takesDifferences ? change.removed : [];
    this.#send({
      case: 'routes',
      value: { $typeName: 'headroom.v1.RoutesReport', routes, removed, difference: this.#takesDifferences },
    });
  }

  /** What is amiss on this host, rules of others that are in the way, or whether it can steer, is other than before. */
  kernelChanged(): void {
    const value = create(KernelReportSchema, {
      problems: [...this.#handlers.problems()],
      findings: this.#handlers.findings().map((finding) => create(KernelFindingSchema, finding)),
      steeringProblem: this.#steering.problem ?? '',
    });
    this.#send({ case: 'kernel', value });
  }

  #hello(): AgentHello {
    const { network, features } = this.#platform;
    const steeringProblem = this.#steering.problem;
    this.#toldInterfaces = JSON.stringify(network.interfaces());
    return create(AgentHelloSchema, {
      node: this.#config.node,
      hostName: hostname(),
      bootId: bootId(),
      version: AGENT_VERSION,
      interfaces: interfaceMessages(network.interfaces()),
      routes: this.#told.all(network.routes()),
      features: {
        ...features,
        steers: steeringProblem === null,
        steeringProblem: steeringProblem ?? '',
        refreshPeriodMs: this.#config.refreshPeriodMs,
      },
      generation: this.#generation(),
      held: [...this.#assignments.all()].map((a) => this.#reports.held(a)),
      processId: process.pid,
      instanceId: this.#instanceId(),
    });
  }

  /** Random, for the life of the state folder. */
  #instanceId(): string {
    const kept = this.#journal.get('instance');
    if (typeof kept === 'string') return kept;
    const fresh = randomUUID();
    this.#journal.put('instance', fresh);
    return fresh;
  }

  #generation(): Generation {
    const stored = this.#journal.get('generation') as { epoch: string; counter: string } | undefined;
    return create(GenerationSchema, { epoch: stored?.epoch ?? '', counter: BigInt(stored?.counter ?? 0) });
  }

  #message({ message }: ServerMessage): void {
    switch (message.case) {
      case 'welcome': {
        const { serverTimeMs, interfaces, heartbeatIntervalMs, authoritiesPem } = message.value;
        this.#concern(message.value.subnets);
        if (this.#identity && authoritiesPem !== '' && authoritiesPem !== this.#identity.current().authoritiesPem) {
          this.#identity.update({ authoritiesPem });
        }
        this.#handlers.accepted();
        this.#clock.heard(EpochMs(Number(serverTimeMs)));
        this.#handlers.timeTold();
        this.#interfaces(interfaces);
        this.#heartbeat ??= setInterval(() => this.#beat(), heartbeatIntervalMs || DEFAULT_HEARTBEAT_MS);
        this.#beat();
        this.kernelChanged();
        this.#reports.repeat();
        return;
      }
      case 'assignments':
        return this.#update(message.value);
      case 'rsvpState':
        return void this.#answer(message.value.queryId);
      case 'rsvpTrace':
        return this.#watch(message.value.on);
      case 'notice':
        this.#log.warn({ code: message.value.code, detail: message.value.detail }, 'the server tells this agent');
        return;
      case 'refusal':
        // The channel tells it, as one reason of several why there is no connection.
        return;
      case undefined:
        return;
    }
  }

  /** Kept, so that the agent's next start does not have to read what concerns nobody. */
  #concern(subnets: readonly string[]): void {
    this.#takesDifferences = subnets.length > 0;
    if (!this.#takesDifferences || subnets.join() === knownSubnets(this.#journal).join()) return;
    this.#journal.put(SUBNETS, subnets);
    this.#platform.network.concern(subnetsOf(this.#journal));
  }

  #interfaces(interfaces: readonly InterfaceConfig[]): void {
    this.#handlers.interfaces(interfaces.map(settingsFromMessage));
  }

  #update(update: AssignmentsUpdate): void {
    const { serverTimeMs, interfaces, generation } = update;
    if (serverTimeMs > 0n) this.#clock.heard(EpochMs(Number(serverTimeMs)));
    if (interfaces.length > 0) this.#interfaces(interfaces);
    void this.#handlers.assignments(update).then(() => {
      if (generation) this.#send({ case: 'applied', value: { $typeName: 'headroom.v1.AppliedReport', generation } });
    });
  }

  async #answer(queryId: bigint): Promise<void> {
    const json = await this.#handlers.state();
    this.#send({ case: 'rsvpState', value: { $typeName: 'headroom.v1.RsvpStateReply', queryId, json } });
  }

  #beat(): void {
    this.#send({
      case: 'heartbeat',
      value: { $typeName: 'headroom.v1.Heartbeat', memoryBytes: BigInt(process.memoryUsage.rss()) },
    });
  }

  #watch(on: boolean): void {
    if (on === this.watched) return;
    this.#trace?.close();
    this.#trace = on ? new MessageTrace(() => this.#channel) : null;
    this.#handlers.watch(this.#trace);
  }

  #send(message: AgentMessage['message']): void {
    this.#channel?.send(message);
  }
}

const SUBNETS = 'subnets';

const knownSubnets = (journal: Journal): readonly string[] => (journal.get(SUBNETS) as string[] | undefined) ?? [];

/** The subnets of the topology as far as a server has told them. */
export const subnetsOf = (journal: Journal): readonly IpPrefix[] =>
  knownSubnets(journal).flatMap((text) => {
    const prefix = parsePrefix(text);
    return prefix.ok ? [prefix.value] : [];
  });

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}
