import { copyOf, type ByteReader, type ByteWriter } from '../../base/bytes.ts';
import { className } from './class-names.ts';
import { BadObjectError, type ObjectCodec } from './object-codec.ts';
import type { RsvpUnknown } from './unknown.ts';

export const OBJECT_HEADER_BYTES = 4;

/** Reads an object that stands within another one. @throws BadObjectError, OverrunError */
export function readObject<T>(
  reader: ByteReader,
  find: (classNumber: number, cType: number) => ObjectCodec<T> | undefined,
): T | RsvpUnknown {
  const length = reader.u16();
  const classNumber = reader.u8();
  const cType = reader.u8();
  const bodyLength = length - OBJECT_HEADER_BYTES;
  if (bodyLength < 0 || length % 4 !== 0 || bodyLength > reader.remaining) {
    throw new BadObjectError(`${className(classNumber)} within it has length ${length}`);
  }
  const codec = find(classNumber, cType);
  return codec ? readContents(reader, codec, bodyLength) : readRaw(reader, classNumber, cType, bodyLength);
}

/** Reads contents that are known to be there. @throws BadObjectError, OverrunError */
export function readContents<T>(reader: ByteReader, codec: ObjectCodec<T>, bodyLength: number): T | RsvpUnknown {
  const { classNumber, cType } = codec;
  if (codec.bodyLength !== null) {
    if (codec.bodyLength !== bodyLength) {
      throw new BadObjectError(`contents of ${bodyLength} bytes, C-Type ${cType} has ${codec.bodyLength}`);
    }
    // One with a fixed length reads just that many.
    return codec.decode(reader, bodyLength) as T;
  }
  const start = reader.offset;
  const end = reader.narrow(bodyLength);
  const value = codec.decode(reader, bodyLength);
  if (value === null) {
    reader.rewind(start, end);
    return readRaw(reader, classNumber, cType, bodyLength);
  }
  if (reader.remaining > 0) throw new BadObjectError(`${reader.remaining} bytes more than its contents have`);
  reader.widen(end);
  return value;
}

/** The contents as they are. */
export const readRaw = (reader: ByteReader, classNumber: number, cType: number, bodyLength: number): RsvpUnknown => ({
  kind: 'unknown',
  classNumber,
  cType,
  body: copyOf(reader.bytes(bodyLength)),
});

/** Writes one object with its header. @throws RangeError for contents that are not whole words. */
export function writeObject<T extends { readonly kind: string }>(
  writer: ByteWriter,
  object: T | RsvpUnknown,
  codecOf: (object: T) => ObjectCodec<T>,
  original?: Uint8Array,
): void {
  const start = writer.length;
  writer.u16(0);
  if (isUnknown(object)) {
    writer.u8(object.classNumber);
    writer.u8(object.cType);
    writer.bytes(object.body);
  } else {
    const codec = codecOf(object);
    writer.u8(codec.classNumber);
    writer.u8(codec.cType);
    if (original) writer.bytes(original);
    else codec.encode(writer, object);
  }
  const length = writer.length - start;
  if (length % 4 !== 0) throw new RangeError(`an object body of ${length - OBJECT_HEADER_BYTES} bytes`);
  writer.patchU16(start, length);
}

const isUnknown = (object: { readonly kind: string }): object is RsvpUnknown => object.kind === 'unknown';
