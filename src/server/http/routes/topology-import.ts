import type { FastifyInstance } from 'fastify';
import { Type, type Static } from 'typebox';
import { IMPORT_FORMATS } from '../../../core/network/import.ts';
import { readText } from '../body.ts';
import type { HttpSettings } from '../context.ts';
import { readIfMatch } from '../headers.ts';
import { topologyOutcomeToJson } from '../representation/topology.ts';
import { problems } from '../schemas/problem.ts';
import { Choice, Closed, Ref } from '../schemas/shared.ts';
import { TopologyOutcomeSchema } from '../schemas/topology.ts';
import { IfMatchHeader, replaceParameters, TOPOLOGY_BODY_LIMIT } from './topology.ts';

const TYPES = [
  'application/graphml+xml',
  'application/json',
  'application/xml',
  'application/yaml',
  'text/plain',
  'text/xml',
  'text/yaml',
] as const;

const Query = Closed({
  format: Choice(IMPORT_FORMATS, { description: 'headroom: our own YAML or JSON; sndlib: native text or XML' }),
  ...replaceParameters,
  defaultCapacityBitsPerSecond: Type.Optional(
    Type.Integer({
      minimum: 1,
      description: 'For links whose speed the file does not tell; absent: they stay unknown',
    }),
  ),
  addressPool: Type.Optional(
    Type.String({ description: 'IPv4 prefix from which nodes without addresses get one: 10.128.0.0/9' }),
  ),
});

/** Takes text of any of these types as it is; `format` says what it is. */
export function topologyImportRoute(app: FastifyInstance, { control }: HttpSettings): void {
  app.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser<Buffer>([...TYPES], { parseAs: 'buffer' }, (_request, bytes, parsed) => {
      try {
        parsed(null, readText(bytes));
      } catch (error) {
        parsed(error as Error, undefined);
      }
    });

    scope.post<{ Querystring: Static<typeof Query>; Body: string | undefined }>(
      '/v1/topology::import',
      {
        bodyLimit: TOPOLOGY_BODY_LIMIT,
        schema: {
          operationId: 'importTopology',
          summary: 'Converts a file and replaces the stored network with it',
          tags: ['topology'],
          headers: IfMatchHeader,
          querystring: Query,
          body: {
            required: true,
            content: Object.fromEntries(TYPES.map((type) => [type, { schema: Type.String() }])),
          },
          response: { 200: Ref(TopologyOutcomeSchema), ...problems },
        },
      },
      async (request, reply) => {
        const { query } = request;
        const outcome = await control.importTopology(request.body ?? '', query.format, {
          ifMatch: readIfMatch(request.headers['if-match']),
          force: query.force ?? false,
          validateOnly: query.validateOnly ?? false,
          defaultCapacityBitsPerSecond: query.defaultCapacityBitsPerSecond ?? null,
          addressPool: query.addressPool ?? null,
        });
        return reply.header('etag', outcome.etag).send(topologyOutcomeToJson(outcome));
      },
    );
    done();
  });
}
