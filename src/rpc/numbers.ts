import type { FieldProblem } from '../core/qos/request.ts';

/**
 * An int64 field as a number. Beyond ±(2^53 − 1) it would silently become another value: then it is reported and read as 0.
 */
export function numberOf(field: string, value: bigint, problems: FieldProblem[]): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  problems.push({
    field,
    value,
    code: 'OUT_OF_RANGE',
    problem: `must be an integer from ${Number.MIN_SAFE_INTEGER} to ${Number.MAX_SAFE_INTEGER}`,
  });
  return 0;
}

/** For int64 fields: an integer of the core, rounded up where the core has fractions (bounds in microseconds). */
export const int64 = (value: number): bigint => BigInt(Math.ceil(value));
