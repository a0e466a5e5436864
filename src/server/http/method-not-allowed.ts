import type { FastifyInstance } from 'fastify';
import { METHODS as PARSED } from 'node:http';
import { ControlError } from '../control/errors.ts';
import { NoQuery } from './schemas/shared.ts';

/** All that Node's parser lets through; CONNECT never becomes a request. */
const METHODS = PARSED.filter((method) => method !== 'CONNECT');

/**
 * Remembers the routes that are added from now on. The function it returns adds, for every path, what answers the
 * methods that it does not have: 405 with Allow.
 */
export function refuseOtherMethods(scope: FastifyInstance): () => void {
  for (const method of METHODS) if (!scope.supportedMethods.includes(method)) scope.addHttpMethod(method);
  const known = new Map<string, Set<string>>();
  scope.addHook('onRoute', (route) => {
    const methods = known.get(route.url) ?? new Set<string>();
    for (const method of [route.method].flat()) methods.add(method);
    known.set(route.url, methods);
  });
  return () => {
    for (const [url, methods] of [...known]) {
      const allow = [...methods].sort().join(', ');
      scope.route({
        url,
        method: METHODS.filter((method) => !methods.has(method)),
        schema: { hide: true, querystring: NoQuery },
        exposeHeadRoute: false,
        // Before the body is looked at.
        onRequest: (request, reply, done) => {
          reply.header('allow', allow);
          done(
            new ControlError('METHOD_NOT_ALLOWED', `${request.method} is not one of ${allow}`, { details: { allow } }),
          );
        },
        handler: () => undefined,
      });
    }
  };
}
