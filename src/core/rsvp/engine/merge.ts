import { Bytes, BytesPerSecond, Micros } from '../../base/units.ts';
import type { Flowspec, Rspec, Tspec } from '../../qos/flowspec.ts';

export const sameTspec = (a: Tspec, b: Tspec): boolean =>
  a.tokenRate === b.tokenRate &&
  a.tokenBucket === b.tokenBucket &&
  a.peakRate === b.peakRate &&
  a.minPolicedUnit === b.minPolicedUnit &&
  a.maxPacketSize === b.maxPacketSize;

export function sameFlowspec(a: Flowspec, b: Flowspec): boolean {
  if (a === b) return true;
  if (!sameTspec(a.tspec, b.tspec)) return false;
  if (a.service === 'controlledLoad' || b.service === 'controlledLoad') return a.service === b.service;
  return a.rspec.rate === b.rspec.rate && a.rspec.slack === b.rspec.slack;
}

/**
 * What is asked upstream for two requests at once (RFC 2211 8, RFC 2212 "Ordering and Merging"): the larger of each, of the
 * minimum policed unit and of the slack the smaller, which ask for more. Of the maximum packet size the smaller, too: it is
 * what all paths below can carry, and the sender sizes its packets by it (RFC 2210 2.3.2). Guaranteed service is the greater
 * of two services: it gives all that controlled load does.
 */
export function leastUpperBound(a: Flowspec, b: Flowspec): Flowspec {
  const tspec: Tspec = {
    tokenRate: BytesPerSecond(Math.max(a.tspec.tokenRate, b.tspec.tokenRate)),
    tokenBucket: Bytes(Math.max(a.tspec.tokenBucket, b.tspec.tokenBucket)),
    peakRate: BytesPerSecond(Math.max(a.tspec.peakRate, b.tspec.peakRate)),
    minPolicedUnit: Bytes(Math.min(a.tspec.minPolicedUnit, b.tspec.minPolicedUnit)),
    maxPacketSize: Bytes(Math.min(a.tspec.maxPacketSize, b.tspec.maxPacketSize)),
  };
  if (a.service === 'controlledLoad' && b.service === 'controlledLoad') return { service: 'controlledLoad', tspec };
  const [x, y] = [rspecOf(a), rspecOf(b)];
  const rspec = x !== null && y !== null ? larger(x, y) : (x ?? y)!;
  // R is never below r, also where r comes from the other request.
  const rate = BytesPerSecond(Math.max(rspec.rate, tspec.tokenRate));
  // Nor is p, which controlled load leaves free (RFC 2212 5).
  const peakRate = BytesPerSecond(Math.max(tspec.peakRate, tspec.tokenRate));
  return { service: 'guaranteed', tspec: { ...tspec, peakRate }, rspec: { rate, slack: rspec.slack } };
}

/** Greatest lower bound per element, for reservations that are all blockaded (RFC 2205 3.5). */
export function greatestLowerBound(a: Flowspec, b: Flowspec): Flowspec {
  const tspec: Tspec = {
    tokenRate: BytesPerSecond(Math.min(a.tspec.tokenRate, b.tspec.tokenRate)),
    tokenBucket: Bytes(Math.min(a.tspec.tokenBucket, b.tspec.tokenBucket)),
    peakRate: BytesPerSecond(Math.min(a.tspec.peakRate, b.tspec.peakRate)),
    minPolicedUnit: Bytes(Math.max(a.tspec.minPolicedUnit, b.tspec.minPolicedUnit)),
    maxPacketSize: Bytes(Math.min(a.tspec.maxPacketSize, b.tspec.maxPacketSize)),
  };
  if (a.service === 'controlledLoad' || b.service === 'controlledLoad') return { service: 'controlledLoad', tspec };
  const rate = BytesPerSecond(Math.min(a.rspec.rate, b.rspec.rate));
  const slack = Micros(Math.max(a.rspec.slack, b.rspec.slack));
  return { service: 'guaranteed', tspec, rspec: { rate, slack } };
}

/** True when `a` gives everything that `b` asks for: a request `b` merges into it without a change (RFC 2211 8, RFC 2212). */
export function covers(a: Flowspec, b: Flowspec): boolean {
  const [x, y] = [rspecOf(a), rspecOf(b)];
  return (
    a.tspec.tokenRate >= b.tspec.tokenRate &&
    a.tspec.tokenBucket >= b.tspec.tokenBucket &&
    a.tspec.peakRate >= b.tspec.peakRate &&
    a.tspec.minPolicedUnit <= b.tspec.minPolicedUnit &&
    a.tspec.maxPacketSize >= b.tspec.maxPacketSize &&
    (y === null || (x !== null && x.rate >= y.rate && x.slack <= y.slack))
  );
}

/** RFC 2205 3.5: `blocking` blockades `request` unless it is strictly greater than it. */
export const blockades = (blocking: Flowspec, request: Flowspec): boolean =>
  sameFlowspec(blocking, request) || !covers(blocking, request);

const rspecOf = (flowspec: Flowspec): Rspec | null => (flowspec.service === 'guaranteed' ? flowspec.rspec : null);

const larger = (a: Rspec, b: Rspec): Rspec => ({
  rate: BytesPerSecond(Math.max(a.rate, b.rate)),
  slack: Micros(Math.min(a.slack, b.slack)),
});
