import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import type { CaptureItem } from '../../src/formats/capture.ts';
import { readCapture } from '../../src/formats/pcap.ts';
import { captureBytes, captureFiles, framesOf } from '../support/captures.ts';
import { requires } from '../support/requires.ts';

/** Writes numbers of one byte order. */
class Fields {
  readonly #parts: Uint8Array[] = [];
  readonly #little: boolean;
  constructor(little: boolean) {
    this.#little = little;
  }
  u16(...values: number[]): this {
    return this.#add(2, values, (view, value) => view.setUint16(0, value, this.#little));
  }
  u32(...values: number[]): this {
    return this.#add(4, values, (view, value) => view.setUint32(0, value, this.#little));
  }
  raw(...bytes: number[]): this {
    this.#parts.push(Uint8Array.from(bytes));
    return this;
  }
  done(): Uint8Array {
    return Uint8Array.from(Buffer.concat(this.#parts));
  }
  #add(size: number, values: number[], write: (view: DataView, value: number) => void): this {
    for (const value of values) {
      const view = new DataView(new ArrayBuffer(size));
      write(view, value);
      this.#parts.push(new Uint8Array(view.buffer));
    }
    return this;
  }
}

const items = (bytes: Uint8Array): CaptureItem[] => {
  const capture = readCapture(bytes);
  if (!capture.ok) throw new Error(capture.error);
  return [...capture.value];
};
const orders = [
  ['little-endian', true],
  ['big-endian', false],
] as const;

describe.each(orders)('pcap, %s', (_name, little) => {
  const file = (magic: number) => new Fields(little).u32(magic).u16(2, 4).u32(0, 0, 65_535, 1);

  test('microseconds', () => {
    const bytes = file(0xa1b2c3d4).u32(1_700_000_000, 123_456, 2, 60).raw(0xaa, 0xbb).u32(1, 2, 0, 0).done();
    expect(items(bytes)).toEqual([
      {
        kind: 'frame',
        number: 1,
        timestampNanos: 1_700_000_000_123_456_000n,
        linkType: 1,
        originalLength: 60,
        bytes: Uint8Array.of(0xaa, 0xbb),
      },
      {
        kind: 'frame',
        number: 2,
        timestampNanos: 1_000_002_000n,
        linkType: 1,
        originalLength: 0,
        bytes: new Uint8Array(0),
      },
    ]);
  });

  test('nanoseconds', () => {
    const bytes = file(0xa1b23c4d).u32(5, 6, 1, 1).raw(7).done();
    expect(items(bytes)).toMatchObject([{ timestampNanos: 5_000_000_006n, bytes: Uint8Array.of(7) }]);
  });

  test('longer record headers', () => {
    const bytes = file(0xa1b2cd34).u32(0, 0, 1, 1, 0xffff_ffff, 0xffff_ffff).raw(7).done();
    expect(items(bytes)).toMatchObject([{ kind: 'frame', bytes: Uint8Array.of(7) }]);
  });

  test('a record longer than the file, however long it says', () => {
    for (const length of [3, 0x7fff_ffff, 0xffff_ffff]) {
      const bytes = file(0xa1b2c3d4).u32(0, 0, 1, 1).raw(7).u32(0, 0, length, 9).raw(1, 2).done();
      expect(items(bytes)).toMatchObject([{ kind: 'frame' }, { kind: 'fault', offset: 24 + 17 }]);
    }
  });

  test('a record header that is cut', () => {
    expect(items(file(0xa1b2c3d4).u32(0, 0).done())).toMatchObject([{ kind: 'fault', offset: 24 }]);
  });
});

describe.each(orders)('pcapng, %s', (_name, little) => {
  const block = (type: number, body: Uint8Array): Uint8Array => {
    const padded = Uint8Array.from([...body, ...new Uint8Array(-body.length & 3)]);
    const length = padded.length + 12;
    return new Fields(little)
      .u32(type, length)
      .raw(...padded)
      .u32(length)
      .done();
  };
  const section = block(0x0a0d0d0a, new Fields(little).u32(0x1a2b3c4d).u16(1, 0).u32(0xffff_ffff, 0xffff_ffff).done());
  const described = (linkType: number, snap: number, options: Uint8Array = new Uint8Array(0)): Uint8Array =>
    block(
      1,
      new Fields(little)
        .u16(linkType, 0)
        .u32(snap)
        .raw(...options)
        .done(),
    );
  const enhanced = (id: number, high: number, low: number, captured: number, ...data: number[]): Uint8Array =>
    block(
      6,
      new Fields(little)
        .u32(id, high, low, captured, 99)
        .raw(...data)
        .done(),
    );
  const file = (...blocks: Uint8Array[]): Uint8Array => Uint8Array.from(Buffer.concat([section, ...blocks]));

  test('packets of two interfaces with their own clocks, unknown blocks between', () => {
    const nanoseconds = new Fields(little).u16(9, 1).raw(9, 0, 0, 0).u16(0, 0).done();
    const halves = new Fields(little)
      .u16(9, 1)
      .raw(0x81, 0, 0, 0)
      .u16(14, 8)
      .raw(...new Fields(little).u32(...(little ? [10, 0] : [0, 10])).done())
      .done();
    const bytes = file(
      described(1, 0),
      described(101, 0, nanoseconds),
      described(113, 0, halves),
      block(0x1234, Uint8Array.of(1, 2, 3, 4)),
      enhanced(0, 1, 2, 3, 7, 8, 9),
      enhanced(1, 0, 5, 1, 7),
      enhanced(2, 0, 3, 0),
    );
    expect(items(bytes)).toEqual([
      {
        kind: 'frame',
        number: 1,
        timestampNanos: (2n ** 32n + 2n) * 1000n,
        linkType: 1,
        originalLength: 99,
        bytes: Uint8Array.of(7, 8, 9),
      },
      { kind: 'frame', number: 2, timestampNanos: 5n, linkType: 101, originalLength: 99, bytes: Uint8Array.of(7) },
      {
        kind: 'frame',
        number: 3,
        timestampNanos: 11_500_000_000n,
        linkType: 113,
        originalLength: 99,
        bytes: new Uint8Array(0),
      },
    ]);
  });

  test('simple packets are cut at the interface’s limit and have no time', () => {
    const simple = block(3, new Fields(little).u32(5).raw(1, 2).done());
    expect(items(file(described(101, 2), simple))).toMatchObject([
      { timestampNanos: null, originalLength: 5, bytes: Uint8Array.of(1, 2) },
    ]);
  });

  test('obsolete packet blocks', () => {
    const packet = block(2, new Fields(little).u16(0, 0).u32(0, 9, 1, 1).raw(6).done());
    expect(items(file(described(101, 0), packet))).toMatchObject([{ timestampNanos: 9000n, bytes: Uint8Array.of(6) }]);
  });

  test('a new section forgets the interfaces', () => {
    const bytes = file(described(101, 0), enhanced(0, 0, 1, 0), section, enhanced(0, 0, 2, 0));
    expect(items(bytes)).toMatchObject([
      { kind: 'frame' },
      { kind: 'fault', detail: expect.stringContaining('interface 0') },
    ]);
  });

  test('a packet that contradicts its block is a fault, the next one is read', () => {
    const bytes = file(described(101, 0), enhanced(0, 0, 1, 400, 1), enhanced(0, 0, 2, 1, 5));
    expect(items(bytes)).toMatchObject([{ kind: 'fault' }, { kind: 'frame', number: 2, bytes: Uint8Array.of(5) }]);
  });

  test.each([
    ['length 0', 0],
    ['length 8', 8],
    ['a length not in words', 29],
    ['a length beyond the file', 0xffff_fff0],
  ])('a block of %s ends the file', (_what, length) => {
    const bad = new Fields(little).u32(6, length, 0, 0).done();
    expect(items(file(bad))).toMatchObject([{ kind: 'fault', offset: section.length }]);
  });

  test('a block header that is cut, and a section without byte order', () => {
    expect(items(file(Uint8Array.of(1, 2, 3)))).toMatchObject([{ kind: 'fault', offset: section.length }]);
    const bad = section.slice();
    bad[8] = 0;
    expect(items(bad)).toMatchObject([{ kind: 'fault', offset: 0 }]);
  });
});

describe('what is no capture', () => {
  test.each([
    ['nothing', '', /0 bytes/],
    ['text', Buffer.from('<?xml version="1.0"?>').toString('hex'), /0x3c3f786d is not the magic number/],
    ['a pcap header that is cut', 'd4c3b2a1020004', /header is cut after 7 bytes/],
  ])('%s', (_name, hex, sentence) => {
    const capture = readCapture(Uint8Array.from(Buffer.from(hex, 'hex')));
    expect(capture).toMatchObject({ ok: false, error: expect.stringMatching(sentence) });
  });
});

test('any file, cut anywhere or changed: frames and at most the fault that ends it', () => {
  const files = captureFiles().map(captureBytes);
  fc.assert(
    fc.property(
      fc.constantFrom(...files),
      fc.nat(),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }),
      (file, cut, edits) => {
        const bytes = Uint8Array.from(file.subarray(0, 24 + (cut % file.length)));
        for (const [at, value] of edits) bytes[4 + (at % (bytes.length - 4))] = value;
        const capture = readCapture(bytes);
        if (!capture.ok) return;
        for (const item of capture.value) {
          if (item.kind === 'frame') expect(item.bytes.length).toBeLessThan(bytes.length);
          else expect(item.offset).toBeLessThanOrEqual(bytes.length);
        }
      },
    ),
    { numRuns: 2000 },
  );
});

describe.skipIf(requires('tshark'))('as another program writes it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'headroom-pcap-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const name = 'heirman-example-network1.pcap';
  const plain = (bytes: Uint8Array) =>
    framesOf(bytes).map(({ bytes: data, ...rest }) => ({ ...rest, data: Buffer.from(data).toString('hex') }));

  test.each(['pcap', 'nsecpcap', 'modpcap', 'pcapng'])('%s', (format) => {
    const source = join(folder, 'in.pcap');
    const target = join(folder, `out.${format}`);
    writeFileSync(source, captureBytes(name));
    execFileSync('editcap', ['-F', format, source, target]);
    expect(plain(readFileSync(target))).toEqual(plain(captureBytes(name)));
  });
});
