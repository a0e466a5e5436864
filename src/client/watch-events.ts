import type { components } from '../gen/openapi.ts';
import { readEvents } from './event-reader.ts';
import { ProblemError, type Problem } from './problem-error.ts';

/** What happened, and the thing as it was afterwards. */
export interface HeadroomEvent {
  /** Resume token. */
  readonly id: string;
  /** `reservation.active`, … */
  readonly type: string;
  /** RFC 3339. */
  readonly time: string;
  readonly reservationId?: string;
  readonly reservation?: components['schemas']['Reservation'];
  /** Of events that are not about a reservation. */
  readonly data?: unknown;
}

export interface WatchOptions {
  /** Id of the last event seen: every later one comes; absent = from now on. */
  readonly after?: string;
  readonly signal?: AbortSignal;
  /** Called when the stream is open, again after each reconnect. */
  readonly onOpen?: () => void;
  /** Longest wait between attempts to reconnect; default 30,000. 0 = do not reconnect, throw instead. */
  readonly maxBackoffMs?: number;
}

/**
 * Events in order, each once, across lost connections, until the signal aborts.
 * @throws ProblemError when the server refuses the stream, such as EVENTS_PURGED
 */
export async function* watchEvents(
  open: (lastEventId: string | null, signal: AbortSignal | null) => Promise<Response>,
  options: WatchOptions = {},
): AsyncGenerator<HeadroomEvent> {
  const { signal = null, maxBackoffMs = 30_000 } = options;
  let last = options.after ?? null;
  let backoffMs = 250;
  while (!signal?.aborted) {
    try {
      const response = await open(last, signal);
      options.onOpen?.();
      for await (const block of readEvents(response.body!)) {
        if (block.event === 'problem') throw problemOf(block.data);
        const event = JSON.parse(block.data) as HeadroomEvent;
        backoffMs = 250;
        last = event.id;
        yield event;
      }
    } catch (error) {
      if (signal?.aborted) return;
      const lost = !(error instanceof ProblemError) || error.retryable;
      if (!lost || maxBackoffMs === 0) throw error;
    }
    if (maxBackoffMs === 0) return;
    await pause(Math.min(backoffMs, maxBackoffMs) * (0.5 + Math.random() / 2), signal);
    backoffMs *= 2;
  }
}

export function problemOf(data: string): ProblemError {
  const problem = JSON.parse(data) as Problem;
  return ProblemError.from(problem.status, problem);
}

/** Ends early, without an error, when the signal aborts. */
async function pause(milliseconds: number, signal: AbortSignal | null): Promise<void> {
  await new Promise<void>((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal?.addEventListener('abort', end);
  });
}
