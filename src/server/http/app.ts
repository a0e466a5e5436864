import fastify, { LogController, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { ControlError, ERROR_CATALOGUE } from '../control/errors.ts';
import { acceptJson, refuseEncodedBodies } from './body.ts';
import { answerClientError } from './client-error.ts';
import { endConnectionsOnClose } from './connections.ts';
import type { HttpSettings } from './context.ts';
import { checkCorrelator, correlator } from './correlator.ts';
import { createGuard } from './guard.ts';
import { refuseOtherMethods } from './method-not-allowed.ts';
import { registerOpenApi } from './openapi.ts';
import { problemBody, PROBLEM_TYPE, toControlError } from './problem.ts';
import { StreamServer } from './serve-stream.ts';
import { agentRoutes } from './routes/agents.ts';
import { eventRoutes } from './routes/events.ts';
import { linkRoutes } from './routes/links.ts';
import { nodeRoutes } from './routes/nodes.ts';
import { operationRoutes } from './routes/operations.ts';
import { reservationRoutes } from './routes/reservations.ts';
import { topologyImportRoute } from './routes/topology-import.ts';
import { topologyRoutes } from './routes/topology.ts';
import { AgentSchema, EnrolledAgentSchema } from './schemas/agent.ts';
import { ProblemSchema } from './schemas/problem.ts';
import { ReservationPatchSchema, ReservationRequestSchema, ReservationSchema } from './schemas/reservation.ts';
import { NoQuery } from './schemas/shared.ts';
import {
  LinkSchema,
  NodeSchema,
  TopologyInputSchema,
  TopologyOutcomeSchema,
  TopologySchema,
} from './schemas/topology.ts';
import { createValidatorCompiler } from './validation.ts';

const SHARED_SCHEMAS = [
  AgentSchema,
  EnrolledAgentSchema,
  LinkSchema,
  NodeSchema,
  ProblemSchema,
  ReservationPatchSchema,
  ReservationRequestSchema,
  ReservationSchema,
  TopologyInputSchema,
  TopologyOutcomeSchema,
  TopologySchema,
];

/** The HTTP edge over a control; the caller listens and closes. Closing ends open event streams first. */
export function createHttpApp(settings: HttpSettings): FastifyInstance {
  const app = fastify({
    loggerInstance: settings.logger,
    // One line a call, written by the hook below.
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: correlator,
    bodyLimit: 1024 * 1024,
    requestTimeout: 120_000,
    return503OnClosing: false,
    routerOptions: { maxParamLength: 500 },
    // A link id may hold '#', which the router would take for the end of the path.
    rewriteUrl: (request) => (request.url ?? '/').replaceAll('#', '%23'),
    clientErrorHandler: answerClientError,
    frameworkErrors: (error, request, reply) => sendProblem(error, request as FastifyRequest, reply as FastifyReply),
    ...(settings.tls ? { https: settings.tls } : {}),
  }) as unknown as FastifyInstance;

  app.decorateRequest('problemCode', null);
  for (const schema of SHARED_SCHEMAS) app.addSchema(schema);
  app.setValidatorCompiler(createValidatorCompiler(SHARED_SCHEMAS));
  // Answers are built whole by representation/; their schemas are documentation, held to it by tests.
  app.setSerializerCompiler(() => (value) => JSON.stringify(value));
  app.setErrorHandler(sendProblem);
  app.setNotFoundHandler((request) => {
    throw notFound(request);
  });
  acceptJson(app);
  refuseEncodedBodies(app);
  endConnectionsOnClose(app);
  addHooks(app, settings);
  registerOpenApi(app, settings.version);
  app.register((scope, _options, done) => {
    scope.addHook('onRoute', (route) => {
      route.schema = { querystring: NoQuery, ...route.schema };
    });
    const refuse = refuseOtherMethods(scope);
    operationRoutes(scope, settings);
    topologyRoutes(scope, settings);
    topologyImportRoute(scope, settings);
    nodeRoutes(scope, settings);
    linkRoutes(scope, settings);
    reservationRoutes(scope, settings);
    const streams = new StreamServer(scope, settings);
    agentRoutes(scope, settings, streams);
    eventRoutes(scope, settings, streams);
    // After the routes that are in a scope of their own.
    scope.after((error) => {
      if (error) throw error;
      refuse();
    });
    done();
  });
  return app;
}

function addHooks(app: FastifyInstance, settings: HttpSettings): void {
  const guard = createGuard(settings.access);
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-correlator', request.id);
    try {
      checkCorrelator(request.headers['x-correlator']);
      guard(request);
      // Before the body is read: an unknown path is not a wrong content type.
      if (request.is404) throw notFound(request);
      done();
    } catch (error) {
      done(error as Error);
    }
  });
  app.addHook('onSend', (request, reply, payload, done) => {
    if (request.method === 'GET' && request.url.startsWith('/v1/') && settings.control.isStale()) {
      reply.header('headroom-stale', 'true');
    }
    done(null, payload);
  });
  app.addHook('onResponse', (request, reply, done) => {
    const operation = request.routeOptions.schema?.operationId ?? 'none';
    const code = request.problemCode ?? 'OK';
    settings.metrics.request('http', operation, code, reply.elapsedTime / 1000);
    const line = { correlator: request.id, operation, method: request.method, url: request.url };
    const outcome = { status: reply.statusCode, code, ms: Math.round(reply.elapsedTime * 10) / 10 };
    if (operation === 'getHealth' || operation === 'getReadiness')
      request.log.debug({ ...line, ...outcome }, 'answered');
    else request.log.info({ ...line, ...outcome }, 'answered');
    done();
  });
}

function notFound(request: FastifyRequest): ControlError {
  return new ControlError('NOT_FOUND', `There is nothing at ${pathOf(request)}`);
}

const pathOf = (request: FastifyRequest): string => request.url.split('?', 1)[0]!.slice(0, 500);

function sendProblem(thrown: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const { error, unexpected } = toControlError(thrown);
  if (unexpected) request.log.error({ correlator: request.id, err: thrown }, 'a call failed inside');
  request.problemCode = error.code;
  const status = ERROR_CATALOGUE[error.code].http;
  if (status === 401) reply.header('www-authenticate', 'Bearer realm="headroom"');
  const retryAfter = error.retryAfterSeconds ?? (status === 503 ? 1 : null);
  if (retryAfter !== null) reply.header('retry-after', String(retryAfter));
  const body = JSON.stringify(problemBody(error, pathOf(request)));
  // As bytes: a text would get a charset parameter, which the media type does not have.
  void reply.code(status).header('content-type', PROBLEM_TYPE).send(Buffer.from(body));
}
