import type { Loggers } from '../telemetry/logger.ts';
import type { ServerConfig } from './config.ts';

/** A server that answers. */
export interface RunningServer {
  readonly httpUrl: string;
  readonly grpcTarget: string;
  /** Path of the Unix socket. */
  readonly agentSocket: string;
  storeTopologyIfNone(document: unknown): Promise<void>;
  /** False when not all of them were connected in time. */
  agentsConnected(nodes: readonly string[], timeoutMs: number): Promise<boolean>;
  stop(): Promise<void>;
}

export async function startServer(_config: ServerConfig, _loggers: Loggers): Promise<RunningServer> {
  throw new Error('not assembled');
}
