import { create } from '@bufbuild/protobuf';
import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { EventEmitter } from 'node:events';
import {
  AgentChannel,
  AssignmentState,
  ServerMessageSchema,
  type AgentHello,
  type AgentMessage,
  type AssignmentReport,
  type ServerMessage,
} from '../../src/gen/headroom/v1/agent_channel_pb.ts';
import { grpcService } from '../../src/rpc/service.ts';

type Stream = ServerDuplexStream<AgentMessage, ServerMessage>;

/** The server's end of the agents' channel, played by a test: remembers what agents say and says what it is told to. */
export class ScriptedServer extends EventEmitter {
  readonly hellos: AgentHello[] = [];
  readonly reports: (AssignmentReport & { readonly node: string })[] = [];
  readonly #streams = new Map<string, Stream>();
  readonly #server = new Server();

  async listen(target: string): Promise<void> {
    this.#server.addService(grpcService(AgentChannel), { Connect: (stream: Stream) => this.#connect(stream) });
    await new Promise<void>((resolve, reject) => {
      this.#server.bindAsync(target, ServerCredentials.createInsecure(), (error) =>
        error ? reject(error) : resolve(),
      );
    });
  }

  say(node: string, message: ServerMessage['message']): void {
    const stream = this.#streams.get(node);
    if (!stream) throw new Error(`${node} is not connected`);
    stream.write(create(ServerMessageSchema, { message }));
  }

  async connected(...nodes: string[]): Promise<void> {
    await this.until(() => nodes.every((node) => this.#streams.has(node)), `${nodes.join(', ')} connected`);
  }

  /** Resolves once the node, after `since` reports, has told the state of one source; null: of the only one or of all. */
  async reportedOf(node: string, source: string | null, state: AssignmentState, since = 0): Promise<AssignmentReport> {
    const find = (): AssignmentReport | undefined =>
      this.reports.slice(since).find((r) => r.node === node && r.state === state && sourceText(r) === source);
    await this.until(() => find() !== undefined, `${node} reports ${AssignmentState[state]} of ${source ?? 'it'}`);
    return find()!;
  }

  /** Resolves once the node has reported the state for the reservation. */
  async reported(node: string, reservationId: string, state: AssignmentState): Promise<AssignmentReport> {
    const find = (): AssignmentReport | undefined =>
      this.reports.find((r) => r.node === node && r.reservationId === reservationId && r.state === state);
    await this.until(() => find() !== undefined, `${node} reports ${AssignmentState[state]} of ${reservationId}`);
    return find()!;
  }

  /** Waits for news until the condition holds. */
  async until(condition: () => boolean, what: string, timeoutMs = 8_000): Promise<void> {
    const limit = AbortSignal.timeout(timeoutMs);
    while (!condition()) {
      await new Promise<void>((resolve, reject) => {
        const done = (): void => {
          limit.removeEventListener('abort', fail);
          resolve();
        };
        const fail = (): void => {
          this.off('news', done);
          const seen = this.reports
            .map((r) => `${r.node}:${AssignmentState[r.state]}:${r.failure?.detail ?? ''}`)
            .join(' ');
          reject(new Error(`${what}: not within ${timeoutMs} ms; seen ${seen}`));
        };
        this.once('news', done);
        limit.addEventListener('abort', fail, { once: true });
      });
    }
  }

  close(): void {
    this.#server.forceShutdown();
  }

  #connect(stream: Stream): void {
    let node = '';
    stream.on('data', ({ message }: AgentMessage) => {
      if (message.case === 'hello') {
        node = message.value.node;
        this.hellos.push(message.value);
        this.#streams.set(node, stream);
      }
      if (message.case === 'assignment') this.reports.push({ ...message.value, node });
      this.emit(message.case ?? 'unknown', node, message.value);
      this.emit('news');
    });
    stream.on('end', () => stream.end());
    stream.on('error', () => undefined);
  }
}

/** `address:port` of the source that a report is about; null where it names none. */
export const sourceText = ({ source }: AssignmentReport): string | null =>
  source ? `${source.address}:${source.port}` : null;
