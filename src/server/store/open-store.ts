import type { BooksStore, DatabaseHealth, ReservationQueries } from '../control/ports.ts';
import type { AgentTrustRecords } from '../records/agent-trust.ts';
import { PostgresAgentTrust } from './agent-trust-records.ts';
import { Connections } from './connections.ts';
import { DatabaseClock } from './database-clock.ts';
import { isMigrated } from './migrate.ts';
import { PostgresBooks } from './postgres-books.ts';
import { PrismaQueries } from './prisma-queries.ts';

const CLOCK_PERIOD_MS = 10_000;

export interface Store {
  readonly books: BooksStore;
  readonly queries: ReservationQueries;
  readonly agentTrust: AgentTrustRecords;
  health(): Promise<DatabaseHealth>;
  close(): Promise<void>;
}

/** Opens a migrated database. @throws StoreFault when it cannot be reached. */
export async function openStore(
  url: string,
  options: { readonly poolSize?: number; readonly onError?: (error: Error) => void } = {},
): Promise<Store> {
  const connections = new Connections({
    url,
    poolSize: options.poolSize ?? 10,
    onError: options.onError ?? (() => {}),
  });
  const clock = new DatabaseClock(async () => {
    const rows = await connections.query<{ now: number }>({
      text: 'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now',
    });
    return rows[0]!.now;
  });
  try {
    await clock.measure();
  } catch (error) {
    await connections.close();
    throw error;
  }
  const timer = setInterval(() => {
    // While the database is away the clock runs on by itself.
    clock.measure().catch(() => {});
  }, CLOCK_PERIOD_MS);
  timer.unref();
  return {
    books: new PostgresBooks(connections, clock),
    queries: new PrismaQueries(connections.pool),
    agentTrust: new PostgresAgentTrust(connections),
    health: () => healthOf(connections),
    close: async () => {
      clearInterval(timer);
      await connections.close();
    },
  };
}

async function healthOf(connections: Connections): Promise<DatabaseHealth> {
  try {
    const settings = await connections.query<{ name: string; setting: string }>({
      text: `SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes')`,
    });
    const warnings = settings
      .filter(({ setting }) => setting === 'off')
      .map(({ name }) => `the database has ${name} off: what was acknowledged can be lost in a crash`);
    return { reachable: true, migrated: await isMigrated(connections.pool), warnings };
  } catch {
    return { reachable: false, migrated: false, warnings: [] };
  }
}
