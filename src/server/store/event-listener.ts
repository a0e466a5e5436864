import pg from 'pg';
import { EVENT_CHANNEL } from './event-rows.ts';

/** Polling alone is correct; notifications make it quick. */
const POLL_MS = 1_000;

/** Calls `hint` on every notification and every second, until the signal; connects again by itself. */
export function listenForEvents(url: string, hint: (last: bigint | null) => void, signal: AbortSignal): void {
  let client: pg.Client | null = null;
  let connecting = false;
  const connect = async (): Promise<void> => {
    if (client !== null || connecting || signal.aborted) return;
    connecting = true;
    const next = new pg.Client({
      connectionString: url,
      connectionTimeoutMillis: 5_000,
      application_name: 'headroom listen',
    });
    const lost = (): void => {
      if (client === next) client = null;
    };
    next.on('error', lost);
    next.on('end', lost);
    next.on('notification', ({ payload }) => hint(payload && /^\d+$/.test(payload) ? BigInt(payload) : null));
    try {
      await next.connect();
      await next.query(`LISTEN ${EVENT_CHANNEL}`);
      if (signal.aborted) await next.end();
      else client = next;
      hint(null);
    } catch {
      // Not there: the poll tries again, and goes on without.
      void next.end().catch(() => {});
    } finally {
      connecting = false;
    }
  };
  const poll = setInterval(() => {
    hint(null);
    void connect();
  }, POLL_MS);
  void connect();
  signal.addEventListener('abort', () => {
    clearInterval(poll);
    void client?.end().catch(() => {});
  });
}
