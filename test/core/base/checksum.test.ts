import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { internetChecksum, onesComplementSum } from '../../../src/core/base/checksum.ts';

describe('the Internet checksum', () => {
  test('the example of RFC 1071 section 3', () => {
    const bytes = Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7);
    expect(onesComplementSum(bytes)).toBe(0xddf2);
    expect(internetChecksum(bytes)).toBe(0x220d);
  });

  test('nothing, one byte, all ones', () => {
    expect(internetChecksum(new Uint8Array(0))).toBe(0xffff);
    expect(onesComplementSum(Uint8Array.of(0xab))).toBe(0xab00);
    expect(onesComplementSum(new Uint8Array(65_535).fill(0xff))).toBe(0xff00);
  });

  test('bytes with their checksum in them give 0', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), (data) => {
        const even = data.length % 2 === 0 ? data : Uint8Array.from([...data, 0]);
        const sum = internetChecksum(even);
        expect(internetChecksum(Uint8Array.from([...even, sum >> 8, sum & 0xff]))).toBe(0);
      }),
    );
  });

  test('the same as adding word by word with the carry brought round each time', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (data) => {
        let sum = 0;
        for (let i = 0; i < data.length; i += 2) {
          sum += (data[i]! << 8) | (data[i + 1] ?? 0);
          if (sum > 0xffff) sum = (sum & 0xffff) + 1;
        }
        expect(onesComplementSum(data)).toBe(sum);
      }),
    );
  });
});
