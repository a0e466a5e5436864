import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { access, chmod, chown, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { type Account, databaseAccount } from './embedded-account.ts';
import { prepareBinaries } from './embedded-binaries.ts';
import { claimCluster, endLeftover } from './embedded-owner.ts';
import { pairCluster } from './embedded-pairing.ts';

const run = promisify(execFile);

export interface EmbeddedDatabase {
  /** Connection string of the database `headroom`. */
  readonly url: string;
  /** TCP port, or the number in the name of its Unix socket. */
  readonly port: number;
  /** Process id of the postmaster. */
  readonly pid: number;
  /** Everything it keeps: cluster, password, socket. */
  readonly folder: string;
  /** Resolves when the database has ended, expected or not. */
  readonly ended: Promise<void>;
  /** Ends it in good order. */
  close(): Promise<void>;
}

/**
 * Starts the PostgreSQL that comes with the package on a cluster of its own, made at the first start. The cluster lives in
 * `dataDir/postgres`; for root, whose folders the database's account often cannot enter, under `/var/lib/headroom`.
 *
 * @param log gets what PostgreSQL prints, a line a call.
 * @param tcpPort where no Unix socket can be had; default one that is free.
 * @param notice told what an operator has to know.
 */
export async function startEmbedded(
  dataDir: string,
  log: (line: string) => void = () => {},
  tcpPort?: number,
  notice: (line: string) => void = log,
): Promise<EmbeddedDatabase> {
  const place = clusterPlace(dataDir);
  await mkdir(place.folder, { recursive: true, mode: 0o700 });
  const cluster = join(place.folder, 'cluster');
  const account = await databaseAccount(cluster);
  if (account !== null) {
    // Its account has to pass through our folder to its own, and sees nothing else there.
    await chmod(place.shared, 0o711);
    await chmod(place.folder, 0o711);
  }
  await claimCluster(place.folder);
  if (place.folder !== ownFolderIn(dataDir)) await pairCluster(resolve(dataDir), place.folder, notice);
  const binaries = await prepareBinaries(place.shared, account !== null);
  const passwordFile = join(place.folder, 'password');
  if (await missing(join(cluster, 'PG_VERSION'))) await initialise(binaries, cluster, passwordFile, account);
  else await endLeftover(cluster);
  const password = (await readFile(passwordFile, 'utf8')).trim();

  const socketDir = join(place.folder, 'socket');
  // A Unix socket is faster than loopback and no other account of the machine can reach it; its path must be short.
  const bySocket = process.platform !== 'win32' && socketDir.length < 90;
  if (bySocket) await ownFolder(socketDir, account);
  const port = bySocket ? 5432 : (tcpPort ?? (await freePort()));
  const where = bySocket
    ? ['-c', 'listen_addresses=', '-c', `unix_socket_directories=${socketDir}`]
    : ['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories='];
  const child = spawn(join(binaries, 'bin', 'postgres'), ['-D', cluster, '-p', String(port), ...where, ...SETTINGS], {
    ...account,
    cwd: cluster,
    env: databaseEnvironment(),
    stdio: ['ignore', 'ignore', 'pipe'],
    // Ctrl-C in a terminal goes to the whole group; the server decides when its database may end.
    detached: true,
  });
  const ended = new Promise<void>((done) => child.once('exit', () => done()));
  const urlOf = (database: string): string => connectionString(database, password, bySocket ? socketDir : null, port);
  try {
    await ready(child, log);
    await ensureDatabase(urlOf);
  } catch (error) {
    await stop(child, ended);
    throw error;
  }
  const url = urlOf('headroom');
  return { url, port, pid: child.pid!, folder: place.folder, ended, close: () => stop(child, ended) };
}

/** fsync and synchronous_commit stay as they are: on. A deadlock between replicas is found at once instead of after a second. */
const SETTINGS = ['-c', 'max_connections=200', '-c', 'deadlock_timeout=100ms', '-c', 'log_min_messages=warning'];

const ownFolderIn = (dataDir: string): string => join(resolve(dataDir), 'postgres');

function clusterPlace(dataDir: string): { readonly shared: string; readonly folder: string } {
  const absolute = resolve(dataDir);
  if (process.getuid?.() !== 0) return { shared: absolute, folder: ownFolderIn(dataDir) };
  const shared = '/var/lib/headroom';
  return { shared, folder: join(shared, createHash('sha256').update(absolute).digest('hex').slice(0, 16)) };
}

async function initialise(
  binaries: string,
  cluster: string,
  passwordFile: string,
  account: Account | null,
): Promise<void> {
  // What an interrupted first start left is no cluster.
  await rm(cluster, { recursive: true, force: true });
  await ownFolder(cluster, account);
  await writeFile(passwordFile, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600 });
  if (account !== null) await chown(passwordFile, account.uid, account.gid);
  await run(
    join(binaries, 'bin', 'initdb'),
    [
      ...['-D', cluster, '--username=headroom', '--auth=scram-sha-256', `--pwfile=${passwordFile}`],
      ...['--encoding=UTF8', '--locale=C', '--no-instructions'],
    ],
    { ...account, cwd: cluster, env: databaseEnvironment() },
  ).catch((error: Error & { stderr?: string }) => {
    throw new Error(`initdb failed: ${error.stderr?.trim() || error.message}`, { cause: error });
  });
}

async function ownFolder(folder: string, account: Account | null): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (account !== null) await chown(folder, account.uid, account.gid);
}

/** Nothing of our environment is the database's business, and PG* variables would change its meaning. */
const databaseEnvironment = (): NodeJS.ProcessEnv => ({ PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' });

function ready(child: ChildProcess, log: (line: string) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const last: string[] = [];
    let rest = '';
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop()!;
      for (const line of lines) {
        log(line);
        last.push(line);
        if (last.length > 20) last.shift();
        if (line.includes('database system is ready to accept connections')) resolve();
      }
    });
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      reject(new Error(`PostgreSQL ended at its start (${signal ?? code}): ${last.join(' | ')}`));
    });
  });
}

async function ensureDatabase(urlOf: (database: string) => string): Promise<void> {
  const client = new pg.Client({ connectionString: urlOf('postgres') });
  await client.connect();
  try {
    const found = await client.query(`SELECT 1 FROM pg_database WHERE datname = 'headroom'`);
    if (found.rowCount === 0) await client.query('CREATE DATABASE headroom');
  } finally {
    await client.end();
  }
}

async function stop(child: ChildProcess, ended: Promise<void>): Promise<void> {
  // "Fast" shutdown: sessions are ended, everything is written.
  if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) child.kill('SIGINT');
  if (child.pid !== undefined) await ended;
}

function connectionString(database: string, password: string, socketDir: string | null, port: number): string {
  const at = socketDir === null ? `127.0.0.1:${port}` : 'localhost';
  const host = socketDir === null ? '' : `?host=${encodeURIComponent(socketDir)}&port=${port}`;
  return `postgresql://headroom:${password}@${at}/${database}${host}`;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

const missing = (path: string): Promise<boolean> =>
  access(path).then(
    () => false,
    () => true,
  );
