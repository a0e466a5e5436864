import { randomUUID } from 'node:crypto';
import pg from 'pg';

/** A setting of the session that nothing else knows, so that no pooler keeps it for its clients. */
const SETTING = 'headroom.session';

/**
 * Whether every connection is a session of its own. Behind a pooler that shares them (PgBouncer's transaction mode, say) locks
 * that are held by the session, time limits and LISTEN end up with somebody else, and a start can wait for ever for a lock that
 * nobody gives back.
 *
 * @throws Error with one sentence where it is not.
 */
export async function checkSessions(url: string): Promise<void> {
  const [one, other] = [client(url), client(url)];
  const mark = randomUUID();
  try {
    await Promise.all([one.connect(), other.connect()]);
    await one.query(`SELECT set_config('${SETTING}', $1, false)`, [mark]);
    // The second holds whatever connection it is given until it ends its transaction; if the first keeps its own, it is its own.
    await other.query('BEGIN').catch((error: Error) => {
      throw new Error(`it refuses a transaction (${error.message}): ${REMEDY}`, { cause: error });
    });
    const shared = (await setting(other)) === mark;
    const kept = (await setting(one)) === mark;
    await other.query('ROLLBACK');
    if (shared || !kept) throw new Error(`a pooler shares its sessions between connections: ${REMEDY}`);
    await one.query(`SELECT set_config('${SETTING}', '', false)`);
  } finally {
    await Promise.all([one, other].map((each) => each.end().catch(() => {})));
  }
}

const REMEDY = 'name PostgreSQL itself, or a pool in session mode';

function client(url: string): pg.Client {
  const made = new pg.Client({
    connectionString: url,
    application_name: 'headroom check',
    connectionTimeoutMillis: 5_000,
    query_timeout: 5_000,
  });
  made.on('error', () => {});
  return made;
}

async function setting(of: pg.Client): Promise<string | null> {
  const { rows } = await of.query<{ value: string | null }>(`SELECT current_setting('${SETTING}', true) AS value`);
  return rows[0]!.value;
}
