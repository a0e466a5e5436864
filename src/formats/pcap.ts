import { err, ok, type Result } from '../core/base/result.ts';
import type { CaptureItem } from './capture.ts';
import { pcapngItems } from './pcapng.ts';

const SECTION_HEADER_BLOCK = 0x0a0d0d0a;

/** Magic numbers of pcap files, read big-endian: byte order, ticks a second, length of a record header. */
const PCAP_MAGICS: ReadonlyMap<number, { little: boolean; nanosPerTick: bigint; recordHeader: number }> = new Map([
  [0xa1b2c3d4, { little: false, nanosPerTick: 1000n, recordHeader: 16 }],
  [0xd4c3b2a1, { little: true, nanosPerTick: 1000n, recordHeader: 16 }],
  [0xa1b23c4d, { little: false, nanosPerTick: 1n, recordHeader: 16 }],
  [0x4d3cb2a1, { little: true, nanosPerTick: 1n, recordHeader: 16 }],
  // A dialect with eight more bytes a record.
  [0xa1b2cd34, { little: false, nanosPerTick: 1000n, recordHeader: 24 }],
  [0x34cdb2a1, { little: true, nanosPerTick: 1000n, recordHeader: 24 }],
]);

/**
 * Opens a pcap or pcapng file that is in memory. Frames are made while the result is iterated, one pass, without copies;
 * a damaged file ends with one fault. The error is a sentence for people: these bytes are no capture at all.
 */
export function readCapture(bytes: Uint8Array): Result<Iterable<CaptureItem>, string> {
  if (bytes.length < 4) return err(`${bytes.length} bytes are no capture`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = view.getUint32(0);
  if (magic === SECTION_HEADER_BLOCK) return ok(pcapngItems(bytes));
  const format = PCAP_MAGICS.get(magic);
  if (!format) return err(`0x${magic.toString(16).padStart(8, '0')} is not the magic number of pcap or pcapng`);
  if (bytes.length < PCAP_HEADER) return err(`the pcap header is cut after ${bytes.length} bytes`);
  return ok(pcapItems(bytes, view, format));
}

const PCAP_HEADER = 24;

/** pcap: a file header of 24 bytes (link type at 20), then records: seconds, fraction, captured length, length on the wire. */
function* pcapItems(
  bytes: Uint8Array,
  view: DataView,
  format: { little: boolean; nanosPerTick: bigint; recordHeader: number },
): Generator<CaptureItem> {
  const { little, nanosPerTick, recordHeader } = format;
  // The upper bits tell of a frame check sequence.
  const linkType = view.getUint32(20, little) & 0xffff;
  let at = PCAP_HEADER;
  for (let number = 1; at < bytes.length; number++) {
    if (at + recordHeader > bytes.length) {
      yield { kind: 'fault', offset: at, detail: `record header ${number} is cut by the end of the file` };
      return;
    }
    const captured = view.getUint32(at + 8, little);
    const start = at + recordHeader;
    if (captured > bytes.length - start) {
      const detail = `record ${number} has ${captured} bytes, ${bytes.length - start} are left of the file`;
      yield { kind: 'fault', offset: at, detail };
      return;
    }
    const nanos = BigInt(view.getUint32(at + 4, little)) * nanosPerTick;
    yield {
      kind: 'frame',
      number,
      timestampNanos: BigInt(view.getUint32(at, little)) * 1_000_000_000n + nanos,
      linkType,
      originalLength: view.getUint32(at + 12, little),
      bytes: bytes.subarray(start, start + captured),
    };
    at = start + captured;
  }
}
