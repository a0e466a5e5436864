import { randomBytes, randomInt } from 'node:crypto';
import { join } from 'node:path';
import { seededRandom } from '../core/base/random.ts';
import { EpochMs, Millis, MonotonicMs } from '../core/base/units.ts';
import { createEngine } from '../core/rsvp/engine/engine.ts';
import type { EngineSettings } from '../core/rsvp/engine/types.ts';
import { neighbourLimit, type SteeringNumbers } from '../core/shaping/steering.ts';
import type { Loggers } from '../telemetry/logger.ts';
import type { Assignment } from '../core/reservation/assignment.ts';
import type { AssignmentsUpdate } from '../gen/headroom/v1/agent_channel_pb.ts';
import { assignmentFromMessage } from '../rpc/assignment.ts';
import { AssignedWay } from './assigned-way.ts';
import { obtainIdentity } from './channel/enrol.ts';
import type { IdentityKeeper } from './channel/identity.ts';
import { AssignmentLife } from './assignment-life.ts';
import { Assignments } from './assignments.ts';
import { ClockMemory, machineClock } from './clock-memory.ts';
import type { AgentConfig } from './config.ts';
import { Enforcement } from './enforcement.ts';
import { EnforcementNews } from './enforcement-news.ts';
import { ForeignWatch } from './foreign-watch.ts';
import { hmac } from './hmac.ts';
import { HostProblems } from './host-problems.ts';
import { Journal } from './journal.ts';
import { isSoundEntry } from './journal-entries.ts';
import { KernelComparison } from './kernel-comparison.ts';
import { KernelWatch } from './kernel-watch.ts';
import { MarkBits } from './mark-bits.ts';
import { NodeInterfaces } from './node-interfaces.ts';
import { NumberBook } from './number-book.ts';
import { openPlatform, type Platform } from './platform.ts';
import { lockFolder } from './process-lock.ts';
import { Recollection } from './recollection.ts';
import { Recording } from './recording.ts';
import { Reports } from './reports.ts';
import { packetFromJournal, packetToJournal } from './remembered-packet.ts';
import { Retries } from './retries.ts';
import { ServerClock } from './server-clock.ts';
import { ServerSession, subnetsOf } from './server-session.ts';
import { SignalReporter } from './signal-reporter.ts';
import { Signalling } from './signalling.ts';
import { Steering } from './steering.ts';
import { ROUTES_PLACE } from './steering-routes.ts';
import type { PacketInput } from './socket/transport.ts';
import { TermChanges } from './term-changes.ts';

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

/** One node's agent: holds what the server assigned, signals it, has the kernel enforce it, server or no server. */
export class Agent {
  readonly #config: AgentConfig;
  readonly #log: ReturnType<Loggers>;
  readonly #journal: Journal;
  readonly #problems: HostProblems;
  readonly #unlock: () => void;
  readonly #recording: Recording | null;
  readonly #platform: Platform;
  readonly #interfaces: NodeInterfaces;
  readonly #steering: Steering;
  readonly #enforcement: Enforcement;
  readonly #signalling: Signalling;
  readonly #comparison: KernelComparison;
  readonly #news: EnforcementNews;
  readonly #watch: KernelWatch;
  readonly #foreign: ForeignWatch;
  readonly #life: AssignmentLife;
  readonly #reporter: SignalReporter;
  readonly #retries: Retries;
  readonly #session: ServerSession;
  readonly #wallClockTimer: NodeJS.Timeout;
  /** Journal keys of RSVP state that was played back and has not proved itself yet. */
  readonly #unconfirmed = new Set<string>();
  #pruneTimer: NodeJS.Timeout | null = null;
  readonly #recollection: Recollection;
  readonly #assignments: Assignments;
  /** The server has still to say all that it wants: until then what the kernel holds stays as it is. */
  #rebuilding: boolean;
  #updates: Promise<void> = Promise.resolve();
  /** What came before the journal was played back; null from then on. */
  #early: PacketInput[] | null = [];

  /** @throws Error with a sentence for people where the node cannot be served (state folder in use, no raw socket). */
  static async start(config: AgentConfig, loggers: Loggers, signal: AbortSignal): Promise<Agent> {
    const unlock = lockFolder(config.stateDir, (problem) =>
      loggers('agent').error({ problem }, 'the state folder is used without a lock'),
    );
    let agent: Agent | null = null;
    let recording: Recording | null = null;
    const problems = new HostProblems(() => {
      if (agent) agent.#session.kernelChanged();
    });
    const said = (source: 'journal' | 'identity', problem: string | null): void =>
      problems.set(source, problem === null ? [] : [problem]);
    try {
      const { node, record } = config;
      const identity = config.server.startsWith('unix:')
        ? null
        : await obtainIdentity({
            ...{ stateDir: config.stateDir, node, target: config.server, token: config.enrolToken },
            ...{ log: loggers('agent'), signal, onProblem: (problem) => said('identity', problem) },
          });
      const settings = engineSettings(config);
      if (record) recording = await Recording.open({ ...record, node, settings });
      const journal = new Journal(join(config.stateDir, 'journal'), {
        log: loggers('agent'),
        onProblem: (problem) => said('journal', problem),
        isSound: isSoundEntry,
      });
      const bits = new MarkBits(journal, config.markMask, config.firstTable);
      const platform = await openPlatform({
        config,
        numbers: bits.numbers,
        log: loggers('agent'),
        subnets: subnetsOf(journal),
        onPacket: (packet) => {
          if (agent) agent.#packet(packet);
        },
        onNetworkChange: () => {
          if (agent) agent.#networkChanged();
        },
        onKernelNotice: (notice) => {
          if (!agent) return;
          agent.#watch.noticed(notice);
          if (notice.elsewhere || notice.overrun) agent.#foreign.noticed();
        },
        shaped: () => new Set(agent ? agent.#interfaces.toShape().map(({ name }) => name) : []),
        desired: () => (agent ? agent.#comparison.desired() : { interfaces: [], flows: [] }),
      });
      agent = new Agent(config, settings, loggers, journal, bits, problems, platform, unlock, recording, identity);
      await agent.#restore();
      agent.#session.open();
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
    bits: MarkBits,
    problems: HostProblems,
    platform: Platform,
    unlock: () => void,
    recording: Recording | null,
    identity: IdentityKeeper | null,
  ) {
    this.#config = config;
    this.#recording = recording;
    const log = (this.#log = loggers('agent'));
    this.#journal = journal;
    this.#problems = problems;
    if (journal.damage !== null) this.#distrustJournal(journal.damage);
    this.#rebuilding = journal.damage !== null || !this.#accepted;
    this.#platform = platform;
    this.#unlock = unlock;
    const { node } = config;
    const { kernel, network } = platform;
    const assignments = (this.#assignments = new Assignments());
    const classes = new NumberBook(journal, 'class/');
    const changes = new TermChanges(journal);
    const memory = new ClockMemory(journal, machineClock());
    const clock = new ServerClock(monotonic, memory.recall() ?? EpochMs(Date.now()), (now) => memory.keep(now));
    const reports = new Reports(() => this.#session.channel);
    const interfaces = (this.#interfaces = new NodeInterfaces(journal, network));
    const retries = (this.#retries = new Retries({
      again: (flow) => this.#signalling.input({ type: 'retry', flow }),
      isWanted: (flow) => assignments.openFor(flow) !== undefined,
    }));
    const reporter = (this.#reporter = new SignalReporter(assignments, changes, reports, log, {
      isOnLink: (address) => interfaces.isOnLink(address),
      failed: (flow) => retries.failed(flow),
      stands: (flow) => retries.over(flow),
    }));
    const assignedWay = new AssignedWay({ assignments, interfaces, reporter });
    const steering = (this.#steering = new Steering({
      numbers: bits.numbers,
      bookOf: (numbers: SteeringNumbers) =>
        new NumberBook(journal, 'neighbour/', { first: 1, last: neighbourLimit(numbers) }),
      network,
      kernel,
      problem: platform.steeringProblem,
      changed: () => this.#signalling.input({ type: 'routesChanged' }),
      mayRemove: () => !this.#rebuilding,
      log: (problem) => log.error({ problem }, 'steering'),
    }));
    const news = (this.#news = new EnforcementNews({
      ...{ assignments, reporter, steering, log },
      changed: (found) => problems.set('kernel', found),
    }));
    const foreign = (this.#foreign = new ForeignWatch({
      ...{ kernel, network, steering, bits, assignments, news, reporter, log },
      changed: () => this.#session.kernelChanged(),
    }));
    const defeat = (assignment: Assignment): string | null => foreign.refusal(assignment);
    this.#recollection = new Recollection({ kernel, classes, steering, log });
    const enforcement = (this.#enforcement = new Enforcement({
      assignments,
      kernel,
      classMinor: (key) => classes.allocate(key),
      freeClass: (key) => classes.free(key),
      overhead: (name) => interfaces.overhead(name),
      mtu: (name) => interfaces.mtu(name),
      mostFor: (assignment) => changes.termsFor(assignment),
      answer: (input) => this.#signalling.input(input),
      steered: (assignment) => steering.hold(assignment),
      isAbsent: (key) => news.isAbsent(key),
      defeat,
      refused: (assignment, flows, code, value, detail) =>
        reporter.refused(assignment, flows, { code, value, node, detail }),
    }));
    const signalling = (this.#signalling = new Signalling({
      engine: recording ? recording.of(createEngine(settings, hmac)) : createEngine(settings, hmac),
      transport: () => platform.transport,
      ways: {
        markOf: (flow) => steering.markOf(flow),
        way: (flow, via) => {
          const way = steering.way(flow, via, (route) => reporter.strays(flow, route));
          if (way instanceof Promise) return way.then((route) => assignedWay.of(flow, route));
          return assignedWay.of(flow, way);
        },
      },
      now: monotonic,
      handlers: {
        install: (request) => enforcement.install(request),
        remove: (request) => void enforcement.remove(request),
        event: (event) => {
          if (event.type === 'pathUp') steering.pathUp(event.flow);
          else if (event.type === 'pathDown') steering.pathDown(event.flow);
          reporter.event(event);
        },
        remember: (key, input) => {
          this.#unconfirmed.delete(`rsvp/${key}`);
          journal.put(`rsvp/${key}`, packetToJournal(input));
        },
        forget: (key) => journal.delete(`rsvp/${key}`),
        sendFailed: (problem) => log.debug({ problem }, 'an RSVP message was not sent'),
      },
    }));
    const parts = {
      node,
      journal,
      clock,
      assignments,
      classes,
      changes,
      steering,
      enforcement,
      signalling,
      reporter,
      defeat,
      log,
    };
    this.#life = new AssignmentLife(parts);
    this.#comparison = new KernelComparison({
      ...{ assignments, classes, enforcement, interfaces, steering, kernel, news, log },
      mayTouch: () => this.#settled,
    });
    this.#watch = new KernelWatch({ kernel, comparison: this.#comparison, log, now: monotonic });
    this.#session = new ServerSession({
      ...{ config, log, platform, journal, assignments, reports, clock, identity, steering },
      handlers: {
        accepted: () => this.#accept(),
        timeTold: () => this.#life.timeTold(),
        interfaces: (settings) => {
          interfaces.set(settings);
          this.#networkChanged();
        },
        assignments: (update) => this.#assigned(update),
        problems: () => problems.all(),
        findings: () => foreign.findings,
        state: () => this.#state(),
        watch: (trace) => signalling.watch(trace),
      },
    });
    this.#wallClockTimer = setInterval(() => this.#tellWallClock(), WALL_CLOCK_MS);
  }

  /** Leaves the kernel as it is, so that a restart cuts no flow; with `removeOnExit` it takes everything of ours away. */
  async stop(): Promise<void> {
    this.#watch.close();
    this.#foreign.close();
    this.#comparison.close();
    clearInterval(this.#wallClockTimer);
    if (this.#pruneTimer) clearTimeout(this.#pruneTimer);
    this.#life.stop();
    this.#retries.close();
    this.#session.close();
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
    await this.#foreign.choose();
    const opened = this.#life.restore();
    this.#tellWallClock();
    this.#signalling.input({ type: 'interfaces', interfaces: this.#interfaces.forEngine() });
    for (const assignment of opened) void this.#steering.hold(assignment);
    if (this.#settled) this.#steering.forgetUnused();
    else await this.#recollection.of(this.#assignments.all());
    await this.#comparison.run();
    await this.#foreign.look();
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
    this.#life.start(opened);
  }

  /** Whether a server has ever served this agent: before that it changes nothing in the kernel. */
  get #accepted(): boolean {
    // A journal of a version that did not write the first has the second.
    return this.#journal.get('accepted') === true || this.#journal.get('generation') !== undefined;
  }

  /** Whether it is known what the kernel should hold, so that the rest may go. */
  get #settled(): boolean {
    return this.#accepted && !this.#rebuilding;
  }

  /** The server says everything again to an agent that does not know which of its words was the last. */
  #distrustJournal(damage: string): void {
    if (this.#accepted) this.#journal.put('accepted', true);
    this.#journal.delete('generation');
    this.#problems.set('damage', [`the journal of this agent was damaged (${damage}): its state is being rebuilt`]);
  }

  #accept(): void {
    if (this.#accepted) return;
    this.#journal.put('accepted', true);
    this.#log.info({ node: this.#config.node }, 'accepted by its server for the first time: the kernel is set up');
  }

  /** The first word of a server after which nothing is missing ends the rebuilding. */
  #assigned(update: AssignmentsUpdate): Promise<void> {
    if (!this.#rebuilding) return this.#life.update(update);
    const done = this.#updates.then(async () => {
      if (!this.#rebuilding) return this.#life.update(update);
      const upserts = update.upserts.map(assignmentFromMessage);
      await this.#recollection.of(upserts.flatMap((each) => (each.ok ? [each.value] : [])));
      const kept = this.#life.update(update);
      if (update.generation) {
        this.#rebuilding = false;
        this.#problems.set('damage', []);
        void this.#comparison.run();
      }
      return kept;
    });
    this.#updates = done.catch(() => undefined);
    return done;
  }

  /** A RESV that overtakes the PATH state it belongs to would be answered with an error, and that ends a reservation. */
  #packet(packet: PacketInput): void {
    if (this.#early === null) this.#signalling.input(packet);
    else if (this.#early.length < MAX_EARLY_PACKETS) this.#early.push(packet);
  }

  #tellWallClock(): void {
    this.#signalling.input({ type: 'clock', wall: EpochMs(Date.now()) });
  }

  #networkChanged(): void {
    this.#signalling.input({ type: 'interfaces', interfaces: this.#interfaces.forEngine() });
    // A table of ours that lost its route with its interface, or a rule that somebody has taken away.
    if (this.#settled && !this.#watch.leaves(ROUTES_PLACE)) this.#steering.reconcileRoutes();
    if (this.#steering.hasRouteNews) this.#watch.disturbed();
    this.#foreign.routingChanged();
    if (this.#accepted) this.#life.routesChanged();
    this.#signalling.input({ type: 'routesChanged' });
    this.#reporter.linksChanged();
    this.#session.networkChanged();
    if (!this.#accepted) return;
    const shaped = this.#interfaces.toShape();
    const appeared = this.#interfaces.hasNew(shaped);
    void this.#platform.kernel.setInterfaces(shaped).then((result) => {
      if (!result.ok) this.#log.error({ problem: result.error.detail }, 'an interface cannot be shaped');
      // An interface that is back has none of its classes: those that are due are made again.
      return appeared ? this.#comparison.run() : undefined;
    });
  }

  async #state(): Promise<string> {
    const { transport, kernel, notices } = this.#platform;
    return JSON.stringify(
      {
        node: this.#config.node,
        engine: this.#signalling.snapshot(),
        transport: { kind: transport.kind, dropped: transport.dropped },
        kernel: {
          classes: await kernel.stats(),
          notices: notices?.counters ?? null,
          watch: this.#watch.counters,
          problems: this.#news.problems,
          findings: this.#foreign.findings,
          markMask: this.#steering.numbers.mask,
        },
        journal: { damage: this.#journal.damage, rebuilding: this.#rebuilding, failing: this.#journal.failing },
        routes: { kept: this.#platform.network.routes().length, told: this.#session.routesTold },
        recording: this.#recording?.state() ?? null,
        watched: this.#session.watched,
      },
      (_, value: unknown) => (typeof value === 'number' && !Number.isFinite(value) ? String(value) : value),
    );
  }
}

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
