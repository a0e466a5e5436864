import { err, ok, type Result } from '../base/result.ts';
import { EpochMs } from '../base/units.ts';
import { FieldProblems } from './field-problems.ts';
import { parseTime } from './parse-request.ts';
import type { FieldProblem } from './request.ts';

/** Clocks of callers may be this much behind. */
const TOLERANCE_MILLIS = 60_000;

/** The caller's own words: RFC 3339, null = not given. */
export interface WhenInput {
  readonly at: string | null;
  readonly from: string | null;
  readonly to: string | null;
}

/** An instant, or the time from one to another; `to` null = for ever. */
export type When = { readonly at: EpochMs } | { readonly from: EpochMs; readonly to: EpochMs | null };

export const NOW: WhenInput = { at: null, from: null, to: null };

/** `at`, or `from` and `to`, or nothing for now. The books begin now: what was before is refused, not guessed. */
export function parseWhen(input: WhenInput, now: EpochMs): Result<When, readonly FieldProblem[]> {
  const problems = new FieldProblems();
  const instant = (field: keyof WhenInput): EpochMs | null => {
    const given = parseTime(field, input[field], problems);
    if (given === null || given === undefined) return null;
    if (given < now - TOLERANCE_MILLIS) {
      problems.outOfRange(field, input[field], `lies in the past; it is ${new Date(now).toISOString()} now`);
    }
    return EpochMs(Math.max(given, now));
  };
  const [at, from, to] = [instant('at'), instant('from'), instant('to')];
  if (input.at !== null && (input.from !== null || input.to !== null)) {
    problems.invalid('at', input.at, 'cannot be given with from or to');
  }
  const start = from ?? now;
  if (to !== null && to <= start) {
    problems.outOfRange('to', input.to, `must be after from, ${new Date(start).toISOString()}`);
  }
  if (problems.list.length > 0) return err(problems.list);
  return ok(input.from === null && input.to === null ? { at: at ?? now } : { from: start, to });
}
