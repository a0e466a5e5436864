import { assertNever } from '../../core/base/assert-never.ts';
import type { Decision, RefusalReason } from '../../core/admission/decision.ts';
import type { UnknownEndpoint } from '../../core/admission/refusals.ts';
import { ControlError } from './errors.ts';
import type { InTheWay } from './ports.ts';

/** What a caller is told when admission says no: every reason in words, and as data. */
export function refusal(decision: Extract<Decision, { admitted: false }> | UnknownEndpoint): ControlError {
  if (decision.code === 'UNKNOWN_ENDPOINT') {
    const addresses = decision.fields.map((field) => `${field.field} ${String(field.value)}`).join(' and ');
    return new ControlError('UNKNOWN_ENDPOINT', `${addresses}: on no node of the topology`, {
      fields: decision.fields,
    });
  }
  return new ControlError(decision.code, decision.reasons.map(sentence).join('; '), {
    reasons: decision.reasons,
    alternatives: decision.alternatives,
  });
}

/** The flow or the name is taken by a live reservation, which the caller gets to know. */
export const alreadyExists = (what: 'flow' | 'name', id: string): ControlError =>
  new ControlError(
    'ALREADY_EXISTS',
    what === 'flow'
      ? `reservation ${id} is for the same flow in an overlapping window`
      : `reservation ${id} has the same name`,
    { details: { existing: id } },
  );

/** Two of one session at the same time, of which one is of a shared style or has several senders. */
export const sessionTaken = (id: string): ControlError =>
  new ControlError(
    'FLOW_CONFLICT',
    `reservation ${id} is for the same destination and port in an overlapping window: one of a shared style or with several sources must be alone there`,
    { details: { existing: id } },
  );

export const taken = ({ id, taken }: InTheWay): ControlError =>
  taken === 'session' ? sessionTaken(id) : alreadyExists(taken, id);

function sentence(reason: RefusalReason): string {
  switch (reason.reason) {
    case 'BANDWIDTH_UNAVAILABLE':
      return `link ${reason.link} has ${reason.availableBitsPerSecond} bit/s free of the ${reason.requestedBitsPerSecond} bit/s that are needed${
        reason.senders === undefined ? '' : ` for ${reason.senders} senders`
      }`;
    case 'NO_PATH':
      return `no path from ${reason.source} to ${reason.destination}: ${reason.detail}`;
    case 'DELAY_BOUND_UNREACHABLE':
      return reason.smallestMicros === null
        ? `a delay of ${reason.requestedMicros} µs${from(reason.source)} needs more bandwidth than there is`
        : `a delay of ${reason.requestedMicros} µs${from(reason.source)} cannot be met: the path takes ${reason.smallestMicros} µs at any rate`;
    case 'MTU_TOO_SMALL':
      return `link ${reason.link} carries packets of ${reason.mtuBytes} bytes, not of ${reason.requestedBytes}`;
    case 'AGENT_UNREACHABLE':
      return reason.lastSeenAt === null
        ? `the agent of ${reason.node} was never there`
        : `the agent of ${reason.node} was last seen at ${new Date(reason.lastSeenAt).toISOString()}`;
    case 'MULTIPATH':
      return `the flow cannot be pinned to one way: ${reason.detail}`;
    case 'PINNING_UNAVAILABLE':
      return `another path cannot be pinned: ${reason.detail}`;
    default:
      return assertNever(reason);
  }
}

const from = (source: string | undefined): string => (source === undefined ? '' : ` from ${source}`);
