import type { Millis } from '../../base/units.ts';

/** TIME_VALUES, class 5 (RFC 2205 A.4). */
export interface RsvpTimeValues {
  readonly kind: 'timeValues';
  /** R in milliseconds, 32 bits. */
  readonly refreshPeriod: Millis;
}
