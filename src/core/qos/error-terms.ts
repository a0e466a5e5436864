import { type BitsPerSecond, Bytes, Micros } from '../base/units.ts';

/** What one hop adds to the delay of the fluid model (RFC 2212, "Exported Information"): C / R + D. */
export interface ErrorTerms {
  /** C, depends on the rate. */
  readonly rateDependent: Bytes;
  /** D, does not. */
  readonly rateIndependent: Micros;
}

/** The outgoing link of a hop, as far as its error terms depend on it. */
export interface HopLink {
  /** null = unknown: D then lacks its serialization part, and nothing can be booked there anyway. */
  readonly capacityBitsPerSecond: BitsPerSecond | null;
  readonly overheadBytes: Bytes;
  /** Set by an operator who knows better; null = derive. */
  readonly errorCBytes: Bytes | null;
  readonly errorDMicros: Micros | null;
}

/** The largest super-packet that the kernel hands to a device in one piece (GSO), bytes: best effort's are not taken apart. */
const LARGEST_SEGMENT_BYTES = 65_536;
/** Lateness of kernel timers on which shaping depends. */
const TIMER_MICROS = 1000;
/** A full Ethernet frame without its checksum: a smaller quantum only costs time in the scheduler. */
const SMALLEST_QUANTUM_BYTES = 1514;
/** What HTB takes at most. */
const LARGEST_QUANTUM_BYTES = 200_000;

/** Bytes that HTB serves of a reservation's class before the next class has its turn: never less than one whole frame, and
 * never a super-packet, since the leaf of a reservation takes these apart. */
export const classQuantumBytes = (maxPacket: Bytes, overhead: Bytes): Bytes =>
  Bytes(Math.min(Math.max(maxPacket + overhead, SMALLEST_QUANTUM_BYTES), LARGEST_QUANTUM_BYTES));

/** C = M + the class's quantum: what may go before a packet of the flow at its own rate (RFC 2212). */
export const rateDependentBytes = (maxPacket: Bytes, overhead: Bytes): Bytes =>
  Bytes(maxPacket + classQuantumBytes(maxPacket, overhead));

/**
 * C as above, D = the time that the link needs for one segment of 65,536 bytes which it has just begun, plus 1 ms for timers.
 * Books (admission) and wire (ADSPEC) take both from here, so that they cannot differ.
 */
export function hopErrorTerms(link: HopLink, maxPacket: Bytes): ErrorTerms {
  const { capacityBitsPerSecond: capacity } = link;
  const segmentMicros = capacity === null || capacity <= 0 ? 0 : (LARGEST_SEGMENT_BYTES * 8e6) / capacity;
  return {
    rateDependent: link.errorCBytes ?? rateDependentBytes(maxPacket, link.overheadBytes),
    rateIndependent: link.errorDMicros ?? Micros(Math.ceil(segmentMicros) + TIMER_MICROS),
  };
}

/** Ctot and Dtot of a path: plain sums (RFC 2212). */
export function composeErrorTerms(hops: readonly ErrorTerms[]): ErrorTerms {
  let c = 0;
  let d = 0;
  for (const hop of hops) {
    c += hop.rateDependent;
    d += hop.rateIndependent;
  }
  return { rateDependent: Bytes(c), rateIndependent: Micros(d) };
}
