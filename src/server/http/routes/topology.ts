import type { FastifyInstance } from 'fastify';
import { Type, type Static } from 'typebox';
import type { HttpSettings } from '../context.ts';
import { readIfMatch } from '../headers.ts';
import { topologyDocument } from '../../../core/network/document.ts';
import { topologyOutcomeToJson } from '../representation/topology.ts';
import { problems } from '../schemas/problem.ts';
import { Closed, Ref } from '../schemas/shared.ts';
import { TopologyInputSchema, TopologyOutcomeSchema, TopologySchema } from '../schemas/topology.ts';
import { bodyJudgedByCore } from '../validation.ts';

/** Of PUT and of import. */
export const replaceParameters = {
  validateOnly: Type.Optional(Type.Boolean({ description: 'Judge and answer what would change, store nothing' })),
  force: Type.Optional(Type.Boolean({ description: 'Drop links with live bookings too; those reservations end' })),
};
export const IfMatchHeader = Type.Object({
  'if-match': Type.Optional(
    Type.String({ description: 'ETag of the topology that is replaced; required when one is stored' }),
  ),
});

export const TOPOLOGY_BODY_LIMIT = 64 * 1024 * 1024;

const PutQuery = Closed(replaceParameters);

export function topologyRoutes(app: FastifyInstance, { control }: HttpSettings): void {
  const tags = ['topology'];

  app.get(
    '/v1/topology',
    {
      schema: {
        operationId: 'getTopology',
        summary: 'The whole stored network; its ETag is for If-Match',
        tags,
        response: { 200: Ref(TopologySchema), ...problems },
      },
    },
    async (_request, reply) => {
      const { topology, etag } = await control.getTopology();
      return reply.header('etag', etag).send(topologyDocument(topology));
    },
  );

  app.put<{ Querystring: Static<typeof PutQuery> }>(
    '/v1/topology',
    {
      bodyLimit: TOPOLOGY_BODY_LIMIT,
      validatorCompiler: bodyJudgedByCore(app.validatorCompiler!),
      schema: {
        operationId: 'putTopology',
        summary: 'Replaces the stored network and answers what changed',
        tags,
        headers: IfMatchHeader,
        querystring: PutQuery,
        body: Ref(TopologyInputSchema),
        response: { 200: Ref(TopologyOutcomeSchema), ...problems },
      },
    },
    async (request, reply) => {
      const outcome = await control.putTopology(request.body, {
        ifMatch: readIfMatch(request.headers['if-match']),
        force: request.query.force ?? false,
        validateOnly: request.query.validateOnly ?? false,
      });
      return reply.header('etag', outcome.etag).send(topologyOutcomeToJson(outcome));
    },
  );
}
