import { chmod, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, describe, expect, test } from 'vitest';
import { readFile, writeFile } from 'node:fs/promises';
import { startEmbedded } from '../../../src/server/store/embedded.ts';
import { isAlive } from '../../../src/server/store/embedded-owner.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function privateFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'hrt-data-'));
  await chmod(folder, 0o700);
  cleanups.push(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function ask(url: string, sql: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return Object.values((await client.query<Record<string, unknown>>(sql)).rows[0] ?? {})[0];
  } finally {
    await client.end();
  }
}

describe('the embedded PostgreSQL', () => {
  test('starts from a private folder, keeps its data over a restart, and writes through to the disk', async () => {
    const folder = await privateFolder();
    const first = await startEmbedded(folder);
    cleanups.push(() => rm(first.folder, { recursive: true, force: true }));
    await ask(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    expect(await ask(first.url, 'SHOW fsync')).toBe('on');
    expect(await ask(first.url, 'SHOW synchronous_commit')).toBe('on');
    await first.close();
    expect(isAlive(first.pid)).toBe(false);
    const second = await startEmbedded(folder);
    expect(await ask(second.url, 'SELECT answer FROM kept')).toBe(42);
    await second.close();
  });

  test('a removed folder is a removed database, put aside once; one that only lost its marks is kept', async () => {
    const folder = await privateFolder();
    const first = await startEmbedded(folder);
    cleanups.push(() => rm(first.folder, { recursive: true, force: true }));
    await ask(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await first.close();
    const notices: string[] = [];
    const again = () =>
      startEmbedded(
        folder,
        () => {},
        undefined,
        (line) => notices.push(line),
      );

    // As an earlier version left them: no ids, and something in the folder.
    const marks = [folder, first.folder].map((each) => join(each, 'database-id'));
    for (const mark of marks) await rm(mark, { force: true });
    await writeFile(join(folder, 'agents.sock'), '');
    const adopted = await again();
    expect(await ask(adopted.url, 'SELECT answer FROM kept')).toBe(42);
    await adopted.close();
    expect(notices).toEqual([]);

    for (let removed = 0; removed < 2; removed++) {
      await rm(folder, { recursive: true });
      await mkdir(folder, { mode: 0o700 });
      const next = await again();
      expect(await ask(next.url, `SELECT to_regclass('kept') IS NULL`)).toBe(true);
      await next.close();
    }
    const aside = (await readdir(first.folder)).filter((name) => name.startsWith('removed-'));
    // Without an account of its own the database lies in the folder, and goes with it.
    if (process.getuid?.() !== 0) return;
    expect(notices).toHaveLength(2);
    expect(notices[0]).toContain(`the data folder ${folder} is a new one`);
    expect(aside).toHaveLength(1);
  });

  test('a second server on the same folder is refused while the first lives', async () => {
    const folder = await privateFolder();
    const database = await startEmbedded(folder);
    cleanups.push(() => rm(database.folder, { recursive: true, force: true }));
    cleanups.push(() => database.close());
    const other = spawn('sleep', ['60']);
    cleanups.push(async () => {
      other.kill();
      await once(other, 'exit');
    });
    const stat = await readFile(`/proc/${other.pid}/stat`, 'utf8');
    await writeFile(join(database.folder, 'owner'), `${other.pid} ${stat.split(' ')[21]}\n`);
    await expect(startEmbedded(folder)).rejects.toThrow(`is in use by process ${other.pid}`);
    expect(isAlive(database.pid)).toBe(true);
  });

  test('the postmaster of a crashed predecessor is ended in good order and its data is there', async () => {
    const folder = await privateFolder();
    const crashed = await startEmbedded(folder);
    cleanups.push(() => rm(crashed.folder, { recursive: true, force: true }));
    await ask(crashed.url, 'CREATE TABLE kept AS SELECT 7 AS answer');
    const next = await startEmbedded(folder);
    cleanups.push(() => next.close());
    await crashed.ended;
    expect(isAlive(crashed.pid)).toBe(false);
    expect(await ask(next.url, 'SELECT answer FROM kept')).toBe(7);
  });
});
