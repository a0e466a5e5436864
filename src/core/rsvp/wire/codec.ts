import { ByteReader, ByteWriter, copyOf, OverrunError } from '../../base/bytes.ts';
import { internetChecksum, onesComplementSum } from '../../base/checksum.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { splitBundle } from './bundle.ts';
import { className } from './class-names.ts';
import type { DecodeError } from './decode-error.ts';
import { MESSAGE_TYPE, type DecodedMessage, type RsvpMessage } from './message.ts';
import { BadObjectError } from './object-codec.ts';
import { OBJECT_HEADER_BYTES, readContents, readRaw, writeObject } from './object-frame.ts';
import type { RsvpObject } from './objects.ts';
import { keepOriginal, originalOf } from './original-bytes.ts';
import { codecOf, findCodec, type KnownObject } from './registry.ts';
import type { RsvpUnknown } from './unknown.ts';

/*
 * The common header (RFC 2205 3.1.1):
 *
 *     +-------------+-------------+-------------+-------------+
 *     | Vers | Flags|  Msg Type   |       RSVP Checksum       |
 *     +-------------+-------------+-------------+-------------+
 *     |  Send_TTL   | (Reserved)  |        RSVP Length        |
 *     +-------------+-------------+-------------+-------------+
 */
export const HEADER_BYTES = 8;
const CHECKSUM_OFFSET = 2;
const RESERVED_OFFSET = 5;
const LENGTH_OFFSET = 6;
const VERSION = 1;

/** The common header alone, before anything of it is judged but version and length. */
export interface CommonHeader {
  readonly type: number;
  readonly flags: number;
  readonly sendTtl: number;
  readonly checksum: 'valid' | 'absent' | 'wrong';
}

/**
 * Reads one RSVP message, given without its IP header and as long as IP said. Objects of unknown class or C-Type do not
 * fail: they stay raw, see `unknownObjectAction` for what becomes of them; so do damaged ones of most classes, see `keepBad`.
 * Values are not judged, see validate.ts. `encodeMessage` of the result with the same `checksum` gives the same bytes.
 * Never throws; the work is linear in the length.
 */
export function decodeMessage(bytes: Uint8Array): Result<DecodedMessage, DecodeError> {
  const header = decodeHeader(bytes);
  if (!header.ok) return header;
  const { type, flags, sendTtl, checksum } = header.value;
  if (checksum === 'wrong') return err(checksumError(bytes));
  const objects: RsvpObject[] = [];
  const reserved = bytes[RESERVED_OFFSET]!;
  if (type === MESSAGE_TYPE.bundle) {
    const messages = decodeBundled(bytes);
    if (!messages.ok) return messages;
    const message = { type, flags, sendTtl, objects, messages: messages.value };
    return ok({ message: reserved === 0 ? message : { ...message, reserved }, checksum });
  }
  const error = decodeObjects(bytes, objects);
  if (error) return err(error);
  const message = { type, flags, sendTtl, objects };
  return ok({ message: reserved === 0 ? message : { ...message, reserved }, checksum });
}

function decodeBundled(bytes: Uint8Array): Result<DecodedMessage[], DecodeError> {
  const parts = splitBundle(bytes);
  if (!parts.ok) return parts;
  const messages: DecodedMessage[] = [];
  for (const part of parts.value) {
    const decoded = decodeMessage(part);
    if (!decoded.ok) {
      const offset = part.byteOffset - bytes.byteOffset + decoded.error.offset;
      return err({ ...decoded.error, offset });
    }
    messages.push(decoded.value);
  }
  return ok(messages);
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

/**
 * Appends the objects of a message with a sound header to `into`; what was read before an error stays there.
 *
 * @param odd where it is given, every object whose contents make no sense is kept raw, with what is wrong with it in here, and
 *   reading goes on behind it: for people who look. Without, only those of classes that keep bad ones are.
 */
export function decodeObjects(
  bytes: Uint8Array,
  into: RsvpObject[],
  odd?: Map<RsvpObject, DecodeError>,
): DecodeError | null {
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
    const bodyLength = length - OBJECT_HEADER_BYTES;
    const codec = findCodec(classNumber, cType);
    if (codec === undefined) {
      into.push(readRaw(reader, classNumber, cType, bodyLength));
      continue;
    }
    try {
      reader.inexact = false;
      const object = readContents(reader, codec, bodyLength);
      if (reader.inexact) keepOriginal(object, bytes.subarray(offset + OBJECT_HEADER_BYTES, offset + length));
      into.push(object);
    } catch (cause) {
      if (!(cause instanceof BadObjectError) && !(cause instanceof OverrunError)) throw cause;
      const detail = `${className(classNumber)}: ${cause.message}`;
      const error: DecodeError = { reason: 'badObject', offset, detail, classNumber, cType, length };
      if (!codec.keepBad && odd === undefined) return error;
      reader.rewind(offset + OBJECT_HEADER_BYTES, bytes.length);
      const raw = readRaw(reader, classNumber, cType, bodyLength);
      odd?.set(raw, error);
      into.push(raw);
    }
  }
  return null;
}

/** One buffer for all: a message is written at once and copied out. */
const scratch = new ByteWriter();

/**
 * Writes a message with its right length, objects in the order given, and a right checksum or, with `absent`, zero for none.
 * @throws OverrunError when it would be longer than 65,535 bytes; RangeError for values that no bytes stand for.
 */
export function encodeMessage(message: RsvpMessage, checksum: 'valid' | 'absent' = 'valid'): Uint8Array {
  scratch.reset();
  writeMessage(scratch, message, checksum);
  return scratch.copy();
}

/** The same for who only looks at the bytes: the next message that is encoded overwrites them. @throws as encodeMessage does. */
export function encodeToLookAt(message: RsvpMessage): Uint8Array {
  scratch.reset();
  writeMessage(scratch, message, 'valid');
  return scratch.finish();
}

function writeMessage(writer: ByteWriter, message: RsvpMessage, checksum: 'valid' | 'absent'): void {
  const start = writer.length;
  writer.u8((VERSION << 4) | (message.flags & 0x0f));
  writer.u8(message.type);
  writer.u16(0);
  writer.u8(message.sendTtl);
  writer.u8(message.reserved ?? 0);
  writer.u16(0);
  for (const object of message.objects) encodeObject(writer, object);
  for (const part of message.messages ?? []) writeMessage(writer, part.message, part.checksum);
  writer.patchU16(start + LENGTH_OFFSET, writer.length - start);
  if (checksum === 'valid') {
    writer.patchU16(start + CHECKSUM_OFFSET, wireChecksum(writer.finish(start)));
  }
}

/** Writes one object with its header. @throws RangeError for values that no bytes stand for, or not whole words. */
export const encodeObject = (writer: ByteWriter, object: RsvpObject): void =>
  writeObject<KnownObject>(writer, object, codecOf, object.kind === 'unknown' ? undefined : originalOf(object));

/** The same object undecoded. @throws RangeError as encodeObject does. */
export function rawObject(object: KnownObject): RsvpUnknown {
  const writer = new ByteWriter();
  encodeObject(writer, object);
  const { classNumber, cType } = codecOf(object);
  return { kind: 'unknown', classNumber, cType, body: copyOf(writer.finish(OBJECT_HEADER_BYTES)) };
}

/** Zero would say that there is none; its other one's complement form, 0xffff, verifies as well. */
const wireChecksum = (bytes: Uint8Array): number => internetChecksum(bytes) || 0xffff;

const hex16 = (n: number): string => n.toString(16).padStart(4, '0');

/** The other way: what the object says, or itself where its class or contents are not known. */
export function objectOf(raw: RsvpUnknown): RsvpObject {
  const writer = new ByteWriter();
  writer.reserved(HEADER_BYTES);
  encodeObject(writer, raw);
  const objects: RsvpObject[] = [];
  return decodeObjects(writer.finish(), objects) === null ? (objects[0] ?? raw) : raw;
}
