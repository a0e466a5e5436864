import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { HttpSettings } from '../context.ts';
import { linkToJson } from '../representation/topology.ts';
import { problems } from '../schemas/problem.ts';
import { IdParams, Ref } from '../schemas/shared.ts';
import { LinkSchema } from '../schemas/topology.ts';

export function linkRoutes(app: FastifyInstance, { control }: HttpSettings): void {
  const tags = ['topology'];

  app.get(
    '/v1/links',
    {
      schema: {
        operationId: 'listLinks',
        summary: 'All directed links with what is booked on them now',
        tags,
        response: { 200: Type.Object({ items: Type.Array(Ref(LinkSchema)) }), ...problems },
      },
    },
    async () => ({ items: (await control.listLinks()).map(linkToJson) }),
  );

  app.get<{ Params: { id: string } }>(
    '/v1/links/:id',
    {
      schema: {
        operationId: 'getLink',
        summary: 'One directed link with what is booked on it now',
        tags,
        params: IdParams('Such as `r1:eth1`; a `#` is written `%23`'),
        response: { 200: Ref(LinkSchema), ...problems },
      },
    },
    async (request) => linkToJson(await control.getLink(request.params.id)),
  );
}
