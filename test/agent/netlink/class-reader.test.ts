import { describe, expect, it } from 'vitest';
import { decodeClass } from '../../../src/agent/netlink/class-reader.ts';
import { RTM_NEWTCLASS } from '../../../src/agent/netlink/message.ts';

/** As a kernel 6.18 answers RTM_GETTCLASS, without the statistics. */
const PARENT =
  '00000000030000000100f0ffffffffff00000000080001006874620034000200' +
  '30000100000100000000000020bcbe00000100000000000020bcbe00093d0000093d0000ea0500000700000000000000';
const CHILD =
  '00000000030000001000f0ff0100f0ff00000000080001006874620040000200' +
  '3000010000011800000000001d2626000001180000000000ffffffff5cdc02007d000000b80b000000000000010000000c00070000f2052a01000000';
const decoded = (hex: string) => decodeClass({ type: RTM_NEWTCLASS, body: Buffer.from(hex, 'hex') });

describe('decodeClass', () => {
  it('reads the inner class, which hangs at the root', () => {
    expect(decoded(PARENT)).toEqual({
      minor: 1,
      parent: null,
      priority: 0,
      quantumBytes: 1514,
      rateBitsPerSecond: 100_000_000,
      ceilBitsPerSecond: 100_000_000,
      burstBytes: 12_500,
      ceilBurstBytes: 12_500,
      overheadBytes: 0,
    });
  });

  it('reads a rate of more than 32 bits, overhead and priority', () => {
    expect(decoded(CHILD)).toEqual({
      minor: 16,
      parent: 1,
      priority: 1,
      quantumBytes: 3_000,
      rateBitsPerSecond: 20_001_000,
      ceilBitsPerSecond: 40_000_000_000,
      burstBytes: 29_999,
      ceilBurstBytes: 40_000,
      overheadBytes: 24,
    });
  });

  it('takes nothing else for one', () => {
    const bytes = Buffer.from(CHILD, 'hex');
    for (let length = 0; length < bytes.length; length++) {
      expect(
        decodeClass({ type: RTM_NEWTCLASS, body: bytes.subarray(0, length) })?.rateBitsPerSecond ?? 20_001_000,
      ).toBe(20_001_000);
    }
    expect(decodeClass({ type: 41, body: bytes })).toBeNull();
    const others = Buffer.from(bytes);
    others.writeUInt32LE(0x0001_0010, 8);
    expect(decodeClass({ type: RTM_NEWTCLASS, body: others })).toBeNull();
    expect(decoded(CHILD.replace('68746200', '68667300'))).toBeNull();
  });
});
