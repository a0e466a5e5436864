import { err, ok, type Result } from '../base/result.ts';
import { parseRfc3339 } from '../base/rfc3339.ts';
import { EpochMs } from '../base/units.ts';
import { FieldProblems } from './field-problems.ts';
import { parseSenders } from './parse-flow.ts';
import { parseQos } from './parse-qos.ts';
import type { ReservationInput } from './request-input.ts';
import type { Constraints, FieldProblem, ReservationRequest, Window } from './request.ts';

/** A start that lies back no further than this means "now": it was so when the caller wrote it. */
const LATE_START_MILLIS = 60_000;
const MAX_LABELS = 64;

/**
 * Judges a request in the caller's words: ranges, contradictions, addresses and times, with the defaults of the public
 * contract filled in. The input's JSON types are checked again where that is cheap, so that nothing here throws.
 *
 * @returns the request, or everything that is wrong with it, each problem once, in the order of the fields.
 */
export function parseReservationRequest(
  input: ReservationInput,
  now: EpochMs,
): Result<ReservationRequest, readonly FieldProblem[]> {
  const problems = new FieldProblems();
  const name = parseName(input.name ?? null, problems);
  const labels = parseLabels(input.labels ?? {}, problems);
  const senders = parseSenders(input, problems);
  const qos = parseQos(input.qos, problems);
  const window = parseWindow(input.window ?? {}, now, problems);
  const constraints = parseConstraints(input.constraints ?? {}, problems);
  if (senders === null || qos === null || window === null || problems.list.length > 0) return err(problems.list);
  return ok({ name, labels, ...senders, qos, window, constraints });
}

export function parseName(name: string | null, problems: FieldProblems): string | null {
  if (name === null) return null;
  if (typeof name !== 'string' || !isPrintable(name)) {
    problems.invalid('name', name, 'must be text without control characters');
  } else if (name.length < 1 || name.length > 200) {
    problems.outOfRange('name', name, `must have 1 to 200 characters, not ${name.length}`);
  }
  return name;
}

export function parseLabels(
  labels: Readonly<Record<string, string>>,
  problems: FieldProblems,
): Readonly<Record<string, string>> {
  const entries = Object.entries(labels);
  if (entries.length > MAX_LABELS) {
    problems.outOfRange('labels', entries.length, `must be at most ${MAX_LABELS}`);
    return {};
  }
  for (const [key, value] of entries) {
    const field = `labels.${key}`;
    if (!/^[a-z0-9][a-z0-9._/-]{0,62}$/.test(key)) {
      problems.invalid(field, value, 'has a key that does not match [a-z0-9][a-z0-9._/-]{0,62}');
    }
    if (typeof value !== 'string' || !isPrintable(value)) {
      problems.invalid(field, value, 'must be text without control characters');
    } else if (value.length > 256) {
      problems.outOfRange(field, value, `must have at most 256 characters, not ${value.length}`);
    }
  }
  return Object.fromEntries(entries);
}

/** Neither control characters nor lone surrogates, which PostgreSQL cannot store. */
const isPrintable = (text: string): boolean => !/[\p{Cc}\p{Cs}]/u.test(text);

function parseConstraints(
  { allowUnpinned = false }: NonNullable<ReservationInput['constraints']>,
  problems: FieldProblems,
): Constraints {
  if (typeof allowUnpinned !== 'boolean') {
    problems.invalid('constraints.allowUnpinned', allowUnpinned, 'must be true or false');
  }
  return { allowUnpinned };
}

function parseWindow(
  input: NonNullable<ReservationInput['window']>,
  now: EpochMs,
  problems: FieldProblems,
): Window | null {
  const given = parseTime('window.start', input.start ?? null, problems);
  const end = parseTime('window.end', input.end ?? null, problems);
  if (given === undefined || end === undefined) return null;
  const start = EpochMs(Math.max(given ?? now, now));
  if (given !== null && given < now - LATE_START_MILLIS) {
    problems.outOfRange('window.start', input.start, `lies in the past; it is ${iso(now)} now`);
    return null;
  }
  if (end !== null && given !== null && end <= given) {
    problems.outOfRange('window.end', input.end, `must be after window.start ${iso(given)}`);
    return null;
  }
  if (end !== null && end <= now) {
    problems.outOfRange('window.end', input.end, `lies in the past; it is ${iso(now)} now`);
    return null;
  }
  return { start, end };
}

/** null = not given, undefined = refused. */
export function parseTime(field: string, text: string | null, problems: FieldProblems): EpochMs | null | undefined {
  if (text === null) return null;
  const time = parseRfc3339(typeof text === 'string' ? text : '');
  if (time.ok) return time.value;
  problems.invalid(field, text, time.error);
  return undefined;
}

const iso = (time: EpochMs): string => new Date(time).toISOString();
