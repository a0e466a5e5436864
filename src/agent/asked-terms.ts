import type { Bytes } from '../core/base/units.ts';
import type { Flowspec } from '../core/qos/flowspec.ts';
import type { Assignment } from '../core/reservation/assignment.ts';
import { ERROR } from '../core/rsvp/engine/errors.ts';
import { flowspecOf } from './flow-key.ts';

/** What a RESV may ask for, as plain numbers that a journal can keep. Rates in bytes/s. */
export interface AskedTerms {
  readonly tokenRate: number;
  readonly tokenBucket: number;
  /** null: no limit. */
  readonly peakRate: number | null;
  readonly minPolicedUnit: number;
  readonly maxPacketSize: number;
  /** R of guaranteed service; null: controlled load. */
  readonly rate: number | null;
}

/** Why a RESV is refused: error code and value of RFC 2205 appendix B, and a sentence. */
export interface Excess {
  readonly code: number;
  readonly value: number;
  readonly detail: string;
}

const BANDWIDTH_UNAVAILABLE = 2;
const MTU_TOO_LARGE = 3;
/** Of code 21. */
const SERVICE_CONFLICT = 1;

/** @param of its terms, or a flowspec as it came. */
export function termsOf(of: Pick<Assignment, 'tspec' | 'rspec'>): AskedTerms {
  return askedTerms(flowspecOf(of));
}

export function askedTerms(flowspec: Flowspec): AskedTerms {
  const { tokenRate, tokenBucket, peakRate, minPolicedUnit, maxPacketSize } = flowspec.tspec;
  const rate = flowspec.service === 'guaranteed' ? flowspec.rspec.rate : null;
  const peak = peakRate === Infinity ? null : peakRate;
  return { tokenRate, tokenBucket, peakRate: peak, minPolicedUnit, maxPacketSize, rate };
}

/** The most of both; of the minimum policed unit the smaller asks for more (RFC 2211 8, RFC 2212 "Ordering and Merging"). */
export function largestOf(a: AskedTerms, b: AskedTerms | undefined): AskedTerms {
  if (b === undefined) return a;
  return {
    tokenRate: Math.max(a.tokenRate, b.tokenRate),
    tokenBucket: Math.max(a.tokenBucket, b.tokenBucket),
    peakRate: a.peakRate === null || b.peakRate === null ? null : Math.max(a.peakRate, b.peakRate),
    minPolicedUnit: Math.min(a.minPolicedUnit, b.minPolicedUnit),
    maxPacketSize: Math.max(a.maxPacketSize, b.maxPacketSize),
    rate: a.rate === null ? b.rate : Math.max(a.rate, b.rate ?? 0),
  };
}

const exceeding = (value: number, detail: string): Excess => ({ code: ERROR.admissionControl, value, detail });

/**
 * What of a request is more than what is booked: r, b, p, R and M no larger, m no smaller, and no guaranteed service where
 * controlled load is booked. null: nothing is.
 */
export function exceeds(asked: AskedTerms, booked: AskedTerms): Excess | null {
  const over = (what: (value: string) => string, of: number | null, most: number | null): Excess | null => {
    if (most === null || (of !== null && of <= most)) return null;
    const detail = `RESV asks for ${what(of === null ? 'without limit' : String(of))}, ${most} are assigned`;
    return exceeding(BANDWIDTH_UNAVAILABLE, detail);
  };
  const rate = (value: string): string => `${value} bytes/s`;
  if (asked.rate !== null && booked.rate === null) {
    const detail = 'RESV asks for guaranteed service, controlled load is assigned';
    return { code: ERROR.trafficControl, value: SERVICE_CONFLICT, detail };
  }
  const unit = asked.minPolicedUnit < booked.minPolicedUnit;
  return (
    (asked.rate === null ? null : over(rate, asked.rate, booked.rate)) ??
    over(rate, asked.tokenRate, booked.tokenRate) ??
    over((value) => `b ${value}`, asked.tokenBucket, booked.tokenBucket) ??
    over((value) => `p ${value}`, asked.peakRate, booked.peakRate) ??
    over((value) => `M ${value}`, asked.maxPacketSize, booked.maxPacketSize) ??
    (unit
      ? exceeding(
          BANDWIDTH_UNAVAILABLE,
          `RESV asks for m ${asked.minPolicedUnit}, ${booked.minPolicedUnit} are assigned`,
        )
      : null)
  );
}

/**
 * A maximum packet size above the link's MTU is refused as such (RFC 2211 5, RFC 2212 5). What is booked stays what was
 * promised: the books have judged its M.
 */
export const beyondMtu = (asked: AskedTerms, booked: AskedTerms, mtu: Bytes): Excess | null =>
  asked.maxPacketSize <= Math.max(mtu, booked.maxPacketSize)
    ? null
    : exceeding(MTU_TOO_LARGE, `RESV asks for packets of ${asked.maxPacketSize} bytes, the link takes ${mtu}`);
