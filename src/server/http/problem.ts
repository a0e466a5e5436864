import { ControlError, ERROR_CATALOGUE } from '../control/errors.ts';
import { shownValue } from '../control/shown-value.ts';
import { reasonToJson } from './representation/refusal.ts';

export const PROBLEM_TYPE = 'application/problem+json';

/** At most so many fields are listed: a body of a million faults must not become an answer of a million lines. */
const MAX_FIELDS = 100;

/** The body of an error answer (RFC 9457). `instance` is the path that was called. */
export function problemBody(error: ControlError, instance: string): Record<string, unknown> {
  const entry = ERROR_CATALOGUE[error.code];
  return {
    ...error.details,
    type: `urn:headroom:error:${error.code}`,
    title: entry.title,
    status: entry.http,
    detail: error.message,
    instance,
    code: error.code,
    retryable: entry.retryable,
    reasons: error.reasons.map(reasonToJson),
    alternatives: error.alternatives,
    fields: error.fields.slice(0, MAX_FIELDS).map((field) => ({
      field: field.field,
      value: shownValue(field.value),
      code: field.code,
      problem: field.problem,
    })),
  };
}

/**
 * What a handler or the framework threw, as an entry of the catalogue. The text of an unexpected error stays in the log:
 * the caller is told only that it happened.
 */
export function toControlError(error: unknown): { readonly error: ControlError; readonly unexpected: boolean } {
  if (error instanceof ControlError) return { error, unexpected: false };
  const status = statusOf(error);
  if (status === undefined || status < 400 || status >= 500) {
    const hidden = new ControlError('INTERNAL', 'The server could not answer; the cause is in its log', {
      cause: error,
    });
    return { error: hidden, unexpected: true };
  }
  const text = error instanceof Error ? error.message : 'The request cannot be read';
  if (status === 413) return { error: new ControlError('PAYLOAD_TOO_LARGE', text), unexpected: false };
  if (status === 415) return { error: new ControlError('UNSUPPORTED_MEDIA_TYPE', text), unexpected: false };
  if (status === 404) return { error: new ControlError('NOT_FOUND', text), unexpected: false };
  return { error: new ControlError('INVALID_ARGUMENT', text), unexpected: false };
}

function statusOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('statusCode' in error)) return undefined;
  return typeof error.statusCode === 'number' ? error.statusCode : undefined;
}

/** One wrong part of a request, named with its value. */
export function badField(
  field: string,
  value: unknown,
  problem: string,
  code: 'INVALID_ARGUMENT' | 'OUT_OF_RANGE' = 'INVALID_ARGUMENT',
): ControlError {
  return new ControlError(code, `${field} ${problem}`, { fields: [{ field, value, code, problem }] });
}
