import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { HttpSettings } from '../context.ts';
import { agentToJson } from '../representation/agent.ts';
import { traceToText } from '../representation/trace.ts';
import { AgentSchema } from '../schemas/agent.ts';
import { problems } from '../schemas/problem.ts';
import { IdParams, Ref } from '../schemas/shared.ts';
import type { StreamServer } from '../serve-stream.ts';

export function agentRoutes(app: FastifyInstance, { control }: HttpSettings, streams: StreamServer): void {
  const tags = ['agents'];
  const params = IdParams("The node's name");

  app.get(
    '/v1/agents',
    {
      schema: {
        operationId: 'listAgents',
        summary: 'The agents of all nodes that have one',
        tags,
        response: { 200: Type.Object({ items: Type.Array(Ref(AgentSchema)) }), ...problems },
      },
    },
    async () => ({ items: (await control.listAgents()).map(agentToJson) }),
  );

  app.get<{ Params: { id: string } }>(
    '/v1/agents/:id',
    {
      schema: {
        operationId: 'getAgent',
        summary: "One node's agent",
        tags,
        params,
        response: { 200: Ref(AgentSchema), ...problems },
      },
    },
    async (request) => agentToJson(await control.getAgent(request.params.id)),
  );

  app.get<{ Params: { id: string } }>(
    '/v1/agents/:id/rsvp',
    {
      schema: {
        operationId: 'getAgentRsvp',
        summary: 'Path and reservation state and kernel state of an agent, asked over its channel',
        tags,
        params,
        response: { 200: Type.Object({}, { additionalProperties: true }), ...problems },
      },
    },
    async (request) => control.getAgentRsvp(request.params.id),
  );

  app.get<{ Params: { id: string } }>(
    '/v1/agents/:id/rsvp/trace',
    {
      exposeHeadRoute: false,
      schema: {
        operationId: 'watchAgentRsvp',
        summary: 'RSVP messages of an agent as they come and go (server-sent events)',
        tags,
        params,
        response: {
          200: {
            description:
              'Events `message` (a message without its IP header as base64, and what was around it), `leftOut` (so many ' +
              'were not kept, since somebody was too slow) and `agent` (it went, or came back); comment lines as heartbeat',
            content: { 'text/event-stream': { schema: Type.String() } },
          },
          ...problems,
        },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      await streams.serve(request, reply, (signal) => control.watchAgentRsvp(id, signal), traceToText, null);
    },
  );
}
