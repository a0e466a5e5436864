import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { HttpSettings } from '../context.ts';
import { agentToJson } from '../representation/agent.ts';
import { AgentSchema } from '../schemas/agent.ts';
import { problems } from '../schemas/problem.ts';
import { IdParams, Ref } from '../schemas/shared.ts';

export function agentRoutes(app: FastifyInstance, { control }: HttpSettings): void {
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
}
