import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { requireConfiguredToken } from '../../auth/bearer.ts';
import type { HttpSettings } from '../context.ts';
import { agentToJson } from '../representation/agent.ts';
import { time } from '../representation/time.ts';
import { traceToText } from '../representation/trace.ts';
import { AgentSchema, EnrolledAgentSchema } from '../schemas/agent.ts';
import { problems } from '../schemas/problem.ts';
import { IdParams, Ref } from '../schemas/shared.ts';
import type { StreamServer } from '../serve-stream.ts';

export function agentRoutes(app: FastifyInstance, { control, access }: HttpSettings, streams: StreamServer): void {
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

  // The pattern keeps `:enrol` out of the name, which would otherwise take the whole segment.
  const named = '/v1/agents/:id(^[a-z0-9][a-z0-9._-]*)';
  app.post<{ Params: { id: string } }>(
    `${named}::enrol`,
    {
      schema: {
        operationId: 'enrolAgent',
        summary: "A one-time token with which the node's agent gets its certificate; always needs the bearer token",
        tags,
        params,
        response: { 200: Ref(EnrolledAgentSchema), ...problems },
      },
    },
    async (request, reply) => {
      requireConfiguredToken(access.token);
      const enrolled = await control.enrolAgent(request.params.id);
      return reply.header('cache-control', 'no-store').send({ ...enrolled, expiresAt: time(enrolled.expiresAt) });
    },
  );

  app.post<{ Params: { id: string } }>(
    `${named}::revoke`,
    {
      schema: {
        operationId: 'revokeAgent',
        summary: "Ends certificates, tokens and stream of the node's agent; always needs the bearer token",
        tags,
        params,
        response: {
          200: Type.Object({ certificates: Type.Integer({ description: 'How many were revoked' }) }),
          ...problems,
        },
      },
    },
    async (request) => {
      requireConfiguredToken(access.token);
      return control.revokeAgent(request.params.id);
    },
  );
}
