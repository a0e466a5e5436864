import type { StatusObject } from '@grpc/grpc-js';
import type { RefusalReason } from '../../core/admission/decision.ts';
import { assertNever } from '../../core/base/assert-never.ts';
import { richStatus } from '../../rpc/rich-status.ts';
import { ControlError, ERROR_CATALOGUE } from '../control/errors.ts';
import { shownValue } from '../control/shown-value.ts';

/** What a handler threw, as a status with details. The text of an unexpected error stays in the log. */
export function refusalStatus(thrown: unknown): { readonly error: ControlError; readonly status: StatusObject } {
  const error =
    thrown instanceof ControlError
      ? thrown
      : new ControlError('INTERNAL', 'The server could not answer; the cause is in its log', { cause: thrown });
  const entry = ERROR_CATALOGUE[error.code];
  const status = richStatus({
    code: entry.grpc,
    message: error.message,
    reason: error.code,
    metadata: metadataOf(error),
    fieldViolations: error.fields.map((each) => ({
      field: each.field,
      description: `${each.problem} (value: ${JSON.stringify(shownValue(each.value))})`,
    })),
    violations: error.reasons.map((reason) => ({
      type: reason.reason,
      subject: subjectOf(reason),
      description: sentenceOf(reason),
    })),
    retryAfterSeconds: error.retryAfterSeconds ?? (entry.retryable ? 1 : null),
  });
  return { error, status };
}

/** The plain facts: the first reason's, the details', and the alternatives as JSON. */
function metadataOf(error: ControlError): Record<string, string> {
  const metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries({ ...error.reasons[0], ...error.details })) {
    if (typeof value === 'string' || typeof value === 'number') metadata[name] = String(value);
  }
  delete metadata['reason'];
  if (error.alternatives.length > 0) metadata['alternatives'] = JSON.stringify(error.alternatives).slice(0, 2000);
  return metadata;
}

function subjectOf(reason: RefusalReason): string {
  switch (reason.reason) {
    case 'BANDWIDTH_UNAVAILABLE':
    case 'MTU_TOO_SMALL':
      return reason.link;
    case 'AGENT_UNREACHABLE':
    case 'MULTIPATH':
      return reason.node;
    case 'PINNING_UNAVAILABLE':
      return reason.interface === null ? reason.node : `${reason.node}:${reason.interface}`;
    case 'NO_PATH':
      return `${reason.source} to ${reason.destination}`;
    case 'DELAY_BOUND_UNREACHABLE':
      return reason.source === undefined ? 'path' : `path from ${reason.source}`;
    default:
      return assertNever(reason);
  }
}

function sentenceOf(reason: RefusalReason): string {
  switch (reason.reason) {
    case 'BANDWIDTH_UNAVAILABLE': {
      const from = new Date(reason.interval.start).toISOString();
      const to = reason.interval.end === null ? 'on' : `to ${new Date(reason.interval.end).toISOString()}`;
      const held = reason.conflicting.length > 0 ? `; held by ${reason.conflicting.slice(0, 10).join(', ')}` : '';
      const { requestedBitsPerSecond: asked, availableBitsPerSecond: free } = reason;
      const each = reason.senders === undefined ? '' : ` for ${reason.senders} senders`;
      return `${asked} bit/s asked${each}, ${free} bit/s free from ${from} ${to}${held}`;
    }
    case 'MTU_TOO_SMALL':
      return `packets of ${reason.requestedBytes} bytes asked, ${reason.mtuBytes} carried`;
    case 'AGENT_UNREACHABLE':
      return reason.lastSeenAt === null ? 'never seen' : `last seen ${new Date(reason.lastSeenAt).toISOString()}`;
    case 'NO_PATH':
    case 'MULTIPATH':
    case 'PINNING_UNAVAILABLE':
      return reason.detail;
    case 'DELAY_BOUND_UNREACHABLE': {
      const least = reason.smallestMicros === null ? 'bandwidth is missing' : `${reason.smallestMicros} µs at best`;
      return `${reason.requestedMicros} µs asked, ${least}`;
    }
    default:
      return assertNever(reason);
  }
}
