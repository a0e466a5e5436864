import { create } from '@bufbuild/protobuf';
import { credentials, makeClientConstructor, type ClientDuplexStream } from '@grpc/grpc-js';
import {
  AgentChannel,
  AgentMessageSchema,
  type AgentHello,
  type AgentMessage,
  type ServerMessage,
} from '../gen/headroom/v1/agent_channel_pb.ts';
import { grpcService } from '../rpc/service.ts';
import type { Logger } from '../telemetry/logger.ts';

type Stream = ClientDuplexStream<AgentMessage, ServerMessage>;

/** First and longest wait before the stream is opened again; between them it doubles, each shortened by up to a half. */
const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 1_000;
/** The library beneath refuses new streams until its own wait is over: that must not be added to ours. */
const LONGEST_CONNECT_WAIT_MS = 250;
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

/** The agent's end of the control channel: opens it, opens it again, says hello each time. */
export interface Channel {
  /** False while there is no stream: the caller keeps what it must not lose. */
  send(message: AgentMessage['message']): boolean;
  /** More is waiting for the network than it takes: what can be left out should be. */
  readonly congested: boolean;
  close(): void;
}

/**
 * @param target `unix:/path/agent.sock` or `host:port`
 * @param hello made anew for every stream: it says what the agent holds at that moment
 */
export function openChannel(options: {
  target: string;
  hello: () => AgentHello;
  onMessage: (message: ServerMessage) => void;
  onDown: () => void;
  random: () => number;
  log: Logger;
}): Channel {
  const Client = makeClientConstructor(grpcService(AgentChannel), AgentChannel.typeName);
  const client = new Client(options.target, credentials.createInsecure(), {
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
    'grpc.keepalive_time_ms': 10_000,
    'grpc.keepalive_timeout_ms': 5_000,
    'grpc.initial_reconnect_backoff_ms': FIRST_RETRY_MS,
    'grpc.min_reconnect_backoff_ms': FIRST_RETRY_MS,
    'grpc.max_reconnect_backoff_ms': LONGEST_CONNECT_WAIT_MS,
  });
  const connect = client['Connect'] as (this: unknown) => Stream;
  let stream: Stream | null = null;
  let attempt = 0;
  let timer: NodeJS.Timeout | null = null;
  let closed = false;

  const open = (): void => {
    timer = null;
    const mine = connect.call(client);
    stream = mine;
    mine.on('data', (message: ServerMessage) => {
      // A server that only refuses is not asked again at once.
      if (message.message.case === 'welcome') attempt = 0;
      try {
        options.onMessage(message);
      } catch (error) {
        options.log.error({ err: error, kind: message.message.case }, 'a message of the server could not be handled');
      }
    });
    let ended = false;
    const down = (reason: string): void => {
      if (ended) return;
      ended = true;
      if (stream === mine) stream = null;
      options.onDown();
      if (closed) return;
      const wait = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** attempt++) * (0.5 + options.random() / 2);
      options.log.debug({ reason, waitMs: Math.round(wait) }, 'control channel is down');
      timer = setTimeout(open, wait);
    };
    mine.on('error', (error) => down(error.message));
    mine.on('end', () => down('the server ended the stream'));
    mine.write(create(AgentMessageSchema, { message: { case: 'hello', value: options.hello() } }));
  };
  open();

  return {
    send(message) {
      if (!stream) return false;
      stream.write(create(AgentMessageSchema, { message }));
      return true;
    },
    get congested() {
      return stream?.writableNeedDrain ?? false;
    },
    close() {
      closed = true;
      if (timer) clearTimeout(timer);
      stream?.end();
      client.close();
    },
  };
}
