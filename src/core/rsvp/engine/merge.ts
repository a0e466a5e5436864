import { Bytes, BytesPerSecond, Micros } from '../../base/units.ts';
import type { Flowspec, Tspec } from '../../qos/flowspec.ts';

export const sameTspec = (a: Tspec, b: Tspec): boolean =>
  a.tokenRate === b.tokenRate &&
  a.tokenBucket === b.tokenBucket &&
  a.peakRate === b.peakRate &&
  a.minPolicedUnit === b.minPolicedUnit &&
  a.maxPacketSize === b.maxPacketSize;

export function sameFlowspec(a: Flowspec, b: Flowspec): boolean {
  if (!sameTspec(a.tspec, b.tspec)) return false;
  if (a.service === 'controlledLoad' || b.service === 'controlledLoad') return a.service === b.service;
  return a.rspec.rate === b.rspec.rate && a.rspec.slack === b.rspec.slack;
}

/**
 * Least upper bound per element (RFC 2205 2.2). Guaranteed service is the greater of two services; a smaller minimum
 * policed unit and a smaller slack ask for more (RFC 2211, RFC 2212 ordering).
 */
export function leastUpperBound(a: Flowspec, b: Flowspec): Flowspec {
  return combine(a, b, Math.max, Math.min);
}

/** Greatest lower bound per element, for reservations that are all blockaded (RFC 2205 3.5). */
export function greatestLowerBound(a: Flowspec, b: Flowspec): Flowspec {
  return combine(a, b, Math.min, Math.max);
}

/** True when `a` gives everything that `b` asks for: a request `b` merges into it without a change. */
export const covers = (a: Flowspec, b: Flowspec): boolean => sameFlowspec(leastUpperBound(a, b), a);

/** RFC 2205 3.5: `blocking` blockades `request` unless it is strictly greater than it. */
export const blockades = (blocking: Flowspec, request: Flowspec): boolean =>
  sameFlowspec(blocking, request) || !covers(blocking, request);

type Choose = (a: number, b: number) => number;

function combine(a: Flowspec, b: Flowspec, more: Choose, less: Choose): Flowspec {
  const tspec: Tspec = {
    tokenRate: BytesPerSecond(more(a.tspec.tokenRate, b.tspec.tokenRate)),
    tokenBucket: Bytes(more(a.tspec.tokenBucket, b.tspec.tokenBucket)),
    peakRate: BytesPerSecond(more(a.tspec.peakRate, b.tspec.peakRate)),
    minPolicedUnit: Bytes(less(a.tspec.minPolicedUnit, b.tspec.minPolicedUnit)),
    maxPacketSize: Bytes(more(a.tspec.maxPacketSize, b.tspec.maxPacketSize)),
  };
  if (a.service === 'guaranteed' && b.service === 'guaranteed') {
    const rspec = {
      rate: BytesPerSecond(more(a.rspec.rate, b.rspec.rate)),
      slack: Micros(less(a.rspec.slack, b.rspec.slack)),
    };
    return { service: 'guaranteed', tspec, rspec };
  }
  const upper = more(0, 1) === 1;
  const guaranteed = a.service === 'guaranteed' ? a : b.service === 'guaranteed' ? b : null;
  return guaranteed && upper
    ? { service: 'guaranteed', tspec, rspec: guaranteed.rspec }
    : { service: 'controlledLoad', tspec };
}
