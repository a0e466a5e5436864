/** What was found of others in a kernel, and what it does to ours. */
export type FindingCode =
  /** A rule reads or writes bits of marks that are ours. */
  | 'markOverlap'
  /** No bits of marks are free: flows cannot be pinned. */
  | 'noMarkBits'
  /** A rule writes whole marks after ours are set. */
  | 'markOverwritten'
  /** A rule translates an address of a booked flow. */
  | 'addressTranslated'
  /** A flowtable takes a booked flow past classifier and marks. */
  | 'flowtable'
  /** Part of the ruleset could not be read or judged. */
  | 'notJudged';

/** `error`: it defeats what is promised; `warning`: it may. */
export type Severity = 'error' | 'warning';

export interface Finding {
  readonly code: FindingCode;
  /** The rule, as its operator knows it; at most {@link MAX_OBJECT} characters. */
  readonly object: string;
  /** Which bits of ours it concerns; 0 = none. */
  readonly markBits: number;
  readonly severity: Severity;
  /** What it does, a sentence without a full stop. */
  readonly detail: string;
  /** What to do about it, a sentence without a full stop. */
  readonly mend: string;
}

export const MAX_FINDINGS = 100;
export const MAX_OBJECT = 400;

/** The gravest first, each once, and no more than {@link MAX_FINDINGS}. */
export function boundFindings(findings: Iterable<Finding>): readonly Finding[] {
  const errors = new Map<string, Finding>();
  const warnings = new Map<string, Finding>();
  for (const finding of findings) {
    const list = finding.severity === 'error' ? errors : warnings;
    if (list.size < MAX_FINDINGS) list.set(`${finding.code} ${finding.object}`, finding);
  }
  for (const key of errors.keys()) warnings.delete(key);
  return [...errors.values(), ...warnings.values()].slice(0, MAX_FINDINGS);
}

export const cut = (text: string): string => {
  // eslint-disable-next-line no-control-regex
  const line = text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/g, '?');
  return line.length <= MAX_OBJECT ? line : `${line.slice(0, MAX_OBJECT - 1)}…`;
};
