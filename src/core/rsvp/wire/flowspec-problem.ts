import type { RsvpFlowspec } from './flowspec.ts';
import type { WireTspec } from './tspec.ts';

/**
 * What makes a token bucket impossible to serve, as a sentence that names field and value, or null. These are errors of
 * meaning: a message with such values is well formed (RFC 2205 error 21, sub-codes 3 and 4).
 * Checked: r and b finite and > 0, p ≥ 0 (+Infinity allowed), M > 0, m ≤ M (RFC 2211 5, RFC 2215 3.6). A bucket smaller than
 * a packet is allowed: the delay formula then uses M for it.
 */
export function tspecProblem(tspec: WireTspec): string | null {
  const { tokenRate: r, tokenBucket: b, peakRate: p, minPolicedUnit: m, maxPacketSize: M } = tspec;
  if (!(r > 0 && r < Infinity)) return `token rate ${r} bytes/s is not a positive finite number`;
  if (!(b > 0 && b < Infinity)) return `token bucket ${b} bytes is not a positive finite number`;
  if (!(p >= 0)) return `peak rate ${p} bytes/s is not a number ≥ 0`;
  if (!(M > 0)) return `maximum packet size is ${M} bytes`;
  if (!(m <= M)) return `minimum policed unit ${m} bytes is above the maximum packet size ${M}`;
  return null;
}

/** The same for a whole flowspec; with guaranteed service also p ≥ r, and R finite and ≥ r (RFC 2212 5). */
export function flowspecProblem(value: RsvpFlowspec['flowspec']): string | null {
  const problem = tspecProblem(value.tspec);
  if (problem !== null || value.service === 'controlledLoad') return problem;
  const { tokenRate: r, peakRate: p } = value.tspec;
  if (!(p >= r)) return `peak rate ${p} bytes/s is below the token rate ${r}`;
  const { rate } = value.rspec;
  if (rate >= value.tspec.tokenRate && rate < Infinity) return null;
  return `guaranteed rate ${rate} bytes/s is not a finite number ≥ the token rate ${value.tspec.tokenRate}`;
}
