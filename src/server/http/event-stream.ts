import type { ServerResponse } from 'node:http';
import { ERROR_CATALOGUE } from '../control/errors.ts';
import { problemBody, toControlError } from './problem.ts';

/** What is still in the buffer when a stream ends has so long to get out. */
const LAST_WORDS_MS = 1000;

/**
 * One open `text/event-stream`. What it holds for a reader is what the socket buffers and one event: the source is asked
 * for the next only when the last one has gone, and a reader that takes nothing for `stallMs` is cut off.
 */
export class EventStream {
  readonly #response: ServerResponse;
  readonly #stallMs: number;
  readonly #heartbeat: NodeJS.Timeout;

  constructor(
    response: ServerResponse,
    options: {
      readonly headers: Readonly<Record<string, string>>;
      readonly heartbeatMs: number;
      readonly stallMs: number;
    },
  ) {
    this.#response = response;
    this.#stallMs = options.stallMs;
    response.on('error', () => response.destroy());
    response.writeHead(200, {
      ...options.headers,
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
      // When the stream ends, so does the connection: a server that stops waits for none.
      connection: 'close',
    });
    // A first line lets the caller know at once that the stream is open.
    response.write('retry: 2000\n: open\n\n');
    this.#heartbeat = setInterval(() => {
      if (!response.writableNeedDrain) response.write(': \n\n');
    }, options.heartbeatMs);
  }

  /** False when the reader did not take it in time; the connection is then cut. */
  async send(text: string, signal: AbortSignal): Promise<boolean> {
    const response = this.#response;
    if (response.write(text) || signal.aborted) return true;
    return new Promise((resolve) => {
      const end = (taken: boolean): void => {
        clearTimeout(stall);
        response.off('drain', drained);
        signal.removeEventListener('abort', drained);
        resolve(taken);
      };
      const drained = (): void => end(true);
      const stall = setTimeout(() => {
        response.destroy();
        end(false);
      }, this.#stallMs);
      response.once('drain', drained);
      signal.addEventListener('abort', drained);
    });
  }

  /** Tells the reader why the stream ends: an event `problem` with the body that an error answer would have. */
  fail(error: unknown, instance: string): void {
    const known = toControlError(error).error;
    const body = { ...problemBody(known, instance), status: ERROR_CATALOGUE[known.code].http };
    this.#response.write(`event: problem\ndata: ${JSON.stringify(body)}\n\n`);
  }

  close(): void {
    clearInterval(this.#heartbeat);
    const response = this.#response;
    const cut = setTimeout(() => response.destroy(), LAST_WORDS_MS);
    response.once('close', () => clearTimeout(cut));
    response.end();
  }
}
