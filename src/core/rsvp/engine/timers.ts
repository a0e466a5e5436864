import type { Millis } from '../../base/units.ts';
import type { Random } from '../../base/random.ts';

/** K of RFC 2205 3.7: K - 1 successive refreshes may be lost. */
export const LIFETIME_FACTOR = 3;
/** Kb of RFC 2205 3.5: a refused flowspec is not tried again for Kb · R. */
export const BLOCKADE_FACTOR = 3;
/** W of RFC 2205 3.6: how long routing may settle before PATH goes a new way. Never longer than R. */
export const ROUTE_SETTLE_MS = 2_000;
/** Longest R that is believed of a neighbour, so that one message cannot occupy state for weeks. */
const LONGEST_REFRESH_MS = 3_600_000;
/**
 * Fast start (RFC 2205 3.7 point 6): gaps before the first repetitions of a message that changed state, ms; of these, only
 * those shorter than half of R, so that a short R is not flooded. They double as in RFC 2961 6. Where a fifth of all packets
 * is lost, one set-up over three hops in 250 then takes more than 5 s; it is one in 25 with 0.5, 1.5 and 4.5 s.
 */
const FAST_START_MS = [250, 500, 1_000, 2_000, 4_000] as const;
/** Repetitions after which fast start is over, whatever R. */
export const FAST_START_STEPS = FAST_START_MS.length;

/** L for a received R (RFC 2205 3.7 point 2). R = 0 says nothing; the node's own R stands in for it. */
export function lifetime(received: Millis, own: Millis): number {
  const r = received > 0 ? Math.min(received, LONGEST_REFRESH_MS) : own;
  return (LIFETIME_FACTOR + 0.5) * 1.5 * r;
}

/** Time to the next repetition, `step` of them being done since the last change; after fast start uniform in [0.5R, 1.5R]. */
export function refreshDelay(step: number, period: Millis, random: Random): number {
  const fast = FAST_START_MS[step];
  const spread = 0.5 + random();
  return fast !== undefined && fast < period / 2 ? fast * spread : period * spread;
}
