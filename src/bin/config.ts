import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseLogLevels, type LogLevels } from '../telemetry/log-levels.ts';

/** An address to listen on. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** What the server's environment says, read once at the start. */
export interface ServerConfig {
  readonly http: ListenAddress;
  readonly grpc: ListenAddress;
  /** null = the embedded PostgreSQL. */
  readonly databaseUrl: string | null;
  /** Absolute. */
  readonly dataDir: string;
  readonly log: LogLevels;
  readonly token: string | null;
  readonly tls: { readonly cert: Buffer; readonly key: Buffer } | 'terminated-upstream' | null;
  /** null: only agents of this machine, over the Unix socket. */
  readonly agents: AgentsConfig | null;
}

/** How agents of other hosts are served. */
export interface AgentsConfig {
  readonly listen: ListenAddress;
  /** HOST:PORT that agents are told; null: where it listens. */
  readonly advertise: string | null;
  /** Who signs their certificates: an authority in the database, its key encrypted under the secret, or the operator's. */
  readonly authority:
    | { readonly kind: 'stored'; readonly secret: string; readonly previousSecret: string | null }
    | { readonly kind: 'files'; readonly cert: string; readonly key: string };
}

/** A setting that is unknown or does not parse: one line, and the program does not start. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Every variable with our prefix that some program of ours reads. */
const KNOWN = new Set([
  'HEADROOM_HTTP',
  'HEADROOM_GRPC',
  'HEADROOM_DATA_DIR',
  'HEADROOM_LOG',
  'HEADROOM_TOKEN',
  'HEADROOM_TLS',
  'HEADROOM_TLS_CERT',
  'HEADROOM_TLS_KEY',
  'HEADROOM_URL',
  'HEADROOM_AGENTS',
  'HEADROOM_AGENTS_ADVERTISE',
  'HEADROOM_AGENTS_CA_CERT',
  'HEADROOM_AGENTS_CA_KEY',
  'HEADROOM_SECRET',
  'HEADROOM_SECRET_PREVIOUS',
  'HEADROOM_ENROL_TOKEN',
]);

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws ConfigError naming the variable and its value. */
export function readServerConfig(environment: Environment): ServerConfig {
  refuseUnknown(environment);
  const http = listenAddress(environment, 'HEADROOM_HTTP', '127.0.0.1:8080');
  const grpc = listenAddress(environment, 'HEADROOM_GRPC', '127.0.0.1:9090');
  const token = readToken(environment['HEADROOM_TOKEN']);
  const tls = readTls(environment);
  for (const [name, address] of [
    ['HEADROOM_HTTP', http],
    ['HEADROOM_GRPC', grpc],
  ] as const) {
    if (!isLoopback(address.host) && (token === null || tls === null)) {
      throw new ConfigError(
        `${name}: ${address.host} is reachable from other hosts, so HEADROOM_TOKEN and HEADROOM_TLS_CERT with ` +
          `HEADROOM_TLS_KEY (or HEADROOM_TLS=terminated-upstream) must be set`,
      );
    }
  }
  return {
    http,
    grpc,
    databaseUrl: databaseUrl(environment['DATABASE_URL']),
    dataDir: readDataDir(environment),
    log: readLog(environment),
    token,
    tls,
    agents: readAgents(environment),
  };
}

/** For programs that are not the server: only what they share. @throws ConfigError */
export function readLog(environment: Environment): LogLevels {
  const levels = parseLogLevels(environment['HEADROOM_LOG']);
  if (!levels.ok) throw new ConfigError(`HEADROOM_LOG: ${levels.error}`);
  return levels.value;
}

export const readDataDir = (environment: Environment): string =>
  resolve(environment['HEADROOM_DATA_DIR'] || './.headroom');

/** @throws ConfigError for the first variable that starts with HEADROOM_ and means nothing. */
export function refuseUnknown(environment: Environment): void {
  for (const name of Object.keys(environment)) {
    if (name.startsWith('HEADROOM_') && !KNOWN.has(name)) {
      throw new ConfigError(
        `${name} is no setting of Headroom; settings are ${[...KNOWN].join(', ')} and DATABASE_URL`,
      );
    }
  }
}

function readAgents(environment: Environment): AgentsConfig | null {
  if (!environment['HEADROOM_AGENTS']) return null;
  const advertise = environment['HEADROOM_AGENTS_ADVERTISE'] || null;
  if (advertise !== null && !/^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):\d{1,5}$/.test(advertise)) {
    throw new ConfigError(`HEADROOM_AGENTS_ADVERTISE: "${advertise}" is not HOST:PORT, like control.example.net:7400`);
  }
  return {
    listen: listenAddress(environment, 'HEADROOM_AGENTS', '0.0.0.0:7400'),
    advertise,
    authority: readAuthority(environment),
  };
}

function readAuthority(environment: Environment): AgentsConfig['authority'] {
  const [cert, key] = [environment['HEADROOM_AGENTS_CA_CERT'], environment['HEADROOM_AGENTS_CA_KEY']];
  if (!cert !== !key) throw new ConfigError('HEADROOM_AGENTS_CA_CERT and HEADROOM_AGENTS_CA_KEY go together');
  if (cert && key) {
    return {
      kind: 'files',
      cert: readFile('HEADROOM_AGENTS_CA_CERT', cert).toString(),
      key: readFile('HEADROOM_AGENTS_CA_KEY', key).toString(),
    };
  }
  const secret = readSecret(environment, 'HEADROOM_SECRET');
  if (secret === null) {
    throw new ConfigError(
      "HEADROOM_AGENTS: the key of the agents' authority is kept in the database, encrypted under HEADROOM_SECRET, " +
        'which is not set (or set HEADROOM_AGENTS_CA_CERT and HEADROOM_AGENTS_CA_KEY)',
    );
  }
  return { kind: 'stored', secret, previousSecret: readSecret(environment, 'HEADROOM_SECRET_PREVIOUS') };
}

function readSecret(environment: Environment, name: string): string | null {
  const text = environment[name];
  if (!text) return null;
  if (text.length < 16) throw new ConfigError(`${name}: must have at least 16 characters`);
  return text;
}

function listenAddress(environment: Environment, name: string, fallback: string): ListenAddress {
  const text = environment[name] || fallback;
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (!match || port > 65_535)
    throw new ConfigError(`${name}: "${text}" is not an address and a port, like ${fallback}`);
  return { host: match[1] ?? match[2]!, port };
}

/** 127.0.0.0/8, ::1 and localhost. */
export const isLoopback = (host: string): boolean =>
  /^127(\.\d{1,3}){3}$/.test(host) || host === '::1' || host === 'localhost';

function databaseUrl(text: string | undefined): string | null {
  if (!text) return null;
  if (!/^postgres(ql)?:\/\//.test(text) || !URL.canParse(text)) {
    throw new ConfigError('DATABASE_URL: is not a URL like postgresql://user:password@host:5432/name');
  }
  return text;
}

function readToken(text: string | undefined): string | null {
  if (text === undefined || text === '') return null;
  if (!/^[\x21-\x7e]{16,}$/.test(text)) {
    throw new ConfigError('HEADROOM_TOKEN: must have at least 16 printable ASCII characters and no blank');
  }
  return text;
}

function readTls(environment: Environment): ServerConfig['tls'] {
  const [mode, cert, key] = [
    environment['HEADROOM_TLS'],
    environment['HEADROOM_TLS_CERT'],
    environment['HEADROOM_TLS_KEY'],
  ];
  if (mode && mode !== 'terminated-upstream') {
    throw new ConfigError(`HEADROOM_TLS: "${mode}" is unknown; the one value is terminated-upstream`);
  }
  if (!cert !== !key) throw new ConfigError('HEADROOM_TLS_CERT and HEADROOM_TLS_KEY go together');
  if (cert && key) return { cert: readFile('HEADROOM_TLS_CERT', cert), key: readFile('HEADROOM_TLS_KEY', key) };
  return mode ? 'terminated-upstream' : null;
}

function readFile(name: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new ConfigError(`${name}: ${file} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'error'})`);
  }
}
