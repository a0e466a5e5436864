import type { Alternative, RefusalReason } from '../../core/admission/decision.ts';
import type { FieldProblem } from '../../core/qos/request.ts';

/**
 * The one catalogue of refusals, HTTP and gRPC status side by side. `docs/errors.md` is held equal to it by a test.
 * gRPC codes by number: 3 INVALID_ARGUMENT, 5 NOT_FOUND, 6 ALREADY_EXISTS, 7 PERMISSION_DENIED, 8 RESOURCE_EXHAUSTED,
 * 9 FAILED_PRECONDITION, 10 ABORTED, 11 OUT_OF_RANGE, 12 UNIMPLEMENTED, 13 INTERNAL, 14 UNAVAILABLE, 16 UNAUTHENTICATED.
 */
export const ERROR_CATALOGUE = {
  INVALID_ARGUMENT: { http: 400, grpc: 3, retryable: false, title: 'The request is malformed' },
  OUT_OF_RANGE: { http: 400, grpc: 3, retryable: false, title: 'A value is out of range' },
  METHOD_NOT_ALLOWED: { http: 405, grpc: 12, retryable: false, title: 'The resource does not have this method' },
  UNSUPPORTED_MEDIA_TYPE: { http: 415, grpc: 3, retryable: false, title: 'The content type is not supported' },
  PAYLOAD_TOO_LARGE: { http: 413, grpc: 8, retryable: false, title: 'The request body is too large' },
  UNAUTHENTICATED: { http: 401, grpc: 16, retryable: false, title: 'Credentials are missing or wrong' },
  PERMISSION_DENIED: { http: 403, grpc: 7, retryable: false, title: 'Not allowed' },
  NOT_FOUND: { http: 404, grpc: 5, retryable: false, title: 'No such resource' },
  UNKNOWN_ENDPOINT: { http: 422, grpc: 9, retryable: false, title: 'An address is on no node' },
  NO_PATH: { http: 409, grpc: 9, retryable: false, title: 'There is no path' },
  BANDWIDTH_UNAVAILABLE: { http: 409, grpc: 9, retryable: false, title: 'Not enough bandwidth is free' },
  DELAY_BOUND_UNREACHABLE: { http: 409, grpc: 9, retryable: false, title: 'The delay bound cannot be met' },
  MTU_TOO_SMALL: { http: 409, grpc: 9, retryable: false, title: 'A link carries only smaller packets' },
  ALREADY_EXISTS: { http: 409, grpc: 6, retryable: false, title: 'The flow is already reserved in that window' },
  FLOW_CONFLICT: { http: 409, grpc: 9, retryable: false, title: 'The flow conflicts with another of its session' },
  AGENT_UNREACHABLE: { http: 409, grpc: 9, retryable: true, title: 'An agent that is needed is silent' },
  CONCURRENT_UPDATE: { http: 412, grpc: 10, retryable: true, title: 'The resource has changed' },
  ETAG_REQUIRED: { http: 428, grpc: 9, retryable: false, title: 'If-Match is required' },
  INCOMPATIBLE_STATE: { http: 409, grpc: 9, retryable: false, title: 'The state does not allow this call' },
  IDEMPOTENCY_KEY_REUSED: { http: 422, grpc: 3, retryable: false, title: 'The key was used with another request' },
  REQUEST_IN_PROGRESS: { http: 409, grpc: 10, retryable: true, title: 'The first request with this key still runs' },
  EVENTS_PURGED: { http: 410, grpc: 11, retryable: false, title: 'The events after this id are gone' },
  UNAVAILABLE: { http: 503, grpc: 14, retryable: true, title: 'The service cannot answer now' },
  INTERNAL: { http: 500, grpc: 13, retryable: false, title: 'Something went wrong inside' },
} as const;

export type ErrorCode = keyof typeof ERROR_CATALOGUE;

/** What every use case throws for a call that it refuses; the edges turn it into a problem or a status. */
export class ControlError extends Error {
  override readonly name = 'ControlError';
  readonly code: ErrorCode;
  readonly fields: readonly FieldProblem[];
  readonly reasons: readonly RefusalReason[];
  readonly alternatives: readonly Alternative[];
  /** Extra members of the problem, such as the id of the reservation that is in the way. */
  readonly details: Readonly<Record<string, unknown>>;
  /** Seconds for Retry-After. */
  readonly retryAfterSeconds: number | null;

  constructor(
    code: ErrorCode,
    detail: string,
    more: {
      fields?: readonly FieldProblem[];
      reasons?: readonly RefusalReason[];
      alternatives?: readonly Alternative[];
      details?: Readonly<Record<string, unknown>>;
      retryAfterSeconds?: number;
      cause?: unknown;
    } = {},
  ) {
    super(detail, { cause: more.cause });
    this.code = code;
    this.fields = more.fields ?? [];
    this.reasons = more.reasons ?? [];
    this.alternatives = more.alternatives ?? [];
    this.details = more.details ?? {};
    this.retryAfterSeconds = more.retryAfterSeconds ?? null;
  }
}
