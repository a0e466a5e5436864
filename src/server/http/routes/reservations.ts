import type { FastifyInstance } from 'fastify';
import { Type, type Static } from 'typebox';
import type { HttpSettings } from '../context.ts';
import { readAsJson } from '../body.ts';
import { readIdempotencyKey, readIfMatch } from '../headers.ts';
import { reservationEtag, reservationToJson } from '../representation/reservation.ts';
import { problems } from '../schemas/problem.ts';
import {
  RESERVATION_STATES,
  ReservationPatchSchema,
  ReservationRequestSchema,
  ReservationSchema,
} from '../schemas/reservation.ts';
import { Choice, Closed, IdParams, NullableString, Ref } from '../schemas/shared.ts';
import { bodyJudgedByCore } from '../validation.ts';

const CreateQuery = Closed({
  validateOnly: Type.Optional(Type.Boolean({ description: 'Decide and answer the same, book nothing' })),
});

const ListQuery = Closed({
  pageSize: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, description: 'Default 100' })),
  pageToken: Type.Optional(Type.String({ description: '`nextPageToken` of the page before' })),
  state: Type.Optional(Type.Array(Choice(RESERVATION_STATES), { description: 'Any of these; repeat the parameter' })),
  source: Type.Optional(Type.String({ description: 'Source address' })),
  destination: Type.Optional(Type.String({ description: 'Destination address' })),
  node: Type.Optional(Type.String({ description: 'On the path' })),
  link: Type.Optional(Type.String({ description: 'On the path' })),
});

const IdempotencyHeader = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({ description: 'Quoted or bare, kept for 24 h: a success is replayed, a refusal is decided afresh' }),
  ),
});

const PatchHeaders = Type.Object({
  'if-match': Type.Optional(Type.String({ description: 'ETag of the reservation that is changed; required' })),
  ...IdempotencyHeader.properties,
});

const ReleaseHeaders = Type.Object({
  'if-match': Type.Optional(
    Type.String({ description: 'ETag of the reservation that is released; absent: whatever it is' }),
  ),
});

const MERGE_PATCH = 'application/merge-patch+json';

export function reservationRoutes(app: FastifyInstance, { control }: HttpSettings): void {
  const tags = ['reservations'];
  const params = IdParams('UUIDv7');

  app.post<{ Body: Static<typeof ReservationRequestSchema>; Querystring: Static<typeof CreateQuery> }>(
    '/v1/reservations',
    {
      schema: {
        operationId: 'createReservation',
        summary: 'Books; a refusal says every reason and what would fit instead',
        tags,
        headers: IdempotencyHeader,
        querystring: CreateQuery,
        body: Ref(ReservationRequestSchema),
        response: {
          200: { ...Ref(ReservationSchema), description: 'With validateOnly: what would be booked' },
          201: { ...Ref(ReservationSchema), description: 'Booked, durably' },
          ...problems,
        },
      },
    },
    async (request, reply) => {
      const validateOnly = request.query.validateOnly ?? false;
      const { reservation, replayed } = await control.reserve(request.body, {
        validateOnly,
        idempotencyKey: readIdempotencyKey(request.headers['idempotency-key']),
      });
      if (validateOnly) return reply.code(200).send(reservationToJson(reservation, false));
      if (replayed) reply.header('idempotency-replayed', 'true');
      return reply
        .code(201)
        .header('location', `/v1/reservations/${reservation.id}`)
        .header('etag', `"${reservationEtag(reservation)}"`)
        .send(reservationToJson(reservation));
    },
  );

  app.get<{ Querystring: Static<typeof ListQuery> }>(
    '/v1/reservations',
    {
      schema: {
        operationId: 'listReservations',
        summary: 'Reservations in the order of their creation, page by page',
        tags,
        querystring: ListQuery,
        response: {
          200: Type.Object({
            items: Type.Array(Ref(ReservationSchema)),
            nextPageToken: NullableString({ description: 'null = this was the last page' }),
          }),
          ...problems,
        },
      },
    },
    async (request) => {
      const { query } = request;
      const page = await control.listReservations({
        pageSize: query.pageSize ?? 100,
        pageToken: query.pageToken ?? null,
        states: query.state ?? [],
        source: query.source ?? null,
        destination: query.destination ?? null,
        node: query.node ?? null,
        link: query.link ?? null,
      });
      return { items: page.items.map((each) => reservationToJson(each)), nextPageToken: page.nextPageToken };
    },
  );

  app.get<{ Params: { id: string } }>(
    '/v1/reservations/:id',
    {
      schema: {
        operationId: 'getReservation',
        summary: 'One reservation, also when it has ended',
        tags,
        params,
        response: { 200: Ref(ReservationSchema), ...problems },
      },
    },
    async (request, reply) => {
      const reservation = await control.getReservation(request.params.id);
      return reply.header('etag', `"${reservationEtag(reservation)}"`).send(reservationToJson(reservation));
    },
  );

  app.register((scope, _options, done) => {
    readAsJson(scope, MERGE_PATCH);
    scope.patch<{ Params: { id: string }; Body: unknown }>(
      '/v1/reservations/:id',
      {
        validatorCompiler: bodyJudgedByCore(app.validatorCompiler!),
        schema: {
          operationId: 'modifyReservation',
          summary: 'Changes qos, name or labels in place; a change of qos is in force when `change` is null again',
          tags,
          headers: PatchHeaders,
          params,
          body: {
            required: true,
            content: Object.fromEntries(
              [MERGE_PATCH, 'application/json'].map((type) => [type, { schema: Ref(ReservationPatchSchema) }]),
            ),
          },
          response: { 200: { ...Ref(ReservationSchema), description: 'Admitted, durably' }, ...problems },
        },
      },
      async (request, reply) => {
        const { reservation, replayed } = await control.modifyReservation(request.params.id, [request.body ?? null], {
          ifMatch: readIfMatch(request.headers['if-match']),
          idempotencyKey: readIdempotencyKey(request.headers['idempotency-key']),
        });
        if (replayed) reply.header('idempotency-replayed', 'true');
        return reply.header('etag', `"${reservationEtag(reservation)}"`).send(reservationToJson(reservation));
      },
    );
    done();
  });

  app.delete<{ Params: { id: string } }>(
    '/v1/reservations/:id',
    {
      schema: {
        operationId: 'releaseReservation',
        summary: 'Releases; again 204 for one that is releasing or ended',
        tags,
        headers: ReleaseHeaders,
        params,
        response: { 204: Type.Null({ description: 'Released, durably' }), ...problems },
      },
    },
    async (request, reply) => {
      await control.releaseReservation(request.params.id, { ifMatch: readIfMatch(request.headers['if-match']) });
      return reply.code(204).send();
    },
  );
}
