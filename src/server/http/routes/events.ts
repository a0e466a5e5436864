import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { HttpSettings } from '../context.ts';
import { badField } from '../problem.ts';
import { eventToText } from '../representation/event.ts';
import { problems } from '../schemas/problem.ts';
import type { StreamServer } from '../serve-stream.ts';

const LastEventIdHeader = Type.Object({
  'last-event-id': Type.Optional(Type.String({ description: 'Every event after this one first; absent: from now on' })),
});

/** A resumed stream that has nothing to send yet is opened after so long; until then it can still be refused. */
const FIRST_EVENT_WAIT_MS = 500;

/** Server-sent events: each once, in order, `id` being the token to resume from. */
export function eventRoutes(app: FastifyInstance, { control }: HttpSettings, streams: StreamServer): void {
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
      const firstWaitMs = after === null ? null : FIRST_EVENT_WAIT_MS;
      await streams.serve(request, reply, (signal) => control.watchEvents(after, signal), eventToText, firstWaitMs);
    },
  );
}

function readLastEventId(header: string | string[] | undefined): bigint | null {
  if (header === undefined || header === '') return null;
  const text = String(header);
  if (!/^\d{1,18}$/.test(text)) throw badField('Last-Event-ID', text, 'must be the id of an event');
  return BigInt(text);
}
