import { create } from '@bufbuild/protobuf';
import { TimestampSchema, type Timestamp } from '@bufbuild/protobuf/wkt';
import type { EpochMs } from '../core/base/units.ts';
import type { FieldProblem } from '../core/qos/request.ts';

/** 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z, the range of google.protobuf.Timestamp. */
const FIRST_SECOND = -62_135_596_800n;
const LAST_SECOND = 253_402_300_799n;

export function timestamp(at: EpochMs): Timestamp {
  const seconds = Math.floor(at / 1000);
  return create(TimestampSchema, { seconds: BigInt(seconds), nanos: Math.round((at - seconds * 1000) * 1e6) });
}

/** RFC 3339 with all nine digits, so that its judge sees what was sent; null and a problem when it is no time. */
export function timeText(field: string, time: Timestamp, problems: FieldProblem[]): string | null {
  if (time.seconds < FIRST_SECOND || time.seconds > LAST_SECOND || time.nanos < 0 || time.nanos > 999_999_999) {
    const value = `${time.seconds} s ${time.nanos} ns`;
    problems.push({
      field,
      value,
      code: 'OUT_OF_RANGE',
      problem: 'must lie in the years 1 to 9999, nanos 0 to 999999999',
    });
    return null;
  }
  const whole = new Date(Number(time.seconds) * 1000).toISOString().slice(0, 19);
  return `${whole}.${String(time.nanos).padStart(9, '0')}Z`;
}
