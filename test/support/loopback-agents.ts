import { create } from '@bufbuild/protobuf';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent } from '../../src/agent/agent.ts';
import type { AgentConfig } from '../../src/agent/config.ts';
import { DEFAULT_RSVP_CONFIG } from '../../src/agent/rsvp-config.ts';
import type { TopologyInput } from '../../src/core/network/document.ts';
import { parseTopology } from '../../src/core/network/validate.ts';
import type { Assignment } from '../../src/core/reservation/assignment.ts';
import type { EngineSnapshot } from '../../src/core/rsvp/engine/types.ts';
import { DEFAULT_STEERING } from '../../src/core/shaping/steering.ts';
import {
  AssignmentsUpdateSchema,
  RsvpStateQuerySchema,
  WelcomeSchema,
  type RsvpStateReply,
} from '../../src/gen/headroom/v1/agent_channel_pb.ts';
import { writeLoopbackNodes } from '../../src/lab/loopback.ts';
import { assignmentToMessage } from '../../src/rpc/assignment.ts';
import { createLoggers } from '../../src/telemetry/logger.ts';
import { ScriptedServer } from './agent-server.ts';
import { must } from './network.ts';

/** Real agents of a network over loopback ports, with a server that a test plays. */
export class LoopbackAgents {
  server = new ScriptedServer();
  readonly folder = mkdtempSync(join(tmpdir(), 'hr-'));
  readonly #agents = new Map<string, Agent>();
  #files: ReadonlyMap<string, string> = new Map();
  #counter = 0n;
  #queries = 0n;

  get #target(): string {
    return `unix:${join(this.folder, 's')}`;
  }

  get nodes(): readonly string[] {
    return [...this.#agents.keys()];
  }

  /** Starts an agent on each of the nodes, on all unless said, and welcomes it. */
  static async of(topology: TopologyInput, nodes?: readonly string[]): Promise<LoopbackAgents> {
    const agents = new LoopbackAgents();
    agents.#files = await writeLoopbackNodes(must(parseTopology(topology)), agents.folder);
    await agents.server.listen(agents.#target);
    for (const node of nodes ?? agents.#files.keys()) await agents.start(node);
    return agents;
  }

  /** Starts one and welcomes it. */
  async start(node: string, change: Partial<AgentConfig> = {}): Promise<void> {
    const hellos = this.server.hellos.length;
    await this.launch(node, change);
    await this.server.until(() => this.server.hellos.length > hellos, `${node} says hello`);
    this.welcome(node);
  }

  /** Starts one, server or no server. */
  async launch(node: string, change: Partial<AgentConfig> = {}): Promise<void> {
    const config: AgentConfig = {
      node,
      server: this.#target,
      enrolToken: null,
      stateDir: join(this.folder, node),
      refreshPeriodMs: 500,
      labNodeFile: this.labFile(node),
      removeOnExit: false,
      transport: 'auto',
      udpInterfaces: [],
      markMask: null,
      firstTable: DEFAULT_STEERING.firstTable,
      rsvp: DEFAULT_RSVP_CONFIG,
      record: null,
      ...change,
    };
    this.#agents.set(
      node,
      await Agent.start(
        config,
        createLoggers({ base: 'silent', bySubsystem: new Map() }),
        new AbortController().signal,
      ),
    );
  }

  /** Tells which UDP ports stand for a node's interfaces. */
  labFile(node: string): string {
    return this.#files.get(node)!;
  }

  async stop(node: string): Promise<void> {
    await this.#agents.get(node)?.stop();
    this.#agents.delete(node);
  }

  welcome(node: string): void {
    const value = { serverId: 't', heartbeatIntervalMs: 1000, serverTimeMs: BigInt(Date.now()) };
    this.server.say(node, { case: 'welcome', value: create(WelcomeSchema, value) });
  }

  update(node: string, upserts: readonly Assignment[], removals: readonly string[] = []): void {
    const value = create(AssignmentsUpdateSchema, {
      generation: { epoch: 'e', counter: ++this.#counter },
      upserts: upserts.map(assignmentToMessage),
      removals: [...removals],
    });
    this.server.say(node, { case: 'assignments', value });
  }

  /** All stop, and start with other settings. */
  async restart(change: (node: string) => Partial<AgentConfig>): Promise<void> {
    const { nodes } = this;
    await Promise.all(nodes.map((node) => this.stop(node)));
    for (const node of nodes) await this.start(node, change(node));
  }

  /** Another server takes the place of the one that is there; resolves when all agents have said hello to it. */
  async replaceServer(): Promise<void> {
    this.server.close();
    this.server = new ScriptedServer();
    await this.server.listen(this.#target);
    await this.server.connected(...this.nodes);
  }

  /** The RSVP state of a node. */
  async rsvp(node: string): Promise<EngineSnapshot> {
    const queryId = ++this.#queries;
    const answered = new Promise<RsvpStateReply>((resolve) => {
      const heard = (_node: string, reply: RsvpStateReply): void => {
        if (reply.queryId !== queryId) return;
        this.server.off('rsvpState', heard);
        resolve(reply);
      };
      this.server.on('rsvpState', heard);
    });
    this.server.say(node, { case: 'rsvpState', value: create(RsvpStateQuerySchema, { queryId }) });
    return (JSON.parse((await answered).json) as { engine: EngineSnapshot }).engine;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#agents.values()].map((agent) => agent.stop()));
    this.server.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
