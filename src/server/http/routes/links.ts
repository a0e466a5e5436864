import type { FastifyInstance } from 'fastify';
import { Type, type Static } from 'typebox';
import type { HttpSettings } from '../context.ts';
import { linkToJson } from '../representation/topology.ts';
import { problems } from '../schemas/problem.ts';
import { Closed, IdParams, Ref, Time } from '../schemas/shared.ts';
import { LinkSchema } from '../schemas/topology.ts';

const WhenQuery = Closed({
  at: Type.Optional(Time('An instant, not with from or to; default now')),
  from: Type.Optional(Time('Default now')),
  to: Type.Optional(Time('Default for ever')),
});

const whenOf = ({ at, from, to }: Static<typeof WhenQuery>) => ({
  at: at ?? null,
  from: from ?? null,
  to: to ?? null,
});

export function linkRoutes(app: FastifyInstance, { control }: HttpSettings): void {
  const tags = ['topology'];

  app.get<{ Querystring: Static<typeof WhenQuery> }>(
    '/v1/links',
    {
      schema: {
        operationId: 'listLinks',
        summary: 'All directed links with what is booked on them',
        tags,
        querystring: WhenQuery,
        response: { 200: Type.Object({ items: Type.Array(Ref(LinkSchema)) }), ...problems },
      },
    },
    async ({ query }) => ({ items: (await control.listLinks(whenOf(query))).map(linkToJson) }),
  );

  app.get<{ Params: { id: string }; Querystring: Static<typeof WhenQuery> }>(
    '/v1/links/:id',
    {
      schema: {
        operationId: 'getLink',
        summary: 'One directed link with what is booked on it, between two instants step by step',
        tags,
        querystring: WhenQuery,
        params: IdParams('Such as `r1:eth1`; a `#` is written `%23`'),
        response: { 200: Ref(LinkSchema), ...problems },
      },
    },
    async ({ params, query }) => linkToJson(await control.getLink(params.id, whenOf(query))),
  );
}
