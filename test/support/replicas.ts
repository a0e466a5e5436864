import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import type { BooksStore } from '../../src/server/control/ports.ts';
import { startTestDatabase, type TestDatabase } from './database.ts';
import { type Replica, startReplica } from './replica.ts';

/** No notification, no poll reaches it. */
export const deaf = { wrap: (books: BooksStore) => Object.assign(books, { listen: () => {} }) };

/** For one file of tests: each has a fresh database, and replicas on it that are closed after it. */
export function useReplicas() {
  let database: TestDatabase;
  let url: string;
  const replicas: Replica[] = [];
  beforeAll(async () => {
    database = await startTestDatabase();
  });
  afterAll(() => database.close());
  beforeEach(async () => {
    url = await database.fresh();
  });
  afterEach(async () => {
    await Promise.all(replicas.splice(0).map((each) => each.close()));
  });
  return {
    /** Of the running test's database. */
    url: (): string => url,
    replica: async (options: Parameters<typeof startReplica>[1] = {}): Promise<Replica> => {
      const started = await startReplica(url, options);
      replicas.push(started);
      return started;
    },
    /** Before its test is over. */
    close: async (replica: Replica): Promise<void> => {
      replicas.splice(replicas.indexOf(replica), 1);
      await replica.close();
    },
  };
}
