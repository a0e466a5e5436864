import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkSessions } from '../../../src/server/store/pooler.ts';
import { openStore } from '../../../src/server/store/open-store.ts';
import { startTestDatabase, type TestDatabase } from '../../support/database.ts';
import { requires } from '../../support/requires.ts';

/** A real PgBouncer in front of a real PostgreSQL. */
describe.skipIf(requires('root', 'pgbouncer'))('behind PgBouncer', () => {
  let database: TestDatabase;
  let direct: string;
  const poolers: ChildProcess[] = [];
  const folders: string[] = [];

  beforeAll(async () => {
    database = await startTestDatabase();
    direct = await database.fresh();
  });
  afterAll(async () => {
    for (const pooler of poolers) {
      pooler.kill('SIGKILL');
      if (pooler.exitCode === null && pooler.signalCode === null) await once(pooler, 'exit');
    }
    for (const folder of folders) await rm(folder, { recursive: true, force: true });
    await database.close();
  });

  async function pooled(mode: string): Promise<string> {
    const { password, pathname, searchParams } = new URL(direct);
    const folder = await mkdtemp(join(tmpdir(), 'hrt-pooler-'));
    folders.push(folder);
    await chmod(folder, 0o755);
    const port = await freePort();
    const name = pathname.slice(1);
    const ini = [
      '[databases]',
      `${name} = host=${searchParams.get('host')!} port=${searchParams.get('port')!} dbname=${name} user=headroom password=${password}`,
      '[pgbouncer]',
      'listen_addr = 127.0.0.1',
      `listen_port = ${port}`,
      'unix_socket_dir =',
      'auth_type = any',
      `pool_mode = ${mode}`,
      'ignore_startup_parameters = extra_float_digits',
    ];
    await writeFile(join(folder, 'pgbouncer.ini'), ini.join('\n'));
    // Only the database's account gets at its socket.
    const { uid } = await stat(searchParams.get('host')!);
    const account = execFileSync('id', ['-un', String(uid)], { encoding: 'utf8' }).trim();
    const child = spawn('pgbouncer', ['-u', account, join(folder, 'pgbouncer.ini')], { stdio: 'ignore' });
    poolers.push(child);
    await listens(port);
    return `postgresql://headroom@127.0.0.1:${port}/${name}`;
  }

  test('sessions of its own are told from shared ones, in one sentence', async () => {
    await expect(checkSessions(direct)).resolves.toBeUndefined();
    await expect(checkSessions(await pooled('transaction'))).rejects.toThrow(
      'a pooler shares its sessions between connections: name PostgreSQL itself, or a pool in session mode',
    );
    await expect(checkSessions(await pooled('statement'))).rejects.toThrow(/^it refuses a transaction \(.*\): name/);
  });

  test('a pool in session mode serves', async () => {
    const url = await pooled('session');
    await expect(checkSessions(url)).resolves.toBeUndefined();
    const store = await openStore(url);
    try {
      expect(await store.health()).toMatchObject({ reachable: true, migrated: true });
    } finally {
      await store.close();
    }
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Resolves with the first connection that is taken. */
async function listens(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    const taken = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (taken) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
