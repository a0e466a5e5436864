import { Server, ServerCredentials } from '@grpc/grpc-js';
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { AgentChannel } from '../../gen/headroom/v1/agent_channel_pb.ts';
import { agentSocketPath } from '../../rpc/agent-socket.ts';
import { grpcService } from '../../rpc/service.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { AgentRegistry } from '../control/agents/registry.ts';
import { agentChannel } from './agent-channel.ts';

/** A hello of 200,000 assignments fits. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
/** An agent that is frozen or whose machine is gone is noticed after both. */
const KEEPALIVE_MS = 10_000;
const KEEPALIVE_TIMEOUT_MS = 5_000;

/** Of both listeners. */
export const AGENT_SERVER_OPTIONS = {
  'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
  'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
  'grpc.keepalive_time_ms': KEEPALIVE_MS,
  'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
} as const;

export interface AgentServer {
  /** What agents of this machine connect to; elsewhere than in the data directory where that has too long a path. */
  readonly socketPath: string;
  close(): Promise<void>;
}

/**
 * Listens for the agents of this machine on a Unix socket that only this user can open.
 *
 * @throws Error with a sentence for people: another server listens there, or something else has that name.
 */
export async function createAgentServer(options: {
  registry: AgentRegistry;
  dataDir: string;
  log: Logger;
}): Promise<AgentServer> {
  const { path, fallbackFolder } = agentSocketPath(options.dataDir);
  if (fallbackFolder !== null) takeFallbackFolder(fallbackFolder);
  await requireFree(path);
  const server = new Server(AGENT_SERVER_OPTIONS);
  const { registry, log } = options;
  server.addService(grpcService(AgentChannel), agentChannel({ registry, log, trust: null }));
  await bindPrivately(server, path);
  return {
    socketPath: path,
    async close() {
      await closeAgentServer(server, registry);
      rmSync(path, { force: true });
    },
  };
}

/** Ends the agents' streams, too. */
export async function closeAgentServer(server: Server, registry: AgentRegistry): Promise<void> {
  const closed = new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
  registry.close();
  // Streams that do not end by themselves are not waited for.
  const timer = setTimeout(() => server.forceShutdown(), 1_000);
  await closed;
  clearTimeout(timer);
}

/**
 * Binds in a folder that only this user can enter, and moves the socket to its place when its mode is right: at no moment
 * could another user have connected, and an umask, which is the whole process's, stays as it is.
 */
async function bindPrivately(server: Server, path: string): Promise<void> {
  const folder = mkdtempSync(join(dirname(path), '.s-'));
  try {
    const bound = join(folder, 's');
    await new Promise<void>((resolve, reject) => {
      server.bindAsync(`unix:${bound}`, ServerCredentials.createInsecure(), (error) =>
        error ? reject(new Error(`the agents' socket cannot be opened: ${error.message}`)) : resolve(),
      );
    });
    chmodSync(bound, 0o600);
    renameSync(bound, path);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A socket that a crashed server left behind may be replaced; one that somebody listens on, or another file, not. */
async function requireFree(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found) return;
  if (!found.isSocket()) throw new Error(`${path} is in the way: the agents' socket goes there, and it is no socket`);
  const used = await new Promise<boolean>((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT'),
    );
  });
  if (used) throw new Error(`another server listens on ${path}: stop it, or set HEADROOM_DATA_DIR to another folder`);
}

/** Temporary folders are everybody's: what another user made there is not ours to trust. */
function takeFallbackFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const found = lstatSync(folder);
  if (!found.isDirectory() || found.uid !== process.getuid?.() || (found.mode & 0o077) !== 0) {
    throw new Error(
      `HEADROOM_DATA_DIR has too long a path for a socket, and ${folder} does not belong to this user alone; choose a shorter one`,
    );
  }
}
