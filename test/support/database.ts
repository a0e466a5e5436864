import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startEmbedded } from '../../src/server/store/embedded.ts';
import { migrate } from '../../src/server/store/migrate.ts';

/** A PostgreSQL of its own for one test file. */
export interface TestDatabase {
  /** A fresh database with all migrations applied; its connection string. */
  fresh(): Promise<string>;
  /** A fresh database with nothing in it. */
  empty(): Promise<string>;
  close(): Promise<void>;
}

export async function startTestDatabase(): Promise<TestDatabase> {
  const dataDir = await mkdtemp(join(tmpdir(), 'hrt-'));
  const embedded = await startEmbedded(dataDir);
  const urlOf = (name: string): string =>
    embedded.url.replace('/headroom?', `/${name}?`).replace(/\/headroom$/, `/${name}`);
  const admin = new pg.Client({ connectionString: embedded.url });
  await admin.connect();
  await admin.query('CREATE DATABASE template_migrated');
  await migrate(urlOf('template_migrated'));
  const create = async (from: string): Promise<string> => {
    const name = `t_${randomBytes(6).toString('hex')}`;
    await admin.query(`CREATE DATABASE ${name} TEMPLATE ${from}`);
    return urlOf(name);
  };
  return {
    fresh: () => create('template_migrated'),
    empty: () => create('template0'),
    close: async () => {
      await admin.end();
      await embedded.close();
      await rm(embedded.folder, { recursive: true, force: true });
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
