import type { RefusalReason } from '../../../core/admission/decision.ts';
import { time, timeOrNull } from './time.ts';

/** A reason as the public contract writes it: as in the core, times as text. */
export function reasonToJson(reason: RefusalReason): Record<string, unknown> {
  switch (reason.reason) {
    case 'BANDWIDTH_UNAVAILABLE':
      return {
        ...reason,
        interval: { start: time(reason.interval.start), end: timeOrNull(reason.interval.end) },
      };
    case 'AGENT_UNREACHABLE':
      return { ...reason, lastSeenAt: timeOrNull(reason.lastSeenAt) };
    default:
      return { ...reason };
  }
}
