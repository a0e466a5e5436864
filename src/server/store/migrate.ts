import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import pg from 'pg';

interface Migration {
  /** `<time>_<name>`: the folder. */
  readonly name: string;
  readonly sql: string;
  /** SHA-256 of the file, hexadecimal, as Prisma keeps it. */
  readonly checksum: string;
}

/** `prisma/migrations` of this package: as far from `src/server/store` as from `dist/server/store`. */
export const migrationsFolder = (): string => fileURLToPath(new URL('../../../prisma/migrations', import.meta.url));

/** Prisma's own advisory lock, so that `prisma migrate deploy` and this never run at once. */
const LOCK = 72707369;

const TABLE = `CREATE TABLE IF NOT EXISTS "_prisma_migrations" (
  "id" VARCHAR(36) PRIMARY KEY NOT NULL,
  "checksum" VARCHAR(64) NOT NULL,
  "finished_at" TIMESTAMPTZ,
  "migration_name" VARCHAR(255) NOT NULL,
  "logs" TEXT,
  "rolled_back_at" TIMESTAMPTZ,
  "started_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
  "applied_steps_count" INTEGER NOT NULL DEFAULT 0
)`;

/**
 * Applies what `prisma migrate deploy` would, and leaves the same records. Any number of servers may do so at once.
 *
 * @returns the names of the migrations that were applied now.
 * @throws Error with one clear line for a migration that changed after it was applied, failed, or is not known here.
 */
export async function migrate(url: string, folder = migrationsFolder()): Promise<readonly string[]> {
  const migrations = await readMigrations(folder);
  const client = new pg.Client({ connectionString: url, application_name: 'headroom migrate' });
  client.on('error', () => {});
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock($1)', [LOCK]);
    await client.query(TABLE);
    const pending = await pendingOf(client, migrations);
    for (const migration of pending) await apply(client, migration);
    return pending.map((migration) => migration.name);
  } finally {
    // The lock goes with the session.
    await client.end().catch(() => {});
  }
}

/** True when every migration of this package is applied. */
export async function isMigrated(client: Pick<pg.ClientBase, 'query'>, folder = migrationsFolder()): Promise<boolean> {
  const table = await client.query<{ found: boolean }>(`SELECT to_regclass('_prisma_migrations') IS NOT NULL AS found`);
  if (!table.rows[0]!.found) return false;
  return (await pendingOf(client, await readMigrations(folder)).catch(() => [null])).length === 0;
}

async function readMigrations(folder: string): Promise<readonly Migration[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(
    names.sort().map(async (name) => {
      const sql = await readFile(join(folder, name, 'migration.sql'), 'utf8');
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}

async function pendingOf(
  client: Pick<pg.ClientBase, 'query'>,
  migrations: readonly Migration[],
): Promise<readonly Migration[]> {
  const { rows } = await client.query<{ migration_name: string; checksum: string; finished: boolean }>(
    `SELECT migration_name, checksum, finished_at IS NOT NULL AS finished
       FROM "_prisma_migrations" WHERE rolled_back_at IS NULL ORDER BY started_at`,
  );
  const known = new Map(migrations.map((migration) => [migration.name, migration]));
  const applied = new Set<string>();
  for (const row of rows) {
    const migration = known.get(row.migration_name);
    // A newer version of Headroom has been here: its migrations are its business, as they are for Prisma.
    if (migration === undefined) continue;
    if (!row.finished) {
      throw new Error(
        `migration ${row.migration_name} failed earlier: mend the database, then mark it with "prisma migrate resolve"`,
      );
    }
    if (migration.checksum !== row.checksum) {
      throw new Error(`migration ${row.migration_name} has changed since it was applied`);
    }
    applied.add(row.migration_name);
  }
  return migrations.filter((migration) => !applied.has(migration.name));
}

/** The change and its record are one transaction, so that a server killed in between leaves neither. */
async function apply(client: pg.Client, { name, sql, checksum }: Migration): Promise<void> {
  const id = randomUUID();
  try {
    await client.query('BEGIN');
    await client.query(RECORD, [id, checksum, name]);
    await client.query(sql);
    await client.query(
      `UPDATE "_prisma_migrations" SET finished_at = clock_timestamp(), applied_steps_count = 1 WHERE id = $1`,
      [id],
    );
    await client.query('COMMIT');
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : String(cause);
    await client
      .query('ROLLBACK')
      .then(() => client.query(RECORD, [id, checksum, name]))
      .then(() => client.query(`UPDATE "_prisma_migrations" SET logs = $2 WHERE id = $1`, [id, detail]))
      .catch(() => {});
    throw new Error(`migration ${name} failed: ${detail}`, { cause });
  }
}

const RECORD = `INSERT INTO "_prisma_migrations" (id, checksum, migration_name) VALUES ($1, $2, $3)`;
