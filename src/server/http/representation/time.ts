import type { EpochMs } from '../../../core/base/units.ts';

/** RFC 3339 in UTC. */
export const time = (at: EpochMs): string => new Date(at).toISOString();

export const timeOrNull = (at: EpochMs | null): string | null => (at === null ? null : time(at));
