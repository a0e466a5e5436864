import { copyOf, type ByteReader, type ByteWriter } from '../../base/bytes.ts';
import { Bytes, BytesPerSecond, Micros } from '../../base/units.ts';
import { BadObjectError, type ObjectCodec } from './object-codec.ts';
import {
  expectParameter,
  readIntServVersion,
  SERVICE_CONTROLLED_LOAD,
  SERVICE_GENERAL,
  SERVICE_GUARANTEED,
  writeParameter,
} from './tspec.ts';

/** Default general parameters fragment (RFC 2210 3.3.2). */
export interface AdspecGeneral {
  /** Some hop on the path does not do IntServ. */
  readonly breakBit: boolean;
  /** Number of IntServ-aware hops, parameter 4. */
  readonly isHops: number;
  /** Minimum of the hops' bandwidth estimates, parameter 6. */
  readonly pathBandwidth: BytesPerSecond;
  /** Sum of the hops' minimum latencies in microseconds, parameter 8; 2^32 − 1 = indeterminate. */
  readonly minPathLatency: Micros;
  /** Composed path MTU, parameter 10. */
  readonly pathMtu: Bytes;
  /** Parameters beyond these four, raw with their headers. */
  readonly extra?: Uint8Array;
}

/** Guaranteed service fragment (RFC 2210 3.3.3, RFC 2212). */
export interface AdspecGuaranteed {
  readonly breakBit: boolean;
  /** Was a header without data, which counts as all zero; encoded so again while the values are still zero. */
  readonly headerOnly?: boolean;
  /** Parameter 133: end-to-end C, bytes. */
  readonly cTot: Bytes;
  /** Parameter 134: end-to-end D, microseconds. */
  readonly dTot: Micros;
  /** Parameters 135 and 136: since the last shaping point. */
  readonly cSum: Bytes;
  readonly dSum: Micros;
  /** Service-specific general parameters (overrides), raw, 4-byte aligned; empty when none. */
  readonly overrides: Uint8Array;
}

/** Controlled load fragment (RFC 2210 3.3.4); often of length 0. */
export interface AdspecControlledLoad {
  readonly breakBit: boolean;
  readonly overrides: Uint8Array;
}

/** Fragment of a service that is not decoded: skipped, kept, and its break bit set by whoever cannot update it (RFC 2210 3.3). */
export interface AdspecOtherService {
  readonly service: number;
  readonly breakBit: boolean;
  readonly data: Uint8Array;
}

/** ADSPEC, class 13, C-Type 2 (RFC 2210 3.3). */
export interface RsvpAdspec {
  readonly kind: 'adspec';
  readonly general: AdspecGeneral;
  readonly guaranteed: AdspecGuaranteed | null;
  readonly controlledLoad: AdspecControlledLoad | null;
  /** In order of service number. */
  readonly others?: readonly AdspecOtherService[];
}

export const INDETERMINATE_LATENCY = 0xffff_ffff;

const BREAK_BIT = 0x80;
const GENERAL_BYTES = 32;
const GUARANTEED_BYTES = 32;

/**
 * A message header, then fragments in order of service number, each with a header of its own (RFC 2210 3.3.1):
 *
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     | 0 (version)|    reserved      |   words after this one        |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     | service number |x| reserved   |   words of service data       |   x = break bit
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     //                        service data                         //
 */
export const adspec: ObjectCodec<RsvpAdspec> = {
  classNumber: 13,
  cType: 2,
  bodyLength: null,
  decode: (reader, length) => {
    readIntServVersion(reader, length);
    let general: AdspecGeneral | null = null;
    let guaranteed: AdspecGuaranteed | null = null;
    let controlledLoad: AdspecControlledLoad | null = null;
    const others: AdspecOtherService[] = [];
    let previous = 0;
    for (let left = length - 4; left > 0;) {
      const service = reader.u8();
      const flags = reader.u8();
      const breakBit = (flags & BREAK_BIT) !== 0;
      if ((flags & ~BREAK_BIT) !== 0) reader.inexact = true;
      const size = 4 * reader.u16();
      left -= 4 + size;
      if (left < 0) throw new BadObjectError(`fragment of service ${service} is ${-left} bytes longer than the object`);
      // Data fragments must always appear in service number order (RFC 2210 3.3): this also finds doubles.
      if (service <= previous) throw new BadObjectError(`fragment of service ${service} after that of ${previous}`);
      previous = service;
      if (service === SERVICE_GENERAL) general = readGeneral(reader, size, breakBit);
      else if (service === SERVICE_GUARANTEED) guaranteed = readGuaranteed(reader, size, breakBit);
      else if (service === SERVICE_CONTROLLED_LOAD) controlledLoad = { breakBit, overrides: readRaw(reader, size) };
      else others.push({ service, breakBit, data: readRaw(reader, size) });
    }
    if (general === null) throw new BadObjectError('no fragment of default general parameters');
    const value: RsvpAdspec = { kind: 'adspec', general, guaranteed, controlledLoad };
    return others.length === 0 ? value : { ...value, others };
  },
  encode: (writer, value) => {
    const start = writer.length;
    writer.u32(0);
    writeGeneral(writer, value.general);
    const others = value.others ?? [];
    if (value.guaranteed) writeGuaranteed(writer, value.guaranteed);
    for (const other of others) if (other.service < SERVICE_CONTROLLED_LOAD) writeOther(writer, other);
    if (value.controlledLoad) {
      const { breakBit, overrides } = value.controlledLoad;
      writeOther(writer, { service: SERVICE_CONTROLLED_LOAD, breakBit, data: overrides });
    }
    for (const other of others) if (other.service > SERVICE_CONTROLLED_LOAD) writeOther(writer, other);
    writer.patchU16(start + 2, (writer.length - start - 4) / 4);
  },
};

const NO_BYTES = new Uint8Array(0);

const readRaw = (reader: ByteReader, size: number): Uint8Array => (size === 0 ? NO_BYTES : copyOf(reader.bytes(size)));

/** Parameters 4, 6, 8, 10, a word of header and a word of value each (RFC 2210 3.3.2); more may follow. */
function readGeneral(reader: ByteReader, size: number, breakBit: boolean): AdspecGeneral {
  if (size < GENERAL_BYTES) throw new BadObjectError(`general parameters of ${size} bytes, not ${GENERAL_BYTES}`);
  expectParameter(reader, 4, 1);
  const isHops = reader.u32();
  expectParameter(reader, 6, 1);
  const pathBandwidth = BytesPerSecond(reader.f32());
  expectParameter(reader, 8, 1);
  const minPathLatency = Micros(reader.u32());
  expectParameter(reader, 10, 1);
  const pathMtu = Bytes(reader.u32());
  const general = { breakBit, isHops, pathBandwidth, minPathLatency, pathMtu };
  return size === GENERAL_BYTES ? general : { ...general, extra: readRaw(reader, size - GENERAL_BYTES) };
}

function writeGeneral(writer: ByteWriter, general: AdspecGeneral): void {
  const extra = general.extra?.length ?? 0;
  writeFragmentHeader(writer, SERVICE_GENERAL, general.breakBit, GENERAL_BYTES + extra);
  writeParameter(writer, 4, 1);
  writer.u32(general.isHops);
  writeParameter(writer, 6, 1);
  writer.f32(general.pathBandwidth);
  writeParameter(writer, 8, 1);
  writer.u32(general.minPathLatency);
  writeParameter(writer, 10, 1);
  writer.u32(general.pathMtu);
  if (general.extra) writer.bytes(general.extra);
}

/** Parameters 133 to 136 (RFC 2210 3.3.3), then overrides; or nothing at all. */
function readGuaranteed(reader: ByteReader, size: number, breakBit: boolean): AdspecGuaranteed {
  if (size === 0) {
    const zero = { cTot: Bytes(0), dTot: Micros(0), cSum: Bytes(0), dSum: Micros(0) };
    return { breakBit, headerOnly: true, ...zero, overrides: NO_BYTES };
  }
  if (size < GUARANTEED_BYTES) throw new BadObjectError(`guaranteed service of ${size} bytes, not ${GUARANTEED_BYTES}`);
  expectParameter(reader, 133, 1);
  const cTot = Bytes(reader.u32());
  expectParameter(reader, 134, 1);
  const dTot = Micros(reader.u32());
  expectParameter(reader, 135, 1);
  const cSum = Bytes(reader.u32());
  expectParameter(reader, 136, 1);
  const dSum = Micros(reader.u32());
  return { breakBit, cTot, dTot, cSum, dSum, overrides: readRaw(reader, size - GUARANTEED_BYTES) };
}

function writeGuaranteed(writer: ByteWriter, guaranteed: AdspecGuaranteed): void {
  const { breakBit, headerOnly, cTot, dTot, cSum, dSum, overrides } = guaranteed;
  if (headerOnly && cTot === 0 && dTot === 0 && cSum === 0 && dSum === 0 && overrides.length === 0) {
    writeFragmentHeader(writer, SERVICE_GUARANTEED, breakBit, 0);
    return;
  }
  writeFragmentHeader(writer, SERVICE_GUARANTEED, breakBit, GUARANTEED_BYTES + overrides.length);
  writeParameter(writer, 133, 1);
  writer.u32(cTot);
  writeParameter(writer, 134, 1);
  writer.u32(dTot);
  writeParameter(writer, 135, 1);
  writer.u32(cSum);
  writeParameter(writer, 136, 1);
  writer.u32(dSum);
  writer.bytes(overrides);
}

function writeOther(writer: ByteWriter, other: AdspecOtherService): void {
  writeFragmentHeader(writer, other.service, other.breakBit, other.data.length);
  writer.bytes(other.data);
}

function writeFragmentHeader(writer: ByteWriter, service: number, breakBit: boolean, size: number): void {
  writer.u8(service);
  writer.u8(breakBit ? BREAK_BIT : 0);
  writer.u16(size / 4);
}
