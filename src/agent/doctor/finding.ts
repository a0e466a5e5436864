/** One thing that was looked at on a host. */
export interface Finding {
  /** `rights`, `kernel`, `firewall`, `marks`, `nat`, `flowtables`, `qdiscs`, `offloads`, `routing`, `clock`, `database`. */
  readonly check: string;
  /** `error`: reservations do not work so; `warning`: some do not, or it cannot be known; `ok`: nothing to do. */
  readonly severity: 'ok' | 'warning' | 'error';
  readonly what: string;
  /** What to do about it, in a sentence; null where there is nothing to do. */
  readonly mend: string | null;
}

export const fine = (check: string, what: string): Finding => ({ check, severity: 'ok', what, mend: null });
export const warning = (check: string, what: string, mend: string): Finding => ({
  check,
  severity: 'warning',
  what,
  mend,
});
export const wrong = (check: string, what: string, mend: string): Finding => ({ check, severity: 'error', what, mend });

/** More than these of one kind help nobody. */
const MOST_NAMED = 5;

export const named = (places: readonly string[]): string =>
  places.slice(0, MOST_NAMED).join('; ') +
  (places.length > MOST_NAMED ? `; and ${places.length - MOST_NAMED} more` : '');
