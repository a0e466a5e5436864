import { readFileSync } from 'node:fs';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { goodRequest, goodTopology, RESERVATION_ID } from '../edge-control.ts';
import { buildApp } from './app.ts';

interface Document {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, unknown> };
}
interface Operation {
  readonly operationId?: string;
  readonly responses: Record<string, { readonly content?: Record<string, { readonly schema: object }> }>;
}

async function load() {
  const built = buildApp();
  const response = await built.app.inject('/openapi.json');
  return { ...built, text: response.body, document: response.json<Document>() };
}

describe('/openapi.json', () => {
  it('validates', async () => {
    const { document } = await load();
    const result = await new Validator().validate(structuredClone(document) as never);
    expect(result.errors).toBeUndefined();
    expect(result.valid).toBe(true);
    expect(document.openapi).toBe('3.1.0');
  });

  it('is the committed one, from which the client is made', async () => {
    const { document } = await load();
    expect(document).toEqual(JSON.parse(readFileSync('src/gen/openapi.json', 'utf8')));
  });

  it('names every call once', async () => {
    const { document } = await load();
    const names = Object.values(document.paths).flatMap((path) => Object.values(path).map((each) => each.operationId));
    expect([...names].sort()).toEqual(
      [
        ...[
          'createReservation',
          'enrolAgent',
          'revokeAgent',
          'getAgent',
          'getAgentRsvp',
          'getHealth',
          'getLink',
          'getMetrics',
          'getNode',
        ],
        ...[
          'getOpenApi',
          'getReadiness',
          'getReservation',
          'getTopology',
          'getVersion',
          'importTopology',
          'listAgents',
        ],
        ...[
          'listLinks',
          'listNodes',
          'listReservations',
          'modifyReservation',
          'putTopology',
          'releaseReservation',
          'watchAgentRsvp',
          'watchEvents',
        ],
      ].sort(),
    );
  });

  it.each([
    ['GET', '/v1/topology', '/v1/topology', undefined],
    ['PUT', '/v1/topology', '/v1/topology', goodTopology()],
    ['GET', '/v1/nodes', '/v1/nodes', undefined],
    ['GET', '/v1/nodes/a', '/v1/nodes/{id}', undefined],
    ['GET', '/v1/links', '/v1/links', undefined],
    ['GET', '/v1/links/a:eth0', '/v1/links/{id}', undefined],
    ['POST', '/v1/reservations', '/v1/reservations', goodRequest()],
    ['POST', '/v1/reservations?validateOnly=true', '/v1/reservations', goodRequest()],
    ['GET', '/v1/reservations', '/v1/reservations', undefined],
    ['GET', `/v1/reservations/${RESERVATION_ID}`, '/v1/reservations/{id}', undefined],
    ['PATCH', `/v1/reservations/${RESERVATION_ID}`, '/v1/reservations/{id}', { name: 'other' }],
    ['GET', '/v1/agents', '/v1/agents', undefined],
    ['GET', '/v1/agents/r1', '/v1/agents/{id}', undefined],
    ['GET', '/v1/agents/r1/rsvp', '/v1/agents/{id}/rsvp', undefined],
    ['GET', '/v1/version', '/v1/version', undefined],
    ['GET', '/healthz', '/healthz', undefined],
    ['GET', '/readyz', '/readyz', undefined],
    ['GET', '/v1/links/none', '/v1/links/{id}', undefined],
  ] as const)('tells the truth about %s %s', async (method, url, path, payload) => {
    const { app, document } = await load();
    await app.inject({ method: 'PUT', url: '/v1/topology', payload: goodTopology() });
    const response = await app.inject({ method, url, ...(payload ? { payload } : {}) });
    const { responses } = document.paths[path]![method.toLowerCase()]!;
    const described = responses[response.statusCode] ?? responses[`${String(response.statusCode)[0]}XX`];
    const type = String(response.headers['content-type']).split(';')[0]!;
    const schema = described?.content?.[type]?.schema;
    expect(schema).toBeDefined();
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    // Members that the document does not tell are a fault here, whatever it allows callers to expect.
    const components = JSON.parse(JSON.stringify(document.components)) as { schemas: Record<string, object> };
    for (const [name, each] of Object.entries(components.schemas)) if (name !== 'Problem') closeObjects(each);
    const validate = ajv.compile({ ...closeObjects(structuredClone(schema!)), components });
    validate(response.json());
    expect(validate.errors).toBeNull();
  });
});

function closeObjects<T extends object>(schema: T): T {
  const node = schema as Record<string, unknown>;
  if (node['properties'] && node['additionalProperties'] === undefined) node['additionalProperties'] = false;
  for (const value of Object.values(node)) if (typeof value === 'object' && value !== null) closeObjects(value);
  return schema;
}
