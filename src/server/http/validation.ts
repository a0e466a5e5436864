import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import type { FastifySchemaCompiler } from 'fastify';
import type { TSchema } from 'typebox';
import type { FieldProblem } from '../../core/qos/request.ts';
import { badRequest } from '../control/bad-request.ts';
import type { ControlError } from '../control/errors.ts';
import { readQuery } from './query.ts';

/**
 * Judges bodies, parameters and query parameters by schema. Nothing is coerced, defaulted or removed.
 * The functions it makes answer `{value}` or `{error: ControlError}` with every problem named.
 */
export function createValidatorCompiler(shared: readonly TSchema[]): FastifySchemaCompiler<TSchema> {
  const ajv = new Ajv({
    allErrors: true,
    allowUnionTypes: true,
    strict: true,
    // Formats are documentation here: addresses and times are judged by the core, once for all edges.
    validateFormats: false,
  });
  for (const schema of shared) ajv.addSchema(schema);
  return ({ schema, httpPart }) => {
    const validate = ajv.compile(schema);
    if (httpPart === 'querystring') {
      return (raw: unknown) => {
        const read = readQuery(schema, raw as Readonly<Record<string, string | string[]>>);
        return read.problems.length > 0 ? { error: badRequest(read.problems) } : judge(validate, read.value, '');
      };
    }
    return (value: unknown) => judge(validate, value, httpPart === 'body' ? 'body' : '');
  };
}

/** For bodies whose judge is the core, which knows more than a schema: the schema is documentation. */
export const bodyJudgedByCore =
  (compile: FastifySchemaCompiler<TSchema>): FastifySchemaCompiler<TSchema> =>
  (part) =>
    part.httpPart === 'body' ? (value: unknown) => ({ value }) : compile(part);

function judge(validate: ValidateFunction, value: unknown, root: string): { value: unknown } | { error: ControlError } {
  if (validate(value)) return { value };
  // A body of a million faults is judged whole but told in part.
  const errors = (validate.errors ?? []).slice(0, 100);
  return { error: badRequest(errors.map((error) => fieldProblem(error, value, root))) };
}

function fieldProblem(error: ErrorObject, root: unknown, rootName: string): FieldProblem {
  const steps = error.instancePath.split('/').slice(1).map(unescapePointer);
  const params = error.params as Record<string, unknown>;
  const member = params['missingProperty'] ?? params['additionalProperty'];
  if (typeof member === 'string') steps.push(member);
  const outOfRange = ['minimum', 'maximum', 'minLength', 'maxLength', 'minItems', 'maxItems'].includes(error.keyword);
  return {
    field: fieldName(steps) || rootName,
    value: valueAt(root, steps),
    code: outOfRange ? 'OUT_OF_RANGE' : 'INVALID_ARGUMENT',
    problem: sentence(error, params),
  };
}

function sentence(error: ErrorObject, params: Record<string, unknown>): string {
  if (error.keyword === 'required') return 'is missing';
  if (error.keyword === 'additionalProperties') return 'is not a known field';
  if (error.keyword === 'enum') return `must be one of ${(params['allowedValues'] as unknown[]).join(', ')}`;
  if (error.keyword === 'type') return `must be ${[params['type']].flat().join(' or ')}`;
  return error.message ?? 'is not valid';
}

/** `links[3].id`; names that are not plain are quoted so that the path stays readable. */
function fieldName(steps: readonly string[]): string {
  return steps
    .map((step, i) => {
      if (/^\d+$/.test(step)) return `[${step}]`;
      const name = /^[\w$-]{1,100}$/.test(step) ? step : JSON.stringify(step.slice(0, 100));
      return i === 0 ? name : `.${name}`;
    })
    .join('');
}

function valueAt(root: unknown, steps: readonly string[]): unknown {
  let value = root;
  for (const step of steps) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string, unknown>)[step];
  }
  return value;
}

const unescapePointer = (step: string): string => step.replaceAll('~1', '/').replaceAll('~0', '~');
