import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { HttpSettings } from '../context.ts';
import { badField } from '../problem.ts';
import { eventToText } from '../representation/event.ts';
import { problems } from '../schemas/problem.ts';
import { EventStream } from '../event-stream.ts';

const LastEventIdHeader = Type.Object({
  'last-event-id': Type.Optional(Type.String({ description: 'Every event after this one first; absent: from now on' })),
});

/** A resumed stream that has nothing to send yet is opened after so long; until then it can still be refused. */
const FIRST_EVENT_WAIT_MS = 500;

/** Server-sent events: each once, in order, `id` being the token to resume from. */
export function eventRoutes(app: FastifyInstance, { control, events, metrics }: HttpSettings): void {
  const open = new Set<AbortController>();
  app.addHook('preClose', (done) => {
    for (const each of open) each.abort();
    done();
  });

  app.get(
    '/v1/events',
    {
      exposeHeadRoute: false,
      schema: {
        operationId: 'watchEvents',
        summary: 'Events as they happen (server-sent events)',
        tags: ['events'],
        headers: LastEventIdHeader,
        response: {
          200: {
            description: 'id, event (the type) and data (JSON) of each event; comment lines as heartbeat',
            content: { 'text/event-stream': { schema: Type.String() } },
          },
          ...problems,
        },
      },
    },
    async (request, reply) => {
      const after = readLastEventId(request.headers['last-event-id']);
      const gone = new AbortController();
      open.add(gone);
      reply.raw.once('close', () => {
        open.delete(gone);
        gone.abort();
      });
      const { signal } = gone;
      const source = control.watchEvents(after, signal)[Symbol.asyncIterator]();
      let next = source.next();
      if (after !== null) await settledWithin(next, FIRST_EVENT_WAIT_MS);

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
          if (!(await stream.send(eventToText(result.value), signal))) {
            request.log.info({ correlator: request.id }, 'an event stream was closed: its reader is too slow');
            break;
          }
          next = source.next();
        }
      } catch (error) {
        if (!signal.aborted) {
          request.log.error({ correlator: request.id, err: error }, 'an event stream broke');
          stream.fail(error);
        }
      } finally {
        metrics.watching('http', -1);
        gone.abort();
        stream.close();
        // The source may still have something to close; the stream is over either way.
        source.return?.().catch((error: unknown) => {
          request.log.warn({ correlator: request.id, err: error }, 'the source of an event stream did not end well');
        });
      }
    },
  );
}

function readLastEventId(header: string | string[] | undefined): bigint | null {
  if (header === undefined || header === '') return null;
  const text = String(header);
  if (!/^\d{1,18}$/.test(text)) throw badField('Last-Event-ID', text, 'must be the id of an event');
  return BigInt(text);
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
