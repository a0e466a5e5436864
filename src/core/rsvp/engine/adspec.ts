import { Bytes, BytesPerSecond, Micros } from '../../base/units.ts';
import { rateDependentBytes } from '../../qos/error-terms.ts';
import { INDETERMINATE_LATENCY, type AdspecGeneral, type AdspecGuaranteed, type RsvpAdspec } from '../wire/adspec.ts';
import type { EngineInterface } from './types.ts';

const U32_MAX = 0xffff_ffff;
const LONGEST_MTU = 65_535;
const NO_OVERRIDES = new Uint8Array(0);

/** What a sender's host starts from, before its own outgoing interface is composed in (RFC 2210 3.3). */
export const initialAdspec: RsvpAdspec = {
  kind: 'adspec',
  general: {
    breakBit: false,
    isHops: 0,
    pathBandwidth: BytesPerSecond(Infinity),
    minPathLatency: Micros(0),
    pathMtu: Bytes(LONGEST_MTU),
  },
  guaranteed: {
    breakBit: false,
    cTot: Bytes(0),
    dTot: Micros(0),
    cSum: Bytes(0),
    dSum: Micros(0),
    overrides: NO_OVERRIDES,
  },
  controlledLoad: { breakBit: false, overrides: NO_OVERRIDES },
};

/** The break bit of every fragment set, as a node does that saw a hop without RSVP before it (RFC 2215 3.1). */
export function withBreak(adspec: RsvpAdspec): RsvpAdspec {
  return {
    kind: 'adspec',
    general: { ...adspec.general, breakBit: true },
    guaranteed: adspec.guaranteed && { ...adspec.guaranteed, breakBit: true },
    controlledLoad: adspec.controlledLoad && { ...adspec.controlledLoad, breakBit: true },
  };
}

/**
 * Adds one hop: the outgoing interface `out` (RFC 2215 3, RFC 2212 5). Fragments that the sender left out stay out, and
 * values that override general ones for one service pass unchanged.
 *
 * @param maxPacket M of the flow's Tspec, on which C depends.
 */
export function composeAdspec(adspec: RsvpAdspec, out: EngineInterface, maxPacket: Bytes): RsvpAdspec {
  return {
    kind: 'adspec',
    general: composeGeneral(adspec.general, out),
    guaranteed: adspec.guaranteed && composeGuaranteed(adspec.guaranteed, out, maxPacket),
    controlledLoad: adspec.controlledLoad,
  };
}

function composeGeneral(general: AdspecGeneral, out: EngineInterface): AdspecGeneral {
  const { minPathLatency, pathBandwidth } = general;
  return {
    breakBit: general.breakBit,
    isHops: saturate(general.isHops + 1),
    // A bandwidth that is no number says nothing of the hops before.
    pathBandwidth: pathBandwidth <= out.bandwidth ? pathBandwidth : out.bandwidth,
    minPathLatency: Micros(
      minPathLatency >= INDETERMINATE_LATENCY || out.latency >= INDETERMINATE_LATENCY
        ? INDETERMINATE_LATENCY
        : saturate(minPathLatency + out.latency),
    ),
    pathMtu: Bytes(Math.min(general.pathMtu, out.mtu)),
  };
}

function composeGuaranteed(guaranteed: AdspecGuaranteed, out: EngineInterface, maxPacket: Bytes): AdspecGuaranteed {
  const errorC = out.errorC ?? rateDependentBytes(maxPacket, out.overhead ?? Bytes(0));
  return {
    ...guaranteed,
    cTot: Bytes(saturate(guaranteed.cTot + errorC)),
    dTot: Micros(saturate(guaranteed.dTot + out.errorD)),
    cSum: Bytes(saturate(guaranteed.cSum + errorC)),
    dSum: Micros(saturate(guaranteed.dSum + out.errorD)),
  };
}

/** Wire values are unsigned 32-bit integers; error terms round up, so that the advertised bound stays a bound. */
const saturate = (n: number): number => Math.min(U32_MAX, Math.ceil(n));

/** Equal in every field that the wire carries. */
export function sameAdspec(a: RsvpAdspec | null, b: RsvpAdspec | null): boolean {
  if (a === null || b === null) return a === b;
  return (
    sameFields(a.general, b.general) &&
    sameFragment(a.guaranteed, b.guaranteed) &&
    sameFragment(a.controlledLoad, b.controlledLoad)
  );
}

function sameFragment<T extends { readonly overrides: Uint8Array }>(a: T | null, b: T | null): boolean {
  if (a === null || b === null) return a === b;
  return sameBytes(a.overrides, b.overrides) && sameFields({ ...a, overrides: null }, { ...b, overrides: null });
}

const sameFields = <T extends object>(a: T, b: T): boolean =>
  (Object.keys(a) as (keyof T)[]).every((field) => Object.is(a[field], b[field]));

export const sameBytes = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, i) => byte === b[i]);
