import type { ByteReader, ByteWriter } from '../../base/bytes.ts';
import { Bytes, BytesPerSecond } from '../../base/units.ts';
import { BadObjectError } from './object-codec.ts';

/** Token-bucket Tspec as it stands on the wire (RFC 2210 3.1, parameter 127). Rates and bucket are IEEE singles there; any of them may be NaN or infinite as received. */
export interface WireTspec {
  readonly tokenRate: BytesPerSecond;
  readonly tokenBucket: Bytes;
  readonly peakRate: BytesPerSecond;
  readonly minPolicedUnit: Bytes;
  readonly maxPacketSize: Bytes;
}

/** IntServ service numbers (RFC 2210 3, RFC 2211 5, RFC 2212 8). */
export const SERVICE_GENERAL = 1;
export const SERVICE_GUARANTEED = 2;
export const SERVICE_CONTROLLED_LOAD = 5;

const PARAMETER_TOKEN_BUCKET = 127;
/** Words of the token bucket parameter, its header included. */
export const TSPEC_WORDS = 6;

/**
 * The two header words of FLOWSPEC and SENDER_TSPEC (RFC 2210 3.1, 3.2).
 *
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     | 0 (version)|    reserved      |   words after this one        |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     | service number |0| reserved   |   words of service data       |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * @returns the service number and the words of its data.
 * @throws BadObjectError where version or lengths contradict the object, which is `length` bytes long.
 */
export function readIntServHeader(reader: ByteReader, length: number): { service: number; words: number } {
  readIntServVersion(reader, length);
  const service = reader.u8();
  reader.reserved(1);
  const words = reader.u16();
  if (4 * words !== length - 8) {
    throw new BadObjectError(`service ${service} counts ${words} words of data, the object has ${(length - 8) / 4}`);
  }
  return { service, words };
}

/** The first of these words alone, with which ADSPEC begins too (RFC 2210 3.3.1). @throws BadObjectError */
export function readIntServVersion(reader: ByteReader, length: number): void {
  const first = reader.u16();
  if (first >>> 12 !== 0) throw new BadObjectError(`IntServ message format version is ${first >>> 12}, not 0`);
  if (first !== 0) reader.inexact = true;
  const words = reader.u16();
  if (4 * (words + 1) !== length) {
    throw new BadObjectError(
      `IntServ message counts ${words} words after its header, the object has ${length / 4 - 1}`,
    );
  }
}

export function writeIntServHeader(writer: ByteWriter, service: number, words: number): void {
  writer.u32(words + 1);
  writer.u16(service << 8);
  writer.u16(words);
}

/**
 * A parameter header: identifier, flags (ignored), length in words without this one.
 * @throws BadObjectError for any other identifier or length: service data is of fixed structure (RFC 2210 3.3).
 */
export function expectParameter(reader: ByteReader, id: number, words: number): void {
  const actualId = reader.u8();
  reader.reserved(1);
  const actualWords = reader.u16();
  if (actualId !== id || actualWords !== words) {
    throw new BadObjectError(`parameter ${actualId} of ${actualWords} words where ${id} of ${words} words belongs`);
  }
}

export function writeParameter(writer: ByteWriter, id: number, words: number): void {
  writer.u16(id << 8);
  writer.u16(words);
}

/**
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |   127         |    flags      |             5                 |
 *     |  Token Bucket Rate [r] (32-bit IEEE floating point number)    |
 *     |  Token Bucket Size [b] (32-bit IEEE floating point number)    |
 *     |  Peak Data Rate [p] (32-bit IEEE floating point number)       |
 *     |  Minimum Policed Unit [m] (32-bit integer)                    |
 *     |  Maximum Packet Size [M]  (32-bit integer)                    |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
export function readTspec(reader: ByteReader): WireTspec {
  expectParameter(reader, PARAMETER_TOKEN_BUCKET, 5);
  return {
    tokenRate: BytesPerSecond(reader.f32()),
    tokenBucket: Bytes(reader.f32()),
    peakRate: BytesPerSecond(reader.f32()),
    minPolicedUnit: Bytes(reader.u32()),
    maxPacketSize: Bytes(reader.u32()),
  };
}

export function writeTspec(writer: ByteWriter, tspec: WireTspec): void {
  writeParameter(writer, PARAMETER_TOKEN_BUCKET, 5);
  writer.f32(tspec.tokenRate);
  writer.f32(tspec.tokenBucket);
  writer.f32(tspec.peakRate);
  writer.u32(tspec.minPolicedUnit);
  writer.u32(tspec.maxPacketSize);
}
