import { create } from '@bufbuild/protobuf';
import {
  credentials,
  makeClientConstructor,
  status,
  type Client,
  type ClientDuplexStream,
  type ServiceError,
} from '@grpc/grpc-js';
import {
  AgentChannel,
  AgentMessageSchema,
  type AgentHello,
  type AgentMessage,
  type ServerMessage,
} from '../../gen/headroom/v1/agent_channel_pb.ts';
import { grpcService } from '../../rpc/service.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { Rarely } from '../../telemetry/rarely.ts';
import { trustingCredentials, TLS_OPTIONS } from './server-trust.ts';
import type { IdentityKeeper } from './identity.ts';

type Stream = ClientDuplexStream<AgentMessage, ServerMessage>;

/** First and longest wait before the stream is opened again; between them it doubles, each shortened by up to a half. */
const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 1_000;
/** A certificate that was refused is refused again until somebody enrols this agent anew. */
const UNAUTHENTICATED_RETRY_MS = 10_000;
/** The library beneath refuses new streams until its own wait is over: that must not be added to ours. */
const LONGEST_CONNECT_WAIT_MS = 250;
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
/** The same trouble is told at its first time, and then at most so often. */
const TROUBLE_LOG_MS = 300_000;

/** The agent's end of the control channel: opens it, opens it again, says hello each time. */
export interface Channel {
  /** False while there is no stream: the caller keeps what it must not lose. */
  send(message: AgentMessage['message']): boolean;
  /** More is waiting for the network than it takes: what can be left out should be. */
  readonly congested: boolean;
  /** Opens the stream anew: the certificate, or what is trusted, is another one. */
  reopen(): void;
  close(): void;
}

/**
 * @param target `unix:/path/agent.sock` or `host:port`
 * @param identity over TCP; null on a Unix socket
 * @param hello made anew for every stream: it says what the agent holds at that moment
 */
export function openChannel(options: {
  target: string;
  identity: IdentityKeeper | null;
  hello: () => AgentHello;
  onMessage: (message: ServerMessage) => void;
  onDown: () => void;
  random: () => number;
  log: Logger;
}): Channel {
  const { target, identity, log } = options;
  const trouble = new Rarely(TROUBLE_LOG_MS);
  let client: Client | null = null;
  let stream: Stream | null = null;
  let attempt = 0;
  let timer: NodeJS.Timeout | null = null;
  let closed = false;
  let troubled = false;

  const tell = (reason: string): void => {
    const silenced = trouble.silenced(reason, performance.now());
    troubled = true;
    if (silenced !== null) log.warn({ server: target, reason, silenced }, 'no connection to the server');
  };
  const welcomed = (): void => {
    attempt = 0;
    if (troubled) log.info({ server: target }, 'connected to the server again');
    troubled = false;
  };
  const open = (): void => {
    timer = null;
    client ??= channelClient(target, identity);
    const mine = (client as unknown as { Connect(): Stream }).Connect();
    stream = mine;
    mine.on('data', (message: ServerMessage) => {
      // A server that only refuses is not asked again at once.
      if (message.message.case === 'welcome') welcomed();
      if (message.message.case === 'refusal') tell(`${message.message.value.code}: ${message.message.value.detail}`);
      try {
        options.onMessage(message);
      } catch (error) {
        log.error({ err: error, kind: message.message.case }, 'a message of the server could not be handled');
      }
    });
    let ended = false;
    const down = (reason: string | null, least = 0): void => {
      if (ended) return;
      ended = true;
      if (stream !== mine) return;
      stream = null;
      options.onDown();
      if (closed) return;
      if (reason !== null) tell(reason);
      const wait = Math.max(least, Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** attempt++));
      timer = setTimeout(open, wait * (0.5 + options.random() / 2));
    };
    mine.on('error', (error: ServiceError) => {
      const refused = error.code === status.UNAUTHENTICATED;
      down(identity?.expiry() ?? (error.details || error.message), refused ? UNAUTHENTICATED_RETRY_MS : 0);
    });
    // In order: the server has said why, or is starting again.
    mine.on('end', () => down(null));
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
    reopen() {
      if (closed) return;
      const [oldStream, oldClient] = [stream, client];
      stream = null;
      client = null;
      if (timer) clearTimeout(timer);
      options.onDown();
      open();
      // The server ends the old stream when it sees the same key again.
      oldStream?.end();
      oldClient?.close();
    },
    close() {
      closed = true;
      if (timer) clearTimeout(timer);
      stream?.end();
      client?.close();
    },
  };
}

/** A client of `headroom.v1.AgentChannel`. */
export function channelClient(target: string, identity: IdentityKeeper | null): Client {
  const AgentClient = makeClientConstructor(grpcService(AgentChannel), AgentChannel.typeName);
  return new AgentClient(target, identity ? trustingCredentials(identity.current()) : credentials.createInsecure(), {
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
    'grpc.keepalive_time_ms': 10_000,
    'grpc.keepalive_timeout_ms': 5_000,
    'grpc.initial_reconnect_backoff_ms': FIRST_RETRY_MS,
    'grpc.min_reconnect_backoff_ms': FIRST_RETRY_MS,
    'grpc.max_reconnect_backoff_ms': LONGEST_CONNECT_WAIT_MS,
    // A stream of another certificate goes over a connection of its own.
    'grpc.use_local_subchannel_pool': 1,
    ...(identity ? TLS_OPTIONS : {}),
  });
}
