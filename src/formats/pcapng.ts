import type { CapturedFrame, CaptureItem } from './capture.ts';

const SECTION_HEADER = 0x0a0d0d0a;
const INTERFACE_DESCRIPTION = 1;
const OBSOLETE_PACKET = 2;
const SIMPLE_PACKET = 3;
const ENHANCED_PACKET = 6;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const OPTION_TSRESOL = 9;
const OPTION_TSOFFSET = 14;

interface CaptureInterface {
  readonly linkType: number;
  /** 0 = no limit. */
  readonly snapLength: number;
  readonly ticksPerSecond: bigint;
  readonly offsetSeconds: bigint;
}

/**
 * pcapng: blocks of type, total length, body, total length again. A section header sets the byte order and forgets the
 * interfaces of the section before; unknown blocks are skipped.
 */
export function* pcapngItems(bytes: Uint8Array): Generator<CaptureItem> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let little = false;
  let interfaces: CaptureInterface[] = [];
  let number = 0;
  for (let at = 0; at < bytes.length;) {
    const fault = (detail: string): CaptureItem => ({ kind: 'fault', offset: at, detail });
    if (at + 12 > bytes.length) {
      yield fault('a block header is cut by the end of the file');
      return;
    }
    // The section header's type reads the same in both byte orders.
    const isSection = view.getUint32(at) === SECTION_HEADER;
    if (isSection) {
      little = view.getUint32(at + 8, true) === BYTE_ORDER_MAGIC;
      if (!little && view.getUint32(at + 8) !== BYTE_ORDER_MAGIC) {
        yield fault('a section header without byte-order magic');
        return;
      }
      interfaces = [];
    }
    const type = view.getUint32(at, little);
    const length = view.getUint32(at + 4, little);
    if (length < 12 || length % 4 !== 0 || length > bytes.length - at) {
      yield fault(`a block of length ${length}, ${bytes.length - at} bytes are left of the file`);
      return;
    }
    const body = new DataView(bytes.buffer, bytes.byteOffset + at + 8, length - 12);
    if (type === INTERFACE_DESCRIPTION) {
      if (body.byteLength < 8) {
        yield fault('an interface description is too short');
        return;
      }
      interfaces.push(readInterface(body, little));
    } else if (type === ENHANCED_PACKET || type === SIMPLE_PACKET || type === OBSOLETE_PACKET) {
      number++;
      const frame = readPacket(type, body, little, interfaces, number);
      yield typeof frame === 'string' ? fault(`packet ${number}: ${frame}`) : frame;
      // The block's own length is sound, so the next block can be found.
    }
    at += length;
  }
}

function readInterface(body: DataView, little: boolean): CaptureInterface {
  let ticksPerSecond = 1_000_000n;
  let offsetSeconds = 0n;
  for (let at = 8; at + 4 <= body.byteLength;) {
    const code = body.getUint16(at, little);
    const length = body.getUint16(at + 2, little);
    at += 4;
    if (code === 0 || at + length > body.byteLength) break;
    if (code === OPTION_TSRESOL && length === 1) {
      // The high bit chooses powers of two over powers of ten; larger exponents than these have no use and would cost memory.
      const exponent = body.getUint8(at);
      ticksPerSecond = exponent & 0x80 ? 2n ** BigInt(exponent & 0x3f) : 10n ** BigInt(Math.min(exponent, 18));
    }
    if (code === OPTION_TSOFFSET && length === 8) offsetSeconds = body.getBigInt64(at, little);
    at += (length + 3) & ~3;
  }
  return { linkType: body.getUint16(0, little), snapLength: body.getUint32(4, little), ticksPerSecond, offsetSeconds };
}

function readPacket(
  type: number,
  body: DataView,
  little: boolean,
  interfaces: readonly CaptureInterface[],
  number: number,
): CapturedFrame | string {
  const header = type === SIMPLE_PACKET ? 4 : 20;
  if (body.byteLength < header) return 'its header is cut';
  const id =
    type === SIMPLE_PACKET ? 0 : type === ENHANCED_PACKET ? body.getUint32(0, little) : body.getUint16(0, little);
  const from = interfaces[id];
  if (!from) return `interface ${id} is not described`;
  const room = body.byteLength - header;
  const originalLength = body.getUint32(type === SIMPLE_PACKET ? 0 : 16, little);
  const captured =
    type === SIMPLE_PACKET
      ? Math.min(originalLength, from.snapLength === 0 ? originalLength : from.snapLength, room)
      : body.getUint32(12, little);
  if (captured > room) return `${captured} bytes captured, its block has ${room}`;
  const ticks = (BigInt(body.getUint32(type === SIMPLE_PACKET ? 0 : 4, little)) << 32n) | lowTicks(type, body, little);
  return {
    kind: 'frame',
    number,
    timestampNanos:
      type === SIMPLE_PACKET
        ? null
        : (ticks * 1_000_000_000n) / from.ticksPerSecond + from.offsetSeconds * 1_000_000_000n,
    linkType: from.linkType,
    originalLength,
    bytes: new Uint8Array(body.buffer, body.byteOffset + header, captured),
  };
}

const lowTicks = (type: number, body: DataView, little: boolean): bigint =>
  type === SIMPLE_PACKET ? 0n : BigInt(body.getUint32(8, little));
