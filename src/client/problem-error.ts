import type { components } from '../gen/openapi.ts';

export type Problem = components['schemas']['Problem'];

/** What a server refused, or why it could not be asked. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  /** HTTP status; 0 when no server answered. */
  readonly status: number;
  /** A code of the server's error catalogue; UNAVAILABLE when no server answered, INTERNAL for an answer that is no problem. */
  readonly code: Problem['code'];
  readonly retryable: boolean;
  readonly reasons: Problem['reasons'];
  readonly alternatives: Problem['alternatives'];
  readonly fields: Problem['fields'];
  /** The whole problem as it came; null when none came. */
  readonly problem: Problem | null;

  constructor(message: string, status: number, problem: Problem | null, cause?: unknown) {
    super(message, { cause });
    this.status = status;
    this.problem = problem;
    this.code = problem?.code ?? (status === 0 ? 'UNAVAILABLE' : 'INTERNAL');
    this.retryable = problem?.retryable ?? status === 0;
    this.reasons = problem?.reasons ?? [];
    this.alternatives = problem?.alternatives ?? [];
    this.fields = problem?.fields ?? [];
  }

  /** From an answer that is not a success; `body` is its parsed body or text. */
  static from(status: number, body: unknown): ProblemError {
    if (isProblem(body)) return new ProblemError(body.detail, status, body);
    return new ProblemError(`The answer is not one of a Headroom server (status ${status})`, status, null);
  }
}

const isProblem = (body: unknown): body is Problem =>
  typeof body === 'object' && body !== null && 'code' in body && 'detail' in body && typeof body.detail === 'string';
