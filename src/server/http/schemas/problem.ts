import { Type } from 'typebox';
import { ERROR_CATALOGUE } from '../../control/errors.ts';
import { Choice, Ref } from './shared.ts';

const codes = Object.keys(ERROR_CATALOGUE) as (keyof typeof ERROR_CATALOGUE)[];

export const ProblemSchema = Type.Object(
  {
    type: Type.String({ description: '`urn:headroom:error:` and the code' }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String({ description: 'What happened, for people' }),
    instance: Type.String({ description: 'The path that was called' }),
    code: Choice(codes, { description: 'What happened, for programs' }),
    retryable: Type.Boolean({ description: 'The same request may succeed later' }),
    reasons: Type.Array(
      Type.Object(
        { reason: Type.String({ description: 'BANDWIDTH_UNAVAILABLE, NO_PATH, MTU_TOO_SMALL, …' }) },
        { additionalProperties: true },
      ),
      { description: 'Every reason of a refusal with its link or node, what was asked and what is there' },
    ),
    alternatives: Type.Array(
      Type.Object(
        { kind: Choice(['path', 'rate'], { description: 'What would have to change' }) },
        { additionalProperties: true },
      ),
      { description: 'What would fit instead' },
    ),
    fields: Type.Array(
      Type.Object({
        field: Type.String({ description: 'Such as `flow.source.port`' }),
        value: Type.Unsafe<string | number | boolean | null>({
          type: ['string', 'number', 'boolean', 'null'],
          description: 'The value as it was given; long text is cut',
        }),
        code: Choice(['INVALID_ARGUMENT', 'OUT_OF_RANGE']),
        problem: Type.String(),
      }),
      { description: 'What is wrong with which part of the request' },
    ),
  },
  { $id: 'Problem', additionalProperties: true, description: 'RFC 9457 problem details' },
);

/** For the `response` part of every call. */
export const problems = {
  '4xx': { description: 'Refused', content: { 'application/problem+json': { schema: Ref(ProblemSchema) } } },
  '5xx': {
    description: 'Cannot be answered now',
    content: { 'application/problem+json': { schema: Ref(ProblemSchema) } },
  },
} as const;
