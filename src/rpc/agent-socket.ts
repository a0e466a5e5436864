import { createHash } from 'node:crypto';
import { tmpdir, userInfo } from 'node:os';
import { join, resolve } from 'node:path';

/** `sun_path` of a Unix socket's address has 107 bytes; the server needs one more than this for where it binds first. */
const MAX_SOCKET_PATH_BYTES = 106;

export interface AgentSocketPath {
  readonly path: string;
  /** The folder that belongs to this user alone and holds the socket where the data directory's own path is too long. */
  readonly fallbackFolder: string | null;
}

/**
 * Where a server listens for the agents of its machine, and where those look for it: `<dataDir>/agent.sock`. A data
 * directory with a longer path than a Unix socket can have gets a socket in the folder for temporary files.
 */
export function agentSocketPath(dataDir: string): AgentSocketPath {
  const path = join(resolve(dataDir), 'agent.sock');
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES) return { path, fallbackFolder: null };
  const folder = join(tmpdir(), `headroom-${userInfo().uid}`);
  const name = createHash('sha256').update(path).digest('hex').slice(0, 16);
  return { path: join(folder, `${name}.sock`), fallbackFolder: folder };
}
