import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';

const DESCRIPTION = `Books quality of service between two endpoints of a stored network, keeps the promise, signals it with
RSVP and has it enforced on the hosts and routers of the path.

Rates are integers of bits per second, times are RFC 3339. Unknown members are refused, nothing is coerced. Errors are
RFC 9457 problems with a \`code\`.`;

/** The document is made from the routes themselves; its page is served without any other site. */
export function registerOpenApi(app: FastifyInstance, version: string): void {
  app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Headroom',
        version,
        description: DESCRIPTION,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: '/', description: 'The server that gave this document' }],
      tags: [
        { name: 'reservations', description: 'Book, read and release' },
        { name: 'topology', description: 'The stored network' },
        { name: 'agents', description: 'The programs on hosts and routers' },
        { name: 'events', description: 'What happens, as it happens' },
        { name: 'operations', description: 'Liveness, readiness, metrics' },
      ],
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', description: 'HEADROOM_TOKEN, where the server has one' },
        },
      },
      security: [{}, { bearer: [] }],
    },
    refResolver: { buildLocalReference: (json) => json.$id as string },
  });
  app.register(swaggerUi, { routePrefix: '/docs', staticCSP: true });
}
