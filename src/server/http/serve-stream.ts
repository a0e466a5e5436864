import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { HttpSettings } from './context.ts';
import { EventStream } from './event-stream.ts';

/** Answers requests with streams of server-sent events, and ends those that are open when the server stops. */
export class StreamServer {
  readonly #settings: HttpSettings;
  readonly #open = new Set<AbortController>();

  constructor(app: FastifyInstance, settings: HttpSettings) {
    this.#settings = settings;
    app.addHook('preClose', (done) => {
      for (const each of this.#open) each.abort();
      done();
    });
  }

  /**
   * Until the source ends, the caller goes away, or reads too slowly.
   * @param source what it throws before the stream is open is answered as a problem
   * @param firstWaitMs how long a refusal may take to show before the stream is opened; null = the source refuses at once
   */
  async serve<T>(
    request: FastifyRequest,
    reply: FastifyReply,
    source: (signal: AbortSignal) => AsyncIterable<T>,
    text: (item: T) => string,
    firstWaitMs: number | null,
  ): Promise<void> {
    const { events, metrics } = this.#settings;
    const gone = new AbortController();
    const { signal } = gone;
    const items = source(signal)[Symbol.asyncIterator]();
    this.#open.add(gone);
    reply.raw.once('close', () => {
      this.#open.delete(gone);
      gone.abort();
    });
    let next = items.next();
    if (firstWaitMs !== null) await settledWithin(next, firstWaitMs);

    reply.hijack();
    const stream = new EventStream(reply.raw, {
      headers: { 'x-correlator': request.id },
      heartbeatMs: events?.heartbeatMs ?? 15_000,
      stallMs: events?.stallMs ?? 10_000,
    });
    metrics.watching('http', 1);
    try {
      for (;;) {
        const result = await next;
        if (result.done === true || signal.aborted) break;
        if (!(await stream.send(text(result.value), signal))) {
          request.log.info({ correlator: request.id }, 'an event stream was closed: its reader is too slow');
          break;
        }
        next = items.next();
      }
    } catch (error) {
      if (!signal.aborted) {
        request.log.error({ correlator: request.id, err: error }, 'an event stream broke');
        stream.fail(error, request.url);
      }
    } finally {
      metrics.watching('http', -1);
      gone.abort();
      stream.close();
      // The source may still have something to close; the stream is over either way.
      items.return?.().catch((error: unknown) => {
        request.log.warn({ correlator: request.id, err: error }, 'the source of an event stream did not end well');
      });
    }
  }
}

/** Waits until the promise settles, at most so long. @throws what the promise rejects with */
async function settledWithin(promise: Promise<unknown>, milliseconds: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  try {
    await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
