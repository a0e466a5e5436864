import pg from 'pg';
import { StoreFault } from '../control/ports.ts';
import { asFault } from './fault.ts';

export interface ConnectionSettings {
  readonly url: string;
  /** For queries outside the commit path. */
  readonly poolSize: number;
  /** Told of connections that break while nobody waits for them. */
  readonly onError: (error: Error) => void;
}

/** How long a statement of the commit path waits for a lock before its transaction is tried again. */
const LOCK_TIMEOUT_MS = 5_000;

/** The connections of one server: one for commits, where statements are pipelined, and a pool for everything else. */
export class Connections {
  readonly pool: pg.Pool;
  readonly #settings: ConnectionSettings;
  #commit: pg.Client | null = null;
  #closed = false;
  /** A database that stops with the server cuts connections that are just being closed: that is no failure. */
  readonly #failed = (error: Error): void => {
    if (!this.#closed) this.#settings.onError(error);
  };

  constructor(settings: ConnectionSettings) {
    this.#settings = settings;
    this.pool = new pg.Pool({
      connectionString: settings.url,
      max: settings.poolSize,
      connectionTimeoutMillis: 5_000,
      application_name: 'headroom',
      keepAlive: true,
    });
    this.pool.on('error', this.#failed);
  }

  get url(): string {
    return this.#settings.url;
  }

  /** @throws StoreFault */
  query<T extends pg.QueryResultRow>(query: pg.QueryConfig): Promise<T[]> {
    return this.session(async (client) => (await client.query<T>(query)).rows);
  }

  /** Statements that belong together, on one connection of the pool; a failed one is not used again. @throws StoreFault */
  async session<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    let client: pg.PoolClient;
    try {
      client = await this.pool.connect();
    } catch (error) {
      throw new StoreFault('away', error);
    }
    // The pool listens only to connections that it holds itself.
    client.on('error', this.#failed);
    let broken = true;
    try {
      const result = await work(client);
      broken = false;
      return result;
    } catch (error) {
      throw asFault(error);
    } finally {
      client.off('error', this.#failed);
      client.release(broken);
    }
  }

  /** The connection of the commit path, made anew after it broke. @throws StoreFault */
  async commitClient(): Promise<pg.Client> {
    if (this.#closed) throw new StoreFault('away', new Error('the server is stopping'));
    if (this.#commit !== null) return this.#commit;
    const client = new pg.Client({
      connectionString: this.#settings.url,
      pipeline: true,
      connectionTimeoutMillis: 5_000,
      application_name: 'headroom commit',
      keepAlive: true,
    });
    const forget = (): void => {
      if (this.#commit === client) this.#commit = null;
    };
    client.on('error', (error) => {
      forget();
      this.#failed(error);
    });
    client.on('end', forget);
    try {
      await client.connect();
      // As a statement: poolers refuse it among the parameters of a connection, or leave it out without a word.
      await client.query(`SET lock_timeout = ${LOCK_TIMEOUT_MS}`);
    } catch (error) {
      throw new StoreFault('away', error);
    }
    this.#commit = client;
    return client;
  }

  /** The commit connection is in a state that nobody knows: the next transaction gets another one. */
  dropCommitClient(client: pg.Client): void {
    if (this.#commit === client) this.#commit = null;
    void client.end().catch(() => {});
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([this.#commit?.end().catch(() => {}), this.pool.end()]);
  }
}
