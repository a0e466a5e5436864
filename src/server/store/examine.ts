import pg from 'pg';
import { isMigrated } from './migrate.ts';
import { checkSessions } from './pooler.ts';

/** Something of the database that a server would stumble over, and what to do about it. */
export interface DatabaseFinding {
  readonly severity: 'ok' | 'warning' | 'error';
  readonly what: string;
  readonly mend: string | null;
}

/** Looks at a database as a server would find it, and changes nothing. */
export async function examineDatabase(url: string): Promise<readonly DatabaseFinding[]> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'headroom doctor',
    connectionTimeoutMillis: 5_000,
    query_timeout: 5_000,
  });
  client.on('error', () => {});
  try {
    await client.connect();
    await checkSessions(url);
    const { rows } = await client.query<{ name: string; setting: string }>(
      `SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes')`,
    );
    const off = rows.filter(({ setting }) => setting === 'off').map(({ name }) => name);
    const clock = await client.query<{ now: number }>(
      `SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now`,
    );
    const ahead = Math.round((clock.rows[0]!.now - Date.now()) / 1000);
    const migrated = await isMigrated(client);
    return [
      {
        severity: 'ok',
        what: migrated ? 'it answers, and is up to date' : 'it answers; the next start migrates it',
        mend: null,
      },
      ...off.map((name) => ({
        severity: 'warning' as const,
        what: `${name} is off: what was acknowledged can be lost in a crash`,
        mend: `ALTER SYSTEM SET ${name} = on`,
      })),
      ...(Math.abs(ahead) > 2
        ? [{ severity: 'warning' as const, what: `its clock is ${ahead} s off this host's`, mend: 'run NTP on both' }]
        : []),
    ];
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return [{ severity: 'error', what: why, mend: 'correct DATABASE_URL, or start the database' }];
  } finally {
    await client.end().catch(() => {});
  }
}
