import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import pg from 'pg';
import { forgetKeys } from '../../../src/server/jobs/forget-keys.ts';
import { openStore, type Store } from '../../../src/server/store/open-store.ts';
import { createLoggers } from '../../../src/telemetry/logger.ts';
import { startTestDatabase, type TestDatabase } from '../../support/database.ts';

describe('forgetKeys', () => {
  let database: TestDatabase;
  let url: string;
  let store: Store;
  beforeAll(async () => {
    database = await startTestDatabase();
    url = await database.fresh();
    store = await openStore(url);
  });
  afterAll(async () => {
    await store.close();
    await database.close();
  });

  it('forgets every key older than a day and no other, in however many steps', async () => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query(`INSERT INTO idempotency_key (key, body_hash, reservation_id, created_at)
      SELECT 'old-' || i, '\\x00', gen_random_uuid(), now() - interval '24 hours 1 minute' FROM generate_series(1, 12000) i`);
    await client.query(`INSERT INTO idempotency_key (key, body_hash, reservation_id, created_at)
      VALUES ('young', '\\x00', gen_random_uuid(), now() - interval '23 hours 59 minutes')`);
    const stop = forgetKeys(store.books, createLoggers({ base: 'silent', bySubsystem: new Map() })('jobs'));
    const left = async (): Promise<string[]> =>
      (await client.query<{ key: string }>('SELECT key FROM idempotency_key LIMIT 5')).rows.map((row) => row.key);
    await expect.poll(left).toEqual(['young']);
    await stop();
    await client.end();
  });
});
