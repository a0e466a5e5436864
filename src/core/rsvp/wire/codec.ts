import { ByteReader, ByteWriter, copyOf, OverrunError } from '../../base/bytes.ts';
import { internetChecksum, onesComplementSum } from '../../base/checksum.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { className } from './class-names.ts';
import type { DecodeError } from './decode-error.ts';
import type { RsvpMessage } from './message.ts';
import { BadObjectError } from './object-codec.ts';
import type { RsvpObject } from './objects.ts';
import { codecOf, findCodec } from './registry.ts';

/*
 * The common header (RFC 2205 3.1.1):
 *
 *     +-------------+-------------+-------------+-------------+
 *     | Vers | Flags|  Msg Type   |       RSVP Checksum       |
 *     +-------------+-------------+-------------+-------------+
 *     |  Send_TTL   | (Reserved)  |        RSVP Length        |
 *     +-------------+-------------+-------------+-------------+
 */
const HEADER_BYTES = 8;
const OBJECT_HEADER_BYTES = 4;
const CHECKSUM_OFFSET = 2;
const LENGTH_OFFSET = 6;
const VERSION = 1;

export interface DecodedMessage {
  readonly message: RsvpMessage;
  /** `absent`: the field is zero, no checksum was transmitted (RFC 2205 3.1.1). */
  readonly checksum: 'valid' | 'absent';
}

/** The common header alone, before anything of it is judged but version and length. */
export interface CommonHeader {
  readonly type: number;
  readonly flags: number;
  readonly sendTtl: number;
  readonly checksum: 'valid' | 'absent' | 'wrong';
}

/**
 * Reads one RSVP message, given without its IP header and as long as IP said. Objects of unknown class or C-Type do not
 * fail: they stay raw, see `unknownObjectAction` for what becomes of them. Values are not judged, see validate.ts.
 * Never throws; the work is linear in the length.
 */
export function decodeMessage(bytes: Uint8Array): Result<DecodedMessage, DecodeError> {
  const header = decodeHeader(bytes);
  if (!header.ok) return header;
  const { type, flags, sendTtl, checksum } = header.value;
  if (checksum === 'wrong') return err(checksumError(bytes));
  const objects: RsvpObject[] = [];
  const error = decodeObjects(bytes, objects);
  if (error) return err(error);
  return ok({ message: { type, flags, sendTtl, objects }, checksum });
}

/** Version, length and checksum; a wrong checksum is told and not an error here, so that a trace can show what came. */
export function decodeHeader(bytes: Uint8Array): Result<CommonHeader, DecodeError> {
  const available = bytes.length;
  if (available < HEADER_BYTES) {
    const detail = `${available} bytes, a common header has ${HEADER_BYTES}`;
    return err({ reason: 'tooShort', offset: available, detail, length: available });
  }
  const version = bytes[0]! >>> 4;
  if (version !== VERSION) {
    return err({ reason: 'badVersion', offset: 0, detail: `RSVP version ${version}, not ${VERSION}`, version });
  }
  const length = (bytes[LENGTH_OFFSET]! << 8) | bytes[LENGTH_OFFSET + 1]!;
  if (length !== available || length % 4 !== 0) {
    const detail =
      length === available
        ? `RSVP Length ${length} is not a multiple of 4`
        : `RSVP Length ${length} differs from the ${available} bytes that came`;
    return err({ reason: 'badLength', offset: LENGTH_OFFSET, detail, length, available });
  }
  const absent = bytes[CHECKSUM_OFFSET] === 0 && bytes[CHECKSUM_OFFSET + 1] === 0;
  return ok({
    type: bytes[1]!,
    flags: bytes[0]! & 0x0f,
    sendTtl: bytes[4]!,
    checksum: absent ? 'absent' : onesComplementSum(bytes) === 0xffff ? 'valid' : 'wrong',
  });
}

/** What `decodeMessage` says of a message whose header has a wrong checksum. */
export function checksumError(bytes: Uint8Array): DecodeError {
  const received = (bytes[CHECKSUM_OFFSET]! << 8) | bytes[CHECKSUM_OFFSET + 1]!;
  const copy = copyOf(bytes);
  copy.fill(0, CHECKSUM_OFFSET, CHECKSUM_OFFSET + 2);
  const computed = wireChecksum(copy);
  const detail = `checksum 0x${hex16(received)} where 0x${hex16(computed)} is right`;
  return { reason: 'badChecksum', offset: CHECKSUM_OFFSET, detail, received, computed };
}

/** Appends the objects of a message with a sound header to `into`; what was read before an error stays there. */
export function decodeObjects(bytes: Uint8Array, into: RsvpObject[]): DecodeError | null {
  const reader = new ByteReader(bytes);
  reader.skip(HEADER_BYTES);
  while (reader.remaining > 0) {
    const offset = reader.offset;
    const available = reader.remaining;
    // Four bytes are there: the length is a multiple of 4 and so was every object before.
    const length = reader.u16();
    const classNumber = reader.u8();
    const cType = reader.u8();
    if (length < OBJECT_HEADER_BYTES || length % 4 !== 0) {
      const detail = `${className(classNumber)} has length ${length}, which must be a multiple of 4 and at least 4`;
      return { reason: 'badObjectLength', offset, detail, classNumber, cType, length };
    }
    if (length > available) {
      const detail = `${className(classNumber)} has length ${length}, ${available} bytes are left of the message`;
      return { reason: 'objectOverrun', offset, detail, classNumber, cType, length, available };
    }
    try {
      into.push(decodeObject(reader, bytes, classNumber, cType, length - OBJECT_HEADER_BYTES));
    } catch (cause) {
      if (!(cause instanceof BadObjectError) && !(cause instanceof OverrunError)) throw cause;
      const detail = `${className(classNumber)}: ${cause.message}`;
      return { reason: 'badObject', offset, detail, classNumber, cType, length };
    }
  }
  return null;
}

function decodeObject(
  reader: ByteReader,
  bytes: Uint8Array,
  classNumber: number,
  cType: number,
  bodyLength: number,
): RsvpObject {
  const start = reader.offset;
  const codec = findCodec(classNumber, cType);
  if (codec) {
    if (codec.bodyLength !== null && codec.bodyLength !== bodyLength) {
      throw new BadObjectError(`contents of ${bodyLength} bytes, C-Type ${cType} has ${codec.bodyLength}`);
    }
    // A codec without a fixed length checks its inner lengths against the object's own; one with reads just that many.
    const value = codec.decode(codec.bodyLength === null ? reader.sub(bodyLength) : reader, bodyLength);
    if (value !== null) return value;
    return { kind: 'unknown', classNumber, cType, body: copyOf(bytes.subarray(start, start + bodyLength)) };
  }
  reader.skip(bodyLength);
  return { kind: 'unknown', classNumber, cType, body: copyOf(bytes.subarray(start, start + bodyLength)) };
}

/**
 * Writes a message with its right length and checksum, objects in the order given.
 * @throws OverrunError when it would be longer than 65,535 bytes.
 */
export function encodeMessage(message: RsvpMessage): Uint8Array {
  const writer = new ByteWriter();
  writer.u8((VERSION << 4) | (message.flags & 0x0f));
  writer.u8(message.type);
  writer.u16(0);
  writer.u8(message.sendTtl);
  writer.u8(0);
  writer.u16(0);
  for (const object of message.objects) encodeObject(writer, object);
  writer.patchU16(LENGTH_OFFSET, writer.length);
  const bytes = writer.finish();
  writer.patchU16(CHECKSUM_OFFSET, wireChecksum(bytes));
  return bytes;
}

/** Writes one object with its header. @throws RangeError for a raw body that is not whole words. */
export function encodeObject(writer: ByteWriter, object: RsvpObject): void {
  const start = writer.length;
  writer.u16(0);
  if (object.kind === 'unknown') {
    if (object.body.length % 4 !== 0) throw new RangeError(`an object body of ${object.body.length} bytes`);
    writer.u8(object.classNumber);
    writer.u8(object.cType);
    writer.bytes(object.body);
  } else {
    const codec = codecOf(object);
    writer.u8(codec.classNumber);
    writer.u8(codec.cType);
    codec.encode(writer, object);
  }
  writer.patchU16(start, writer.length - start);
}

/** Zero would say that there is none; its other one's complement form, 0xffff, verifies as well. */
const wireChecksum = (bytes: Uint8Array): number => internetChecksum(bytes) || 0xffff;

const hex16 = (n: number): string => n.toString(16).padStart(4, '0');
