import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { HttpSettings } from '../context.ts';
import { nodeToJson } from '../representation/topology.ts';
import { problems } from '../schemas/problem.ts';
import { IdParams, Ref } from '../schemas/shared.ts';
import { NodeSchema } from '../schemas/topology.ts';

export function nodeRoutes(app: FastifyInstance, { control }: HttpSettings): void {
  const tags = ['topology'];

  app.get(
    '/v1/nodes',
    {
      schema: {
        operationId: 'listNodes',
        summary: 'All nodes',
        tags,
        response: { 200: Type.Object({ items: Type.Array(Ref(NodeSchema)) }), ...problems },
      },
    },
    async () => ({ items: (await control.listNodes()).map(nodeToJson) }),
  );

  app.get<{ Params: { id: string } }>(
    '/v1/nodes/:id',
    {
      schema: {
        operationId: 'getNode',
        summary: 'One node',
        tags,
        params: IdParams("The node's name"),
        response: { 200: Ref(NodeSchema), ...problems },
      },
    },
    async (request) => nodeToJson(await control.getNode(request.params.id)),
  );
}
