import { type EmbeddedDatabase, startEmbedded } from './embedded.ts';

export interface SupervisedDatabase {
  /** The same for as long as the server lives. */
  readonly url: string;
  close(): Promise<void>;
}

const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 2_000;

/**
 * The embedded PostgreSQL, started again whenever it ends without being told to: with the server as its only parent nobody
 * else would. Its own recovery brings back every commit that it has acknowledged.
 *
 * @param log gets what PostgreSQL prints, a line a call.
 * @param onDeath told that it has ended, and of every start that failed; the next attempt follows.
 * @param onNotice told what else an operator has to know.
 * @throws Error when it cannot be started the first time.
 */
export async function superviseEmbedded(
  dataDir: string,
  log: (line: string) => void,
  onDeath: (problem: string) => void,
  onNotice: (notice: string) => void,
): Promise<SupervisedDatabase> {
  let database = await startEmbedded(dataDir, log, undefined, onNotice);
  const { url, port } = database;
  const closing = new AbortController();

  const startAgain = async (): Promise<EmbeddedDatabase | null> => {
    for (let wait = FIRST_WAIT_MS; !closing.signal.aborted; wait = Math.min(2 * wait, LONGEST_WAIT_MS)) {
      await pause(wait, closing.signal);
      if (closing.signal.aborted) break;
      try {
        return await startEmbedded(dataDir, log, port, onNotice);
      } catch (error) {
        // The sessions of the dead one may hold its memory for a moment longer.
        onDeath(`the embedded database cannot be started again yet: ${String(error)}`);
      }
    }
    return null;
  };
  const watch = async (): Promise<void> => {
    for (;;) {
      await database.ended;
      if (closing.signal.aborted) return;
      onDeath('the embedded database has ended; it is started again');
      const next = await startAgain();
      if (next === null) return;
      database = next;
      // Told to end while it was starting.
      if (closing.signal.aborted) return;
    }
  };
  const watching = watch();
  return {
    url,
    async close() {
      closing.abort();
      await database.close();
      await watching;
      await database.close();
    },
  };
}

/** Ends early, without an error, when the signal aborts. */
function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal.addEventListener('abort', end);
  });
}
