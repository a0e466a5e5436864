import { Millis } from '../../base/units.ts';
import type { ObjectCodec } from './object-codec.ts';

/** TIME_VALUES, class 5 (RFC 2205 A.4). */
export interface RsvpTimeValues {
  readonly kind: 'timeValues';
  /** R in milliseconds, 32 bits. */
  readonly refreshPeriod: Millis;
}

/** The contents are the refresh period R in milliseconds, 32 bits. */
export const timeValues: ObjectCodec<RsvpTimeValues> = {
  classNumber: 5,
  cType: 1,
  bodyLength: 4,
  decode: (reader) => ({ kind: 'timeValues', refreshPeriod: Millis(reader.u32()) }),
  encode: (writer, value) => writer.u32(value.refreshPeriod),
};
