import { create } from '@bufbuild/protobuf';
import { randomBytes, randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Result } from '../core/base/result.ts';
import { seededRandom } from '../core/base/random.ts';
import { Bytes, EpochMs, Millis, MonotonicMs } from '../core/base/units.ts';
import type { Assignment } from '../core/reservation/assignment.ts';
import { createEngine } from '../core/rsvp/engine/engine.ts';
import type { EngineSettings } from '../core/rsvp/engine/types.ts';
import { neighbourLimit } from '../core/shaping/steering.ts';
import type { DesiredShaping } from '../core/shaping/desired.ts';
import {
  AgentHelloSchema,
  GenerationSchema,
  type AgentHello,
  type AssignmentsUpdate,
  type Generation,
  type ServerMessage,
} from '../gen/headroom/v1/agent_channel_pb.ts';
import { assignmentFromMessage } from '../rpc/assignment.ts';
import type { Loggers } from '../telemetry/logger.ts';
import { Assignments } from './assignments.ts';
import { openChannel, type Channel } from './channel.ts';
import type { AgentConfig } from './config.ts';
import { Enforcement } from './enforcement.ts';
import { flowKeyOf, flowspecOf } from './flow-key.ts';
import { hmac } from './hmac.ts';
import { engineInterfaces, interfaceMessages, routeMessages, shapedInterfaces } from './host-report.ts';
import { settingsFromMessage, type InterfaceSettings } from './interface-settings.ts';
import { Journal } from './journal.ts';
import { NumberBook } from './number-book.ts';
import { openPlatform, type Platform } from './platform.ts';
import { lockFolder } from './process-lock.ts';
import { Recording } from './recording.ts';
import { Reports } from './reports.ts';
import { packetFromJournal, packetToJournal } from './remembered-packet.ts';
import { ServerClock } from './server-clock.ts';
import { shapedFlow } from './shaped-flow.ts';
import { SignalReporter } from './signal-reporter.ts';
import { Signalling } from './signalling.ts';
import { Steering } from './steering.ts';
import type { PacketInput } from './socket/transport.ts';
import { TermChanges } from './term-changes.ts';
import { MessageTrace } from './message-trace.ts';
import { AGENT_VERSION } from './version.ts';

const MAX_FLOWS = 200_000;
/** RSVP nodes on all links that are remembered. */
const MAX_NEIGHBOURS = 4_096;
const SECRET_BYTES = 32;
/** How often the engine is told the wall clock, by which keys begin and end. */
const WALL_CLOCK_MS = 60_000;
/** Lifetime of state in refresh periods: (K + 0.5) · 1.5 with K = 3 (RFC 2205 3.7), and some for the route change timer. */
const LIFETIME_PERIODS = 6;
/** Packets kept while the journal is played back; those beyond are lost, as packets may be. */
const MAX_EARLY_PACKETS = 10_000;
/** RFC 2205 appendix B. */
const TRAFFIC_CONTROL_SYSTEM_ERROR = 22;
/** How often the kernel is compared with what it should hold. */
const RECONCILE_MS = 60_000;

/** One node's agent: holds what the server assigned, signals it, has the kernel enforce it, server or no server. */
export class Agent {
  readonly #config: AgentConfig;
  readonly #log: ReturnType<Loggers>;
  readonly #journal: Journal;
  readonly #unlock: () => void;
  readonly #recording: Recording | null;
  readonly #platform: Platform;
  readonly #assignments = new Assignments();
  readonly #classes: NumberBook;
  readonly #steering: Steering;
  readonly #changes: TermChanges;
  readonly #clock = new ServerClock(monotonic, EpochMs(Date.now()));
  readonly #reports: Reports;
  readonly #reporter: SignalReporter;
  readonly #enforcement: Enforcement;
  readonly #signalling: Signalling;
  #interfaces: readonly InterfaceSettings[] = [];
  #shaped: ReadonlySet<string> = new Set();
  #channel: Channel | null = null;
  #windowTimer: NodeJS.Timeout | null = null;
  #heartbeat: NodeJS.Timeout | null = null;
  readonly #reconcileTimer: NodeJS.Timeout;
  readonly #wallClockTimer: NodeJS.Timeout;
  /** Journal keys of RSVP state that was played back and has not proved itself yet. */
  readonly #unconfirmed = new Set<string>();
  #pruneTimer: NodeJS.Timeout | null = null;
  #messageTrace: MessageTrace | null = null;
  /** What came before the journal was played back; null from then on. */
  #early: PacketInput[] | null = [];

  /** @throws Error with a sentence for people where the node cannot be served (state folder in use, no raw socket). */
  static async start(config: AgentConfig, loggers: Loggers): Promise<Agent> {
    const unlock = lockFolder(config.stateDir);
    let agent: Agent | null = null;
    let recording: Recording | null = null;
    try {
      const { node, record } = config;
      const settings = engineSettings(config);
      if (record) recording = await Recording.open({ ...record, node, settings });
      const journal = new Journal(join(config.stateDir, 'journal'));
      const platform = await openPlatform({
        config,
        log: loggers('agent'),
        onPacket: (packet) => {
          if (agent) agent.#packet(packet);
        },
        onNetworkChange: () => {
          if (agent) agent.#networkChanged();
        },
        desired: () => (agent ? agent.#desired() : { interfaces: [], flows: [] }),
      });
      agent = new Agent(config, settings, loggers, journal, platform, unlock, recording);
      await agent.#restore();
      agent.#openChannel();
      return agent;
    } catch (error) {
      if (agent) await agent.stop();
      else {
        unlock();
        await recording?.close();
      }
      throw error;
    }
  }

  private constructor(
    config: AgentConfig,
    settings: EngineSettings,
    loggers: Loggers,
    journal: Journal,
    platform: Platform,
    unlock: () => void,
    recording: Recording | null,
  ) {
    this.#config = config;
    this.#recording = recording;
    this.#log = loggers('agent');
    this.#journal = journal;
    this.#platform = platform;
    this.#unlock = unlock;
    this.#classes = new NumberBook(journal, 'class/');
    this.#changes = new TermChanges(journal);
    this.#reports = new Reports(() => this.#channel);
    this.#reporter = new SignalReporter(this.#assignments, this.#changes, this.#reports, this.#log);
    this.#steering = new Steering({
      numbers: config.steering,
      book: new NumberBook(journal, 'neighbour/', { first: 1, last: neighbourLimit(config.steering) }),
      network: platform.network,
      kernel: platform.kernel,
      problem: platform.steeringProblem,
      changed: () => this.#signalling.input({ type: 'routesChanged' }),
      log: (problem) => this.#log.error({ problem }, 'steering'),
    });
    this.#enforcement = new Enforcement({
      assignments: this.#assignments,
      kernel: platform.kernel,
      classMinor: (key) => this.#classes.allocate(key),
      freeClass: (key) => this.#classes.free(key),
      overhead: (name) => this.#overhead(name),
      mostFor: (assignment) => this.#changes.mostFor(assignment),
      answer: (input) => this.#signalling.input(input),
      steered: (assignment) => this.#steering.hold(assignment),
      refused: (assignment, code, value, detail) =>
        this.#reporter.refused(assignment, code, value, this.#config.node, detail),
    });
    this.#signalling = new Signalling({
      engine: recording ? recording.of(createEngine(settings, hmac)) : createEngine(settings, hmac),
      transport: () => platform.transport,
      ways: {
        markOf: (flow) => this.#steering.markOf(flow),
        way: (flow, via) => this.#steering.way(flow, via, (route) => this.#reporter.strays(flow, route)),
      },
      now: monotonic,
      handlers: {
        install: (request) => this.#enforcement.install(request),
        remove: (request) => void this.#enforcement.remove(request),
        event: (event) => {
          if (event.type === 'pathUp') this.#steering.pathUp(event.flow);
          else if (event.type === 'pathDown') this.#steering.pathDown(event.flow);
          this.#reporter.event(event);
        },
        remember: (key, input) => {
          this.#unconfirmed.delete(`rsvp/${key}`);
          journal.put(`rsvp/${key}`, packetToJournal(input));
        },
        forget: (key) => journal.delete(`rsvp/${key}`),
        sendFailed: (problem) => this.#log.debug({ problem }, 'an RSVP message was not sent'),
      },
    });
    this.#reconcileTimer = setInterval(() => void this.#reconcile(), RECONCILE_MS);
    this.#wallClockTimer = setInterval(() => this.#tellWallClock(), WALL_CLOCK_MS);
  }

  /** Leaves the kernel as it is, so that a restart cuts no flow; with `removeOnExit` it takes everything of ours away. */
  async stop(): Promise<void> {
    clearInterval(this.#reconcileTimer);
    clearInterval(this.#wallClockTimer);
    if (this.#pruneTimer) clearTimeout(this.#pruneTimer);
    if (this.#windowTimer) clearTimeout(this.#windowTimer);
    if (this.#heartbeat) clearInterval(this.#heartbeat);
    this.#messageTrace?.close();
    this.#channel?.close();
    this.#signalling.close();
    this.#enforcement.close();
    this.#steering.close();
    if (this.#config.removeOnExit) this.#steering.removeRoutes();
    await this.#platform.close({ remove: this.#config.removeOnExit });
    await this.#journal.close();
    await this.#recording?.close();
    this.#unlock();
  }

  /** Brings back what the journal holds: assignments, the kernel's classes untouched, then RSVP state, then the windows. */
  async #restore(): Promise<void> {
    this.#interfaces = [...this.#journal.entries('interface/')].map(([, value]) => value as InterfaceSettings);
    for (const [, value] of this.#journal.entries('assignment/'))
      this.#assignments.put({ ...ROUTED, ...(value as Assignment) });
    const { opened } = this.#assignments.advance(this.#clock.now());
    this.#tellWallClock();
    this.#signalling.input({ type: 'interfaces', interfaces: this.#engineInterfaces() });
    for (const assignment of opened) void this.#steering.hold(assignment);
    this.#steering.forgetUnused();
    await this.#reconcile();
    // The engine remembers again what still makes state; what it has not by the end of a lifetime never will.
    for (const [key, value] of this.#journal.entries('rsvp/')) {
      const packet = packetFromJournal(value);
      this.#unconfirmed.add(key);
      if (packet) this.#signalling.input(packet);
    }
    // A neighbour may ask for other terms by now, of which this node hears later: what was installed must stand by then, or the
    // refusal of the one would be the end of the other.
    await this.#enforcement.settled();
    const early = this.#early ?? [];
    this.#early = null;
    for (const packet of early) this.#signalling.input(packet);
    this.#pruneTimer = setTimeout(() => {
      for (const key of this.#unconfirmed) this.#journal.delete(key);
      this.#unconfirmed.clear();
    }, LIFETIME_PERIODS * this.#config.refreshPeriodMs);
    for (const assignment of opened) this.#open(assignment);
    this.#armWindows();
  }

  /** A RESV that overtakes the PATH state it belongs to would be answered with an error, and that ends a reservation. */
  #packet(packet: PacketInput): void {
    if (this.#early === null) this.#signalling.input(packet);
    else if (this.#early.length < MAX_EARLY_PACKETS) this.#early.push(packet);
  }

  #openChannel(): void {
    this.#channel = openChannel({
      target: this.#config.server,
      hello: () => this.#hello(),
      onMessage: (message) => this.#message(message),
      onDown: () => {
        if (this.#heartbeat) clearInterval(this.#heartbeat);
        this.#heartbeat = null;
        this.#trace(false);
      },
      random: Math.random,
      log: this.#log,
    });
  }

  #hello(): AgentHello {
    const { network, features } = this.#platform;
    return create(AgentHelloSchema, {
      node: this.#config.node,
      hostName: hostname(),
      bootId: bootId(),
      version: AGENT_VERSION,
      interfaces: interfaceMessages(network.interfaces()),
      routes: routeMessages(network.routes()),
      features: {
        ...features,
        steers: this.#platform.steeringProblem === null,
        steeringProblem: this.#platform.steeringProblem ?? '',
        refreshPeriodMs: this.#config.refreshPeriodMs,
      },
      generation: this.#generation(),
      held: [...this.#assignments.all()].map((a) => this.#reports.held(a.reservationId, a.revision)),
      processId: process.pid,
    });
  }

  #generation(): Generation {
    const stored = this.#journal.get('generation') as { epoch: string; counter: string } | undefined;
    return create(GenerationSchema, { epoch: stored?.epoch ?? '', counter: BigInt(stored?.counter ?? 0) });
  }

  #message({ message }: ServerMessage): void {
    switch (message.case) {
      case 'welcome': {
        const welcome = message.value;
        this.#clock.heard(EpochMs(Number(welcome.serverTimeMs)));
        this.#setInterfaces(welcome.interfaces.map(settingsFromMessage));
        this.#heartbeat ??= setInterval(() => this.#beat(), welcome.heartbeatIntervalMs || 10_000);
        this.#beat();
        this.#reports.repeat();
        return;
      }
      case 'assignments':
        return this.#update(message.value);
      case 'rsvpState':
        void this.#state().then((json) =>
          this.#channel?.send({
            case: 'rsvpState',
            value: { $typeName: 'headroom.v1.RsvpStateReply', queryId: message.value.queryId, json },
          }),
        );
        return;
      case 'rsvpTrace':
        return this.#trace(message.value.on);
      case 'refusal':
        this.#log.error({ code: message.value.code, detail: message.value.detail }, 'the server refused this agent');
        return;
      case undefined:
        return;
    }
  }

  #beat(): void {
    this.#channel?.send({
      case: 'heartbeat',
      value: { $typeName: 'headroom.v1.Heartbeat', memoryBytes: BigInt(process.memoryUsage.rss()) },
    });
  }

  /** Removals first: a release is carried out before the booking that uses its room. */
  #update(update: AssignmentsUpdate): void {
    if (update.serverTimeMs > 0n) this.#clock.heard(EpochMs(Number(update.serverTimeMs)));
    if (update.interfaces.length > 0) this.#setInterfaces(update.interfaces.map(settingsFromMessage));
    const removals = new Set(update.removals);
    if (update.full) {
      const stays = new Set([
        ...update.keep.map((k) => k.reservationId),
        ...update.upserts.map((u) => u.reservationId),
      ]);
      for (const a of this.#assignments.all()) if (!stays.has(a.reservationId)) removals.add(a.reservationId);
    }
    for (const id of removals) this.#remove(id);
    const changes: [before: Assignment, after: Assignment][] = [];
    for (const message of update.upserts) {
      const assignment = assignmentFromMessage(message);
      if (!assignment.ok) {
        this.#log.error({ reservationId: message.reservationId, problem: assignment.error }, 'assignment refused');
        continue;
      }
      const known = this.#assignments.get(assignment.value.reservationId);
      if (known?.revision === assignment.value.revision) continue;
      this.#journal.put(`assignment/${assignment.value.reservationId}`, assignment.value);
      this.#reporter.assigned(assignment.value);
      const before = this.#assignments.change(assignment.value);
      if (before) {
        changes.push([before, assignment.value]);
        continue;
      }
      const replaced = this.#assignments.put(assignment.value);
      if (replaced) {
        void this.#steering.release(replaced);
        this.#closeFlow(replaced);
      }
    }
    if (update.generation) {
      this.#journal.put('generation', {
        epoch: update.generation.epoch,
        counter: String(update.generation.counter),
      });
    }
    this.#changeTerms(changes);
    this.#advance();
    const generation = update.generation;
    void this.#journal.flush().then(() => {
      if (generation) {
        this.#channel?.send({ case: 'applied', value: { $typeName: 'headroom.v1.AppliedReport', generation } });
      }
    });
  }

  /** In place: nothing is torn and no class is taken away. What shrinks goes first, since something may grow into it. */
  #changeTerms(changes: [before: Assignment, after: Assignment][]): void {
    const growth = ([before, after]: [Assignment, Assignment]): number =>
      after.bookedBitsPerSecond - before.bookedBitsPerSecond;
    changes.sort((a, b) => growth(a) - growth(b));
    for (const [before, assignment] of changes) {
      this.#changes.begin(before, assignment);
      // One that the kernel refuses is tried again for the RESV that asks for it, and refused then.
      void this.#enforcement.change(assignment).then((made) => {
        if (made.ok) this.#reporter.termsInstalled(assignment);
      });
      this.#signal(assignment);
    }
    if (changes.length > 0) this.#enforcement.opened();
  }

  #remove(id: string): void {
    const assignment = this.#assignments.get(id);
    this.#journal.delete(`assignment/${id}`);
    if (!assignment) {
      this.#reporter.unknownRemoved(id);
      return;
    }
    const wasOpen = this.#assignments.remove(id) !== null;
    this.#reporter.removing(assignment);
    const unsteered = this.#steering.release(assignment);
    void this.#enforcement.withdraw(assignment).then(async () => {
      this.#classes.free(id);
      await unsteered;
      this.#reporter.classGone(assignment);
    });
    if (wasOpen) this.#closeFlow(assignment);
  }

  #advance(): void {
    const { closed, opened } = this.#assignments.advance(this.#clock.now());
    for (const assignment of closed) {
      void this.#enforcement.withdraw(assignment);
      void this.#steering.release(assignment);
      this.#closeFlow(assignment);
    }
    // PATH first: while it travels there is time for the kernel.
    for (const assignment of opened) this.#open(assignment);
    for (const assignment of opened) this.#enforcement.prepare(assignment);
    if (opened.length > 0) this.#enforcement.opened();
    this.#armWindows();
  }

  #open(assignment: Assignment): void {
    const flow = flowKeyOf(assignment.flow);
    this.#reporter.opened(assignment);
    const steered = this.#steering.hold(assignment);
    if (steered) void steered.then((result) => this.#notSteered(assignment, result));
    // RSVP state that an earlier booking of the same flow left on this node.
    this.#signalling.input({ type: 'admissionChanged', flow });
    this.#signal(assignment);
  }

  /** What this host has to ask of RSVP for the assignment; again where its terms are others. */
  #signal(assignment: Assignment): void {
    const flow = flowKeyOf(assignment.flow);
    if (assignment.isReceiver) {
      this.#signalling.input({ type: 'openReceiver', flow, flowspec: flowspecOf(assignment), confirm: true });
    }
    if (assignment.isSender) this.#openSender(assignment, this.#steering.hold(assignment));
  }

  /** PATH of a flow that is kept off its routed way leaves when its packets take the same way. */
  #openSender(assignment: Assignment, steered: ReturnType<Steering['hold']>): void {
    const { reservationId, tspec, explicitRoute, nextHop, pinned } = assignment;
    const open = (): void => {
      this.#signalling.input({
        type: 'openSender',
        flow: flowKeyOf(assignment.flow),
        tspec,
        ...(explicitRoute.length > 0 ? { explicitRoute } : {}),
        ...(nextHop === null ? {} : { recordRoute: true }),
      });
    };
    if (!steered) return open();
    void steered.then((result) => {
      const stands = this.#assignments.get(reservationId) === assignment && this.#assignments.isOpen(reservationId);
      if (stands && (result.ok || !pinned)) open();
    });
  }

  #notSteered(assignment: Assignment, result: Result<void, { readonly detail: string }>): void {
    if (result.ok || !assignment.pinned || this.#assignments.get(assignment.reservationId) !== assignment) return;
    const { reservationId } = assignment;
    this.#log.error({ reservationId, problem: result.error.detail }, 'a pinned flow cannot be steered');
    this.#reporter.refused(assignment, TRAFFIC_CONTROL_SYSTEM_ERROR, 0, this.#config.node, result.error.detail);
  }

  #closeFlow(assignment: Assignment): void {
    const flow = flowKeyOf(assignment.flow);
    if (assignment.isReceiver) this.#signalling.input({ type: 'closeReceiver', flow });
    if (assignment.isSender) this.#signalling.input({ type: 'closeSender', flow });
  }

  #tellWallClock(): void {
    this.#signalling.input({ type: 'clock', wall: EpochMs(Date.now()) });
  }

  #armWindows(): void {
    if (this.#windowTimer) clearTimeout(this.#windowTimer);
    this.#windowTimer = null;
    const next = this.#assignments.nextBoundary();
    if (next === null) return;
    const wait = Math.min(Math.max(next - this.#clock.now(), 0), 2 ** 31 - 1);
    this.#windowTimer = setTimeout(() => this.#advance(), wait);
  }

  #setInterfaces(interfaces: readonly InterfaceSettings[]): void {
    const key = (i: InterfaceSettings): string => `interface/${i.name}`;
    const gone = this.#interfaces.filter((old) => !interfaces.some((i) => i.name === old.name));
    for (const old of gone) this.#journal.delete(key(old));
    for (const one of interfaces) this.#journal.put(key(one), one);
    this.#interfaces = interfaces;
    this.#networkChanged();
  }

  #networkChanged(): void {
    this.#signalling.input({ type: 'interfaces', interfaces: this.#engineInterfaces() });
    // A table of ours that lost its route with its interface, or a rule that somebody has taken away.
    this.#steering.reconcileRoutes();
    this.#signalling.input({ type: 'routesChanged' });
    const shaped = this.#shapedInterfaces();
    const appeared = shaped.some(({ name }) => !this.#shaped.has(name));
    this.#shaped = new Set(shaped.map(({ name }) => name));
    void this.#platform.kernel.setInterfaces(shaped).then((result) => {
      if (!result.ok) this.#log.error({ problem: result.error.detail }, 'an interface cannot be shaped');
      // An interface that is back has none of its classes: those that are due are made again.
      return appeared ? this.#reconcile() : undefined;
    });
    const { network } = this.#platform;
    this.#channel?.send({
      case: 'interfaces',
      value: { $typeName: 'headroom.v1.InterfacesReport', interfaces: interfaceMessages(network.interfaces()) },
    });
    this.#channel?.send({
      case: 'routes',
      value: { $typeName: 'headroom.v1.RoutesReport', routes: routeMessages(network.routes()) },
    });
  }

  #engineInterfaces(): ReturnType<typeof engineInterfaces> {
    return engineInterfaces(this.#platform.network.interfaces(), this.#interfaces);
  }

  #shapedInterfaces(): ReturnType<typeof shapedInterfaces> {
    return shapedInterfaces(this.#platform.network.interfaces(), this.#interfaces);
  }

  #overhead(name: string): Bytes {
    return Bytes(this.#interfaces.find((one) => one.name === name)?.overheadBytes ?? 0);
  }

  /** The server wants to see messages, or does not any more. */
  #trace(on: boolean): void {
    if (on === (this.#messageTrace !== null)) return;
    this.#messageTrace?.close();
    this.#messageTrace = on ? new MessageTrace(() => this.#channel) : null;
    this.#signalling.watch(this.#messageTrace);
  }

  /** What is allocated a class and due now: after a crash exactly these classes are left untouched. */
  #desired(): DesiredShaping {
    const flows = [...this.#classes.held()].flatMap(([key, minor]) => {
      const assignment = this.#assignments.get(key);
      if (!assignment?.outgoingInterface || !this.#assignments.isOpen(key)) return [];
      return [
        shapedFlow(assignment, assignment.outgoingInterface, minor, this.#overhead(assignment.outgoingInterface)),
      ];
    });
    return { interfaces: this.#shapedInterfaces(), flows, steered: this.#steering.desired() };
  }

  async #reconcile(): Promise<void> {
    this.#steering.reconcileRoutes();
    const result = await this.#platform.kernel.reconcile(this.#desired());
    if (!result.ok) {
      this.#log.error({ problem: result.error.detail }, 'the kernel cannot be compared');
      return;
    }
    for (const { key, problem } of result.value?.problems ?? []) {
      this.#log.error({ key, problem: problem.detail }, 'not enforced in the kernel');
    }
  }

  async #state(): Promise<string> {
    return JSON.stringify(
      {
        node: this.#config.node,
        engine: this.#signalling.snapshot(),
        transport: { kind: this.#platform.transport.kind, dropped: this.#platform.transport.dropped },
        kernel: await this.#platform.kernel.stats(),
        recording: this.#recording?.state() ?? null,
        watched: this.#messageTrace !== null,
      },
      (_, value: unknown) => (typeof value === 'number' && !Number.isFinite(value) ? String(value) : value),
    );
  }
}

/** What a journal does not say that was written before there was steering. */
const ROUTED = { nextHop: null, pinned: false, explicitRoute: [] } as const;

const engineSettings = ({ node, refreshPeriodMs, rsvp }: AgentConfig): EngineSettings => ({
  refreshPeriod: Millis(refreshPeriodMs),
  seed: seedOf(node),
  maxFlows: MAX_FLOWS,
  neighbours: {
    instance: randomInt(1, 2 ** 32),
    refreshReduction: rsvp.refreshReduction,
    policies: rsvp.policies,
    secret: new Uint8Array(randomBytes(SECRET_BYTES)),
    maxFlowsEach: rsvp.maxFlowsPerNeighbour,
    maxNeighbours: MAX_NEIGHBOURS,
  },
});

function monotonic(): MonotonicMs {
  return MonotonicMs(performance.now());
}

const seedOf = (node: string): number =>
  Math.floor(seededRandom([...node].reduce((hash, c) => (hash * 31 + c.charCodeAt(0)) >>> 0, 7))() * 2 ** 32);

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}
