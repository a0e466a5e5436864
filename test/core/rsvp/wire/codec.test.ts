import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { internetChecksum } from '../../../../src/core/base/checksum.ts';
import { checksumError, decodeMessage, encodeMessage } from '../../../../src/core/rsvp/wire/codec.ts';
import { messageTypeName } from '../../../../src/core/rsvp/wire/message.ts';
import { unknownObjectAction } from '../../../../src/core/rsvp/wire/unknown.ts';
import { rsvpMessage } from './arbitrary.ts';

const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

/** A Path that ends with a NULL object: header, SESSION, NULL. */
const HEADER = '1 0 01 0000 40 00 0018'.replaceAll(' ', '');
const SESSION = '000c0101 0a020002 1100138c';
const good = (): Uint8Array => bytesOf(`${HEADER} ${SESSION} 00040000`);

describe('the common header', () => {
  test.each([
    ['no bytes', '', { reason: 'tooShort', offset: 0, length: 0 }],
    ['seven bytes', '10010000400000', { reason: 'tooShort', offset: 7, length: 7 }],
    ['version 2', `2${HEADER.slice(1)} ${SESSION} 00040000`, { reason: 'badVersion', offset: 0, version: 2 }],
    ['length above what came', '10010000 4000000c', { reason: 'badLength', offset: 6, length: 12, available: 8 }],
    ['length below what came', '10010000 40000008 00040000', { reason: 'badLength', length: 8, available: 12 }],
    ['length not in words', '10010000 4000000a 0004', { reason: 'badLength', length: 10, available: 10 }],
    ['a wrong checksum', '1001dead 40000008', { reason: 'badChecksum', offset: 2, received: 0xdead, computed: 0xaff6 }],
  ])('%s', (_name, hex, error) => {
    expect(decodeMessage(bytesOf(hex))).toMatchObject({ ok: false, error });
  });

  test('a header alone is a message without objects', () => {
    expect(decodeMessage(bytesOf('1c140000 ff000008'))).toEqual({
      ok: true,
      value: { checksum: 'absent', message: { type: 20, flags: 12, sendTtl: 255, objects: [] } },
    });
  });

  test('the reserved byte is ignored', () => {
    expect(decodeMessage(bytesOf('10010000 40ff0008'))).toMatchObject({ ok: true });
  });
});

describe('objects', () => {
  test.each([
    ['length 0', '00000101', { reason: 'badObjectLength', offset: 20, classNumber: 1, cType: 1, length: 0 }],
    ['length 3', '0003ff01', { reason: 'badObjectLength', offset: 20, length: 3 }],
    ['length not in words', '0006ff01', { reason: 'badObjectLength', offset: 20, length: 6 }],
    ['beyond the message', '0008ff01', { reason: 'objectOverrun', offset: 20, length: 8, available: 4 }],
    ['far beyond the message', 'fffcff01', { reason: 'objectOverrun', offset: 20, length: 65_532, available: 4 }],
  ])('%s', (_name, object, error) => {
    expect(decodeMessage(bytesOf(`${HEADER} ${SESSION} ${object}`))).toMatchObject({ ok: false, error });
  });

  test('SESSION of the wrong size', () => {
    expect(decodeMessage(bytesOf('10010000 40000010 00080101 0a020002'))).toMatchObject({
      ok: false,
      error: { reason: 'badObject', offset: 8, classNumber: 1, cType: 1, length: 8 },
    });
  });

  test('an empty object of 65,524 bytes fits, one more word does not', () => {
    const body = new Uint8Array(65_532 - 8 - 4);
    const message = {
      type: 1,
      flags: 0,
      sendTtl: 1,
      objects: [{ kind: 'unknown' as const, classNumber: 192, cType: 1, body }],
    };
    expect(decodeMessage(encodeMessage(message))).toMatchObject({ ok: true });
    const longer = { ...message, objects: [...message.objects, { ...message.objects[0]!, body: new Uint8Array(0) }] };
    expect(() => encodeMessage(longer)).toThrow(/wanted 4 bytes|wanted 2 bytes|wanted 1 bytes/);
  });
});

describe('the checksum', () => {
  test('zero says that there is none', () => {
    expect(decodeMessage(good())).toMatchObject({ ok: true, value: { checksum: 'absent' } });
  });

  test('every single wrong bit of a message is noticed', () => {
    const decoded = decodeMessage(good());
    const bytes = encodeMessage(decoded.ok ? decoded.value.message : expect.unreachable());
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const damaged = bytes.slice();
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      expect(decodeMessage(damaged).ok).toBe(false);
    }
  });

  test('a sum whose complement is zero is sent as ffff, since zero would mean none', () => {
    const message = (raw: Uint8Array) => ({
      type: 1,
      flags: 0,
      sendTtl: 64,
      objects: [{ kind: 'unknown' as const, classNumber: 200, cType: 1, body: raw }],
    });
    const before = encodeMessage(message(new Uint8Array(4)));
    // The checksum of a message with zero body is what the body must add for the sum to be ffff.
    const body = Uint8Array.from([before[2]!, before[3]!, 0, 0]);
    const bytes = encodeMessage(message(body));
    expect([bytes[2], bytes[3]]).toEqual([0xff, 0xff]);
    expect(decodeMessage(bytes)).toMatchObject({ ok: true, value: { checksum: 'valid' } });
  });

  test('the error names the right one', () => {
    const bytes = good();
    bytes[3] = 1;
    const error = checksumError(bytes);
    expect(error).toMatchObject({ reason: 'badChecksum', received: 1 });
    if (error.reason !== 'badChecksum') return expect.unreachable();
    bytes.set([error.computed >> 8, error.computed & 0xff], 2);
    expect(decodeMessage(bytes)).toMatchObject({ ok: true, value: { checksum: 'valid' } });
  });
});

describe('any bytes', () => {
  test('a message comes back as it was sent, and again as the same bytes', () => {
    fc.assert(
      fc.property(rsvpMessage, (message) => {
        const bytes = encodeMessage(message);
        expect(internetChecksum(bytes)).toBe(0);
        const decoded = decodeMessage(bytes);
        expect(decoded).toEqual({ ok: true, value: { message, checksum: 'valid' } });
        if (decoded.ok) expect(encodeMessage(decoded.value.message)).toEqual(bytes);
      }),
      { numRuns: 500 },
    );
  });

  test('random bytes are refused or read, never thrown at', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void decodeMessage(bytes)),
      { numRuns: 5000 },
    );
  });

  test('random contents behind a sound header are refused or read, and errors point into the message', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }), { maxLength: 60 }), (words) => {
        const length = 8 + 4 * words.length;
        const view = new DataView(new ArrayBuffer(length));
        view.setUint32(0, 0x1001_0000);
        view.setUint32(4, 0x4000_0000 | length);
        // Small lengths, so that decoding reaches beyond the first object.
        words.forEach((word, i) => view.setUint32(8 + 4 * i, word & 0x003f_ffff));
        const decoded = decodeMessage(new Uint8Array(view.buffer));
        if (!decoded.ok) expect(decoded.error.offset).toBeLessThanOrEqual(length);
      }),
      { numRuns: 5000 },
    );
  });

  test('cut at every offset: refused, each time with a reason', () => {
    fc.assert(
      fc.property(rsvpMessage, (message) => {
        const bytes = encodeMessage(message);
        for (let length = 0; length < bytes.length; length++) {
          const decoded = decodeMessage(bytes.subarray(0, length));
          expect(decoded.ok ? null : decoded.error.reason).toBe(length < 8 ? 'tooShort' : 'badLength');
        }
      }),
      { numRuns: 50 },
    );
  });

  test('cut at every word with its length set right: no throw, and no object that was not sent', () => {
    fc.assert(
      fc.property(rsvpMessage, (message) => {
        const bytes = encodeMessage(message);
        for (let length = 8; length < bytes.length; length += 4) {
          const cut = bytes.slice(0, length);
          cut.set([0, 0], 2);
          cut.set([length >> 8, length & 0xff], 6);
          const decoded = decodeMessage(cut);
          if (decoded.ok)
            expect(decoded.value.message.objects).toEqual(
              message.objects.slice(0, decoded.value.message.objects.length),
            );
          else expect(decoded.error.reason).toBe('objectOverrun');
        }
      }),
      { numRuns: 100 },
    );
  });

  test('with bytes changed and no checksum: refused or read, and what is read can be sent again', () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(rsvpMessage, changes, (message, edits) => {
        const bytes = encodeMessage(message);
        for (const [at, value] of edits) bytes[at % bytes.length] = value;
        bytes.set([0, 0], 2);
        const decoded = decodeMessage(bytes);
        if (!decoded.ok) return;
        const again = encodeMessage(decoded.value.message);
        expect(again.length).toBe(bytes.length);
        expect(decodeMessage(again)).toMatchObject({ ok: true });
      }),
      { numRuns: 2000 },
    );
  });

  test('the largest message of smallest objects has one object a word', () => {
    const bytes = new Uint8Array(65_532);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, 0x1001_0000);
    view.setUint32(4, 0x4000_fffc);
    for (let at = 8; at < bytes.length; at += 4) view.setUint32(at, 0x0004_c801);
    const decoded = decodeMessage(bytes);
    expect(decoded.ok && decoded.value.message.objects.length).toBe((65_532 - 8) / 4);
  });
});

describe('names and rules by number', () => {
  test('messages have the names of their RFCs', () => {
    const names = [1, 2, 3, 4, 5, 6, 7, 12, 13, 15, 20, 25, 26, 99].map(messageTypeName);
    expect(names.slice(0, 7)).toEqual(['Path', 'Resv', 'PathErr', 'ResvErr', 'PathTear', 'ResvTear', 'ResvConf']);
    expect(names.slice(7)).toEqual([
      'Bundle',
      'Ack',
      'Srefresh',
      'Hello',
      'IntegrityChallenge',
      'IntegrityResponse',
      'type 99',
    ]);
  });

  test('RFC 2205 3.10: two high bits decide, but for the classes that everybody must recognise', () => {
    for (let classNumber = 0; classNumber < 256; classNumber++) {
      const action = unknownObjectAction(classNumber);
      if ([0, 4, 7].includes(classNumber)) expect(action).toBe('ignore');
      else if (classNumber === 14) expect(action).toBe('forward');
      else expect(action).toBe(['reject', 'reject', 'ignore', 'forward'][classNumber >> 6]);
    }
  });
});
