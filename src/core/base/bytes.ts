import { ToldError } from './told-error.ts';

/** Thrown by ByteReader and ByteWriter when a read or write would pass the end: codecs catch it once, at the object's border. */
export class OverrunError extends ToldError {
  override readonly name = 'OverrunError';
  readonly offset: number;
  readonly wanted: number;
  readonly available: number;
  constructor(offset: number, wanted: number, available: number) {
    super(`wanted ${wanted} bytes at offset ${offset}, ${available} available`);
    this.offset = offset;
    this.wanted = wanted;
    this.available = available;
  }
}

/** A copy. Not `bytes.slice()`: what a caller hands in may be a Node Buffer, whose `slice` is a view. */
export const copyOf = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes);

/** The only NaN that a writer makes. */
const QUIET_NAN = 0x7fc0_0000;

/** Reads big-endian fields from a fixed range of bytes and refuses to pass its end. */
export class ByteReader {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  #offset = 0;
  #end: number;
  /** Something was read that the values do not tell: reserved bits that are set, the payload of a NaN, padding that is not zero. */
  inexact = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#end = bytes.length;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get offset(): number {
    return this.#offset;
  }
  get remaining(): number {
    return this.#end - this.#offset;
  }
  /** Draws the end in to the next `length` bytes. @returns the end before, for `widen`. */
  narrow(length: number): number {
    const end = this.#end;
    if (length < 0 || length > end - this.#offset) throw new OverrunError(this.#offset, length, end - this.#offset);
    this.#end = this.#offset + length;
    return end;
  }
  /** Goes on behind what was narrowed to, wherever reading stopped. */
  widen(end: number): void {
    this.#offset = this.#end;
    this.#end = end;
  }
  /** Back to where reading was at `offset`, with the end that was then. */
  rewind(offset: number, end: number = this.#end): void {
    this.#offset = offset;
    this.#end = end;
  }
  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }
  u16(): number {
    return this.#view.getUint16(this.#take(2));
  }
  u32(): number {
    return this.#view.getUint32(this.#take(4));
  }
  f32(): number {
    const at = this.#take(4);
    const value = this.#view.getFloat32(at);
    if (value !== value && this.#view.getUint32(at) !== QUIET_NAN) this.inexact = true;
    return value;
  }
  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8));
  }
  /** Passes over bytes that senders set to zero and receivers ignore. */
  reserved(length: number): void {
    let at = this.#take(length);
    for (const end = at + length; at < end; at++) if (this.#bytes[at] !== 0) this.inexact = true;
  }
  /** A view on the next `length` bytes, not a copy. */
  bytes(length: number): Uint8Array {
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }
  skip(length: number): void {
    this.#take(length);
  }
  #take(length: number): number {
    const start = this.#offset;
    if (length < 0 || start + length > this.#end) throw new OverrunError(start, length, this.#end - start);
    this.#offset = start + length;
    return start;
  }
}

/** Writes big-endian fields into a buffer that grows up to a fixed limit. */
export class ByteWriter {
  #buffer: Uint8Array;
  #view: DataView;
  #length = 0;
  readonly #limit: number;

  constructor(limit = 65_535) {
    this.#limit = limit;
    this.#buffer = new Uint8Array(Math.min(256, limit));
    this.#view = new DataView(this.#buffer.buffer);
  }

  get length(): number {
    return this.#length;
  }
  u8(value: number): void {
    const at = this.#grow(1);
    this.#view.setUint8(at, value);
  }
  u16(value: number): void {
    const at = this.#grow(2);
    this.#view.setUint16(at, value);
  }
  u32(value: number): void {
    const at = this.#grow(4);
    this.#view.setUint32(at, value);
  }
  f32(value: number): void {
    const at = this.#grow(4);
    if (value !== value) this.#view.setUint32(at, QUIET_NAN);
    else this.#view.setFloat32(at, value);
  }
  u64(value: bigint): void {
    const at = this.#grow(8);
    this.#view.setBigUint64(at, value);
  }
  /** Zeros. */
  reserved(length: number): void {
    const at = this.#grow(length);
    this.#buffer.fill(0, at, at + length);
  }
  bytes(value: Uint8Array): void {
    const at = this.#grow(value.length);
    this.#buffer.set(value, at);
  }
  /** Overwrites two bytes that were written before (lengths, checksums). */
  patchU16(offset: number, value: number): void {
    if (offset + 2 > this.#length) throw new OverrunError(offset, 2, this.#length - offset);
    this.#view.setUint16(offset, value);
  }
  /** Starts again with the same buffer: views on what was written before are overwritten. */
  reset(): void {
    this.#length = 0;
  }
  /** A view on what was written, from `start` on. */
  finish(start = 0): Uint8Array {
    return this.#buffer.subarray(start, this.#length);
  }
  /** A copy of what was written. */
  copy(): Uint8Array {
    return this.#buffer.slice(0, this.#length);
  }

  #grow(count: number): number {
    const at = this.#length;
    const needed = at + count;
    if (needed > this.#limit) throw new OverrunError(at, count, this.#limit - at);
    if (needed > this.#buffer.length) {
      const bigger = new Uint8Array(Math.min(this.#limit, Math.max(needed, this.#buffer.length * 2)));
      bigger.set(this.#buffer.subarray(0, at));
      this.#buffer = bigger;
      this.#view = new DataView(bigger.buffer);
    }
    this.#length = needed;
    return at;
  }
}
