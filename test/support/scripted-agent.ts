import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { credentials, makeClientConstructor, type Client, type ClientDuplexStream } from '@grpc/grpc-js';
import type { AssignmentState } from '../../src/gen/headroom/v1/agent_channel_pb.ts';
import {
  AgentChannel,
  AgentMessageSchema,
  type AgentHello,
  type AgentHelloSchema,
  type AgentMessage,
  type AssignmentReportSchema,
  type AssignmentsUpdate,
  type ServerMessage,
} from '../../src/gen/headroom/v1/agent_channel_pb.ts';
import { grpcService } from '../../src/rpc/service.ts';

export type HelloInit = Exclude<MessageInitShape<typeof AgentHelloSchema>, AgentHello>;

/** The agent's end of the channel, played by a test: remembers what the server says, holds what it assigns. */
export class ScriptedAgent {
  readonly node: string;
  readonly received: ServerMessage[] = [];
  /** Id to revision, as the updates say. */
  readonly held = new Map<string, bigint>();
  ended = false;
  readonly stream: ClientDuplexStream<AgentMessage, ServerMessage>;
  readonly #client: Client;
  #news: () => void = () => undefined;

  constructor(socketPath: string, hello: HelloInit | null) {
    this.node = hello?.node ?? '';
    const ChannelClient = makeClientConstructor(grpcService(AgentChannel), AgentChannel.typeName);
    this.#client = new ChannelClient(`unix:${socketPath}`, credentials.createInsecure(), {
      'grpc.use_local_subchannel_pool': 1,
    });
    const connect = (this.#client as unknown as Record<string, (this: unknown) => typeof this.stream>)['Connect']!;
    this.stream = connect.call(this.#client);
    for (const held of hello?.held ?? []) this.held.set(held.reservationId!, held.revision!);
    this.stream.on('data', (message: ServerMessage) => {
      this.received.push(message);
      if (message.message.case === 'assignments') this.#hold(message.message.value);
      this.#news();
    });
    const end = (): void => {
      this.ended = true;
      this.#news();
    };
    this.stream.on('end', end);
    this.stream.on('error', end);
    if (hello) this.say({ case: 'hello', value: hello });
  }

  say(message: NonNullable<MessageInitShape<typeof AgentMessageSchema>['message']>): void {
    this.stream.write(create(AgentMessageSchema, { message }));
  }

  /** Reports about what it holds, unless the report names another revision. */
  report(
    reservationId: string,
    state: AssignmentState,
    more: MessageInitShape<typeof AssignmentReportSchema> = {},
  ): void {
    const revision = this.held.get(reservationId) ?? 0n;
    this.say({ case: 'assignment', value: { reservationId, revision, state, ...more } });
  }

  get updates(): readonly AssignmentsUpdate[] {
    return this.received.flatMap(({ message }) => (message.case === 'assignments' ? [message.value] : []));
  }

  get refusalDetail(): string | null {
    const last = this.received.at(-1)?.message;
    return last?.case === 'refusal' ? last.value.detail : null;
  }

  get refusal(): string | null {
    const last = this.received.at(-1)?.message;
    return last?.case === 'refusal' ? last.value.code : null;
  }

  /** Waits for messages until the condition holds; the test's own time-out is the limit. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => (this.#news = resolve));
  }

  close(): void {
    this.stream.cancel();
    this.#client.close();
  }

  #hold(update: AssignmentsUpdate): void {
    if (update.full) {
      const stays = new Set([...update.keep, ...update.upserts].map((each) => each.reservationId));
      for (const id of this.held.keys()) if (!stays.has(id)) this.held.delete(id);
    }
    for (const id of update.removals) this.held.delete(id);
    for (const each of update.upserts) this.held.set(each.reservationId, each.revision);
  }
}
