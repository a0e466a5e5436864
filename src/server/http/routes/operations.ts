import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { HttpSettings } from '../context.ts';
import { problems } from '../schemas/problem.ts';
import { Choice } from '../schemas/shared.ts';

const ReadinessSchema = Type.Object({
  ready: Type.Boolean(),
  database: Choice(['ok', 'unreachable']),
  migrations: Choice(['ok', 'pending']),
  warnings: Type.Array(Type.String(), { description: 'Such as a database that acknowledges before it is durable' }),
});

/** Liveness, readiness, metrics, version and the document of all this. */
export function operationRoutes(app: FastifyInstance, settings: HttpSettings): void {
  const tags = ['operations'];

  app.get(
    '/healthz',
    {
      config: { open: true },
      schema: {
        operationId: 'getHealth',
        summary: 'The process answers',
        tags,
        response: { 200: Type.Object({ status: Choice(['ok']) }), ...problems },
      },
    },
    () => ({ status: 'ok' }),
  );

  app.get(
    '/readyz',
    {
      config: { open: true },
      schema: {
        operationId: 'getReadiness',
        summary: 'Calls can be answered: database reached, migrations applied',
        tags,
        response: { 200: ReadinessSchema, 503: ReadinessSchema, ...problems },
      },
    },
    async (_request, reply) => {
      const readiness = await settings.control.readiness();
      return reply.code(readiness.ready ? 200 : 503).send(readiness);
    },
  );

  app.get(
    '/metrics',
    {
      schema: {
        operationId: 'getMetrics',
        summary: 'Metrics in the text format of Prometheus',
        tags,
        response: {
          200: { description: 'Metrics', content: { 'text/plain': { schema: Type.String() } } },
          ...problems,
        },
      },
    },
    async (_request, reply) => {
      const { registry } = settings.metrics;
      return reply.type(registry.contentType).send(await registry.metrics());
    },
  );

  app.get(
    '/openapi.json',
    {
      config: { open: true },
      schema: {
        operationId: 'getOpenApi',
        summary: 'This document',
        tags,
        response: { 200: Type.Object({}, { additionalProperties: true }), ...problems },
      },
    },
    () => app.swagger(),
  );

  app.get('/', { config: { open: true }, schema: { hide: true, operationId: 'getRoot' } }, (_request, reply) =>
    reply.redirect('/docs'),
  );

  app.get(
    '/v1/version',
    {
      schema: {
        operationId: 'getVersion',
        summary: 'Version of the program',
        tags,
        response: { 200: Type.Object({ version: Type.String() }), ...problems },
      },
    },
    () => ({ version: settings.version }),
  );
}
