import type { SteeringAbility } from '../../../core/admission/world.ts';
import { changedRoutes } from './changed-routes.ts';
import { assertNever } from '../../../core/base/assert-never.ts';
import { Millis, type EpochMs, type MonotonicMs } from '../../../core/base/units.ts';
import type { NetworkNode, NodeName, Route } from '../../../core/network/topology.ts';
import { nodesOf } from '../../../core/reservation/senders.ts';
import type { Logger } from '../../../telemetry/logger.ts';
import type { AgentFinding, AgentState, AgentView, TracedMessage, TraceItem } from '../api.ts';
import type { AgentDirectory, CommittedGroup, Committer } from '../committer.ts';
import { ControlError } from '../errors.ts';
import { FLAP_SETTLE_MS } from './flap-damper.ts';
import { HopTracker } from './hop-tracker.ts';
import type { AgentHello, AgentPeer, AgentStream, HopReport, RefusalCode, ReportedInterface } from './messages.ts';
import { findMismatches } from './mismatches.ts';
import { Reachability } from './reachability.ts';
import { RsvpQueries } from './rsvp-queries.ts';
import { RsvpTraces } from './rsvp-traces.ts';
import { AgentSession } from './session.ts';

export interface RegistrySettings {
  /** After this long without a message an agent counts as silent. */
  readonly silentAfterMs: Millis;
  readonly maxBacklog: number;
  readonly rsvpQueryTimeoutMs: Millis;
  /** How long ADSPEC has to differ from the books before that is told: PATH carries news on at once, lost ones are repeated. */
  readonly adspecSettleMs: Millis;
  /** How long a reservation has to stand before it is active again: links may flap. */
  readonly flapSettleMs: Millis;
}

export const DEFAULT_REGISTRY_SETTINGS: RegistrySettings = {
  silentAfterMs: Millis(30_000),
  maxBacklog: 50_000,
  rsvpQueryTimeoutMs: Millis(5_000),
  adspecSettleMs: Millis(5_000),
  flapSettleMs: FLAP_SETTLE_MS,
};

/** How long a second agent for the same node stays visible among the mismatches. */
const DUPLICATE_SHOWN_MS = 300_000;

/** What an agent sends after its hello. */
export type FromAgent =
  | {
      readonly type: 'interfaces';
      readonly interfaces: readonly ReportedInterface[];
      readonly problems: readonly string[];
    }
  | {
      readonly type: 'routes';
      readonly routes: readonly Route[];
      /** null: `routes` are all of them; else they are new, and these are gone. */
      readonly removed: readonly Route[] | null;
      readonly problems: readonly string[];
    }
  /** What keeps the host from enforcing, a sentence each. */
  | {
      readonly type: 'kernel';
      readonly problems: readonly string[];
      readonly findings: readonly AgentFinding[];
      /** Why flows cannot be steered; null = they can; absent: as the hello said. */
      readonly steeringProblem?: string | null;
    }
  | { readonly type: 'hop'; readonly report: HopReport }
  | { readonly type: 'heartbeat'; readonly memoryBytes: number }
  | { readonly type: 'rsvpState'; readonly queryId: bigint; readonly json: string }
  | { readonly type: 'rsvpTrace'; readonly messages: readonly TracedMessage[]; readonly leftOut: number }
  | { readonly type: 'applied' };

/** An open stream, as the edge sees it. */
export interface AgentConnection {
  receive(message: FromAgent): void;
  /** The stream is gone. */
  closed(): void;
}

interface AgentRecord {
  hello: AgentHello;
  peer: AgentPeer;
  /** Problems of later reports, which replace those of the hello. */
  problems: { interfaces: readonly string[]; routes: readonly string[]; kernel: readonly string[] };
  findings: readonly AgentFinding[];
  session: AgentSession | null;
  memoryBytes: number | null;
  duplicate: { readonly text: string; readonly until: MonotonicMs } | null;
}

/**
 * The agents, by the node they serve: matches them to the topology, keeps what they report, tells each what its node has
 * to hold, and turns what they say of reservations into the life cycle.
 */
export class AgentRegistry implements AgentDirectory {
  readonly #committer: Committer;
  readonly #settings: RegistrySettings;
  readonly #now: () => MonotonicMs;
  readonly #log: Logger;
  readonly #agents = new Map<NodeName, AgentRecord>();
  readonly #reachability: Reachability;
  readonly #queries: RsvpQueries;
  readonly #traces = new RsvpTraces((node, on) => this.#agents.get(node)?.session?.trace(on));
  readonly #routes = new Map<NodeName, readonly Route[]>();
  readonly #steering = new Map<NodeName, SteeringAbility>();
  #authoritiesPem = '';
  readonly hops: HopTracker;
  #closed = false;

  /** Follows the committer from here on: its books must be loaded. */
  constructor(options: {
    committer: Committer;
    now: () => MonotonicMs;
    log: Logger;
    settings?: Partial<RegistrySettings>;
  }) {
    this.#committer = options.committer;
    this.#settings = { ...DEFAULT_REGISTRY_SETTINGS, ...options.settings };
    this.#now = options.now;
    this.#log = options.log;
    this.#queries = new RsvpQueries(this.#settings.rsvpQueryTimeoutMs);
    this.#reachability = new Reachability({
      books: options.committer.books,
      now: options.now,
      silentAfter: this.#settings.silentAfterMs,
    });
    this.hops = new HopTracker({
      committer: options.committer,
      presence: {
        connected: (node) => this.connected(node),
        holds: (node, id) => this.#agents.get(node)?.session?.holds(id) ?? false,
      },
      log: options.log,
      adspecSettleMs: this.#settings.adspecSettleMs,
      flapSettleMs: this.#settings.flapSettleMs,
    });
    options.committer.onCommitted((group) => this.#committed(group));
  }

  unreachable(): ReadonlyMap<NodeName, EpochMs | null> {
    return this.#reachability.unreachable();
  }

  routes(): ReadonlyMap<NodeName, readonly Route[]> {
    return this.#routes;
  }

  steering(): ReadonlyMap<NodeName, SteeringAbility> {
    return this.#steering;
  }

  connected(node: NodeName): boolean {
    const session = this.#agents.get(node)?.session;
    return session != null && !session.closed;
  }

  enforces(node: NodeName): boolean {
    return this.#agents.get(node)?.hello.features.enforces ?? false;
  }

  connectedCount(): number {
    let count = 0;
    for (const node of this.#agents.keys()) if (this.connected(node)) count++;
    return count;
  }

  /** A stream's first message. Null where the agent was refused; the stream then ends by itself. */
  open(stream: AgentStream, hello: AgentHello, peer: AgentPeer): AgentConnection | null {
    if (this.#closed) return refuse(stream, 'SHUTTING_DOWN', 'this server is stopping');
    const node = this.#node(hello.node);
    const refusal = this.#refusal(hello, peer, node);
    if (refusal || !node) {
      const { code, detail } = refusal ?? { code: 'UNKNOWN_NODE', detail: `the topology has no node "${hello.node}"` };
      this.#log.warn({ node: hello.node, hostName: hello.hostName, code, detail }, 'agent refused');
      return refuse(stream, code, detail);
    }
    this.#replace(hello);
    const session = new AgentSession({
      node: node.name,
      stream,
      books: this.#committer.books,
      listener: this.hops,
      settings: { maxBacklog: this.#settings.maxBacklog },
      authoritiesPem: () => (peer.kind === 'certificate' ? this.#authoritiesPem : ''),
    });
    const record: AgentRecord = {
      hello,
      peer,
      problems: { interfaces: hello.problems, routes: [], kernel: [] },
      findings: [],
      session,
      memoryBytes: null,
      duplicate: this.#agents.get(node.name)?.duplicate ?? null,
    };
    this.#agents.set(node.name, record);
    this.#routes.set(node.name, hello.routes);
    this.#steering.set(node.name, steeringOf(hello));
    this.#reachability.heard(node.name);
    this.#log.info({ node: node.name, hostName: hello.hostName, held: hello.held.length }, 'agent connected');
    session.start(hello, Millis(Math.ceil(this.#settings.silentAfterMs / 3)));
    this.#traces.connected(node.name);
    this.hops.held(node.name, hello.held);
    if (node.agent === 'optional') this.hops.lookAgain(this.#committer.books.byNode(node.name));
    return {
      receive: (message) => {
        if (!session.closed) this.#receive(record, message);
      },
      closed: () => this.#gone(record, session),
    };
  }

  /** Certificates of all agents that are connected by one. */
  certificates(): readonly string[] {
    return [...this.#agents.values()].flatMap(({ peer, session }) =>
      peer.kind === 'certificate' && session && !session.closed ? [peer.certificateFingerprint] : [],
    );
  }

  /** These certificates are no longer to be believed: ends the streams that were opened with them. */
  distrust(fingerprints: ReadonlySet<string>): void {
    for (const [node, { peer, session }] of this.#agents) {
      if (peer.kind !== 'certificate' || !session || !fingerprints.has(peer.certificateFingerprint)) continue;
      const detail = `the certificate of the agent of ${node} was revoked or has expired`;
      this.#log.warn({ node }, 'agent disconnected: its certificate was revoked or has expired');
      session.refuse('REVOKED', detail);
    }
  }

  /** What agents are to trust, in PEM. */
  setAuthorities(pem: string): void {
    if (pem === this.#authoritiesPem) return;
    this.#authoritiesPem = pem;
    for (const { peer, session } of this.#agents.values())
      if (peer.kind === 'certificate') session?.authoritiesChanged();
  }

  list(): readonly AgentView[] {
    const { topology } = this.#committer.books.topology();
    return topology.nodes
      .filter((node) => node.agent !== 'none' || this.#agents.has(node.name))
      .map((node) => this.#view(node));
  }

  /** @throws ControlError NOT_FOUND */
  get(name: NodeName): AgentView {
    return this.#view(this.#withAgent(name));
  }

  /** @throws ControlError NOT_FOUND, or UNAVAILABLE where the agent is not connected or does not answer. */
  async rsvp(name: NodeName): Promise<unknown> {
    const node = this.#withAgent(name);
    const session = this.#agents.get(node.name)?.session;
    if (!session || session.closed) throw new ControlError('UNAVAILABLE', `the agent of ${name} is not connected`);
    return this.#queries.ask(session);
  }

  /** @throws ControlError NOT_FOUND, or UNAVAILABLE where the agent is not connected or too many watch it. */
  watchRsvp(name: NodeName, signal: AbortSignal): AsyncIterable<TraceItem> {
    const node = this.#withAgent(name);
    if (!this.connected(node.name)) throw new ControlError('UNAVAILABLE', `the agent of ${name} is not connected`);
    return this.#traces.watch(node.name, signal);
  }

  /** Ends every stream; the agents go on by themselves and try again. */
  close(): void {
    this.#closed = true;
    this.hops.close();
    for (const agent of this.#agents.values()) {
      agent.session?.end();
      agent.session = null;
    }
    this.#queries.close();
    this.#traces.close();
  }

  #receive(record: AgentRecord, message: FromAgent): void {
    const { node } = record.hello;
    this.#reachability.heard(node);
    switch (message.type) {
      case 'interfaces':
        record.hello = { ...record.hello, interfaces: message.interfaces };
        record.problems.interfaces = message.problems;
        this.#steering.set(node, steeringOf(record.hello));
        return;
      case 'routes': {
        const { removed } = message;
        const routes = removed === null ? message.routes : changedRoutes(record.hello.routes, message.routes, removed);
        record.hello = { ...record.hello, routes };
        record.problems.routes = message.problems;
        this.#routes.set(node, routes);
        return;
      }
      case 'kernel':
        record.problems.kernel = message.problems;
        record.findings = message.findings;
        if (message.steeringProblem === undefined) return;
        record.hello = withSteering(record.hello, message.steeringProblem);
        this.#steering.set(node, steeringOf(record.hello));
        return;
      case 'hop':
        return this.hops.report(node, message.report);
      case 'heartbeat':
        record.memoryBytes = message.memoryBytes;
        return record.session?.tellTime();
      case 'rsvpState':
        return this.#queries.answer(record.session, message.queryId, message.json);
      case 'rsvpTrace':
        return this.#traces.report(node, message.messages, message.leftOut);
      case 'applied':
        return;
      default:
        return assertNever(message);
    }
  }

  #committed(group: CommittedGroup): void {
    const { books } = this.#committer;
    const changes = new Map<AgentSession, string[]>();
    for (const reservation of group.reservations) {
      for (const node of nodesOf(reservation)) {
        const session = this.#agents.get(node)?.session;
        if (!session) continue;
        const ids = changes.get(session);
        if (ids) ids.push(reservation.id);
        else changes.set(session, [reservation.id]);
      }
    }
    for (const [session, ids] of changes) {
      session.changed(ids, group.generations.get(session.node) ?? books.generation(session.node));
    }
    if (group.topologyChanged) this.#topologyChanged();
    this.hops.committed(group);
  }

  #topologyChanged(): void {
    for (const [name, agent] of this.#agents) {
      if (this.#node(name)) {
        agent.session?.topologyChanged();
        continue;
      }
      agent.session?.refuse('UNKNOWN_NODE', `the topology no longer has a node "${name}"`);
      this.#agents.delete(name);
      this.#routes.delete(name);
      this.#steering.delete(name);
    }
    this.hops.lookAgain(this.#committer.books.live());
  }

  /** Why the agent is not served; null = it is. Says so to an agent whose node another one claims, too. */
  #refusal(
    hello: AgentHello,
    peer: AgentPeer,
    node: NetworkNode | undefined,
  ): { readonly code: RefusalCode; readonly detail: string } | null {
    if (peer.kind === 'certificate' && peer.node !== hello.node) {
      const detail = `the certificate is for node "${peer.node}", the agent says that it is "${hello.node}"`;
      return { code: 'NOT_THIS_NODE', detail };
    }
    const there = node && this.#agents.get(node.name);
    if (!there?.session || there.session.closed) return null;
    if (identityOf(there.hello, there.peer) === identityOf(hello, peer)) return null;
    const name = (each: AgentHello): string => `${each.hostName} (process ${each.processId})`;
    const text = `two agents say that they are ${hello.node}: ${name(there.hello)}, which is served, and ${name(hello)}, which is refused`;
    there.duplicate = { text, until: (this.#now() + DUPLICATE_SHOWN_MS) as MonotonicMs };
    there.session.rival(text);
    return { code: 'NODE_TAKEN', detail: `${text}; stop one of them` };
  }

  /** Ends the stream that the same agent had before. */
  #replace(hello: AgentHello): void {
    const before = this.#agents.get(hello.node);
    before?.session?.refuse('REPLACED', `the agent of ${hello.node} has connected again`);
    if (before) before.session = null;
  }

  #gone(record: AgentRecord, session: AgentSession): void {
    session.close();
    this.#queries.abandon(session);
    if (record.session !== session) return;
    record.session = null;
    const { node } = record.hello;
    this.#log.info({ node }, 'agent disconnected');
    this.#traces.disconnected(node);
    if (this.#node(node)?.agent !== 'required') this.#steering.delete(node);
    if (this.#node(node)?.agent === 'optional') this.hops.lookAgain(this.#committer.books.byNode(node));
  }

  #node(name: NodeName): NetworkNode | undefined {
    const { graph } = this.#committer.books.topology();
    return graph.nodes[graph.nodeIndex.get(name) ?? -1];
  }

  #withAgent(name: NodeName): NetworkNode {
    const node = this.#node(name);
    if (node && (node.agent !== 'none' || this.#agents.has(name))) return node;
    throw new ControlError('NOT_FOUND', node ? `node "${name}" has no agent` : `no node is called "${name}"`);
  }

  #view(node: NetworkNode): AgentView {
    const record = this.#agents.get(node.name);
    const hello = record?.hello;
    return {
      id: node.name,
      state: this.#state(node.name),
      hostName: hello?.hostName ?? null,
      bootId: hello?.bootId ?? null,
      version: hello?.version ?? null,
      lastSeenAt: this.#reachability.lastHeard(node.name)?.at ?? null,
      interfaces: hello?.interfaces ?? [],
      routes: hello?.routes ?? [],
      features: hello?.features ?? null,
      mismatches: record ? this.#mismatches(node, record) : [],
      findings: record?.findings ?? [],
      assignments: record?.session?.size ?? 0,
      memoryBytes: record?.memoryBytes ?? null,
    };
  }

  #state(node: NodeName): AgentState {
    if (!this.#agents.has(node)) return 'never';
    return this.connected(node) && !this.#reachability.isSilent(node) ? 'connected' : 'silent';
  }

  #mismatches(node: NetworkNode, record: AgentRecord): readonly string[] {
    const { graph } = this.#committer.books.topology();
    const { interfaces, routes, kernel } = record.problems;
    const problems = [...interfaces, ...routes, ...kernel];
    const duplicate = record.duplicate && this.#now() < record.duplicate.until ? [record.duplicate.text] : [];
    const deafness = this.hops.deafness(node.name);
    return [
      ...duplicate,
      ...(deafness === null ? [] : [deafness]),
      ...findMismatches(graph, node, { ...record.hello, problems }),
    ];
  }

  /** The state of an agent for those who only want that; null for nodes without one. */
  stateOf(node: NetworkNode): AgentState | null {
    return node.agent === 'none' && !this.#agents.has(node.name) ? null : this.#state(node.name);
  }
}

const withSteering = (hello: AgentHello, steeringProblem: string | null): AgentHello => ({
  ...hello,
  features: { ...hello.features, steers: steeringProblem === null, steeringProblem },
});

const steeringOf = ({ features, interfaces }: AgentHello): SteeringAbility => ({
  missing: features.steers ? null : features.steeringProblem,
  strictInterfaces: new Set(interfaces.filter(({ rpFilter }) => rpFilter === 1).map(({ name }) => name)),
});

/** Two streams with the same one are of one agent. The key of a certificate stays through its renewals. */
function identityOf({ instanceId, bootId, processId }: AgentHello, peer: AgentPeer): string {
  if (peer.kind === 'certificate') return `key ${peer.keyFingerprint}`;
  return instanceId === '' ? `process ${bootId} ${processId}` : `instance ${instanceId}`;
}

function refuse(stream: AgentStream, code: RefusalCode, detail: string): null {
  stream.send({ type: 'refusal', code, detail });
  stream.end();
  return null;
}
