import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Connections } from '../../../src/server/store/connections.ts';
import { startTestDatabase, type TestDatabase } from '../../support/database.ts';

let database: TestDatabase;
let admin: pg.Client;

beforeAll(async () => {
  database = await startTestDatabase();
  admin = new pg.Client({ connectionString: await database.fresh() });
  await admin.connect();
});
afterAll(async () => {
  await admin.end();
  await database.close();
});

/** Cuts a connection that is in use, while or before all are being closed; what is told of it. */
async function told(closing: boolean): Promise<string[]> {
  const errors: string[] = [];
  const connections = new Connections({
    url: await database.fresh(),
    poolSize: 2,
    onError: ({ message }) => void errors.push(message),
  });
  let closed: Promise<void> | null = null;
  await connections
    .session(async (client) => {
      const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      if (closing) closed = connections.close();
      const cut = new Promise<void>((resolve) => client.once('end', () => resolve()));
      await admin.query('SELECT pg_terminate_backend($1)', [rows[0]!.pid]);
      await cut;
      await client.query('SELECT 1');
    })
    .catch(() => undefined);
  await (closed ?? connections.close());
  return errors;
}

describe('a connection that the database cuts', () => {
  it('is told of, as somebody has to look into it', async () => {
    expect((await told(false))[0]).toMatch(/terminating connection/);
  });

  it('is nothing to tell of while the server stops', async () => {
    expect(await told(true)).toEqual([]);
  });
});
