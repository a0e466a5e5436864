import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AddressRanges, ipv4Number } from '../../../src/core/base/address-ranges.ts';
import { ipFromBytes, ipToBytes, prefixContains, type IpPrefix } from '../../../src/core/base/ip.ts';
import { ip } from '../../support/network.ts';

const prefix = fc.record({ bits: fc.integer({ min: 0, max: 0xff }), length: fc.integer({ min: 0, max: 32 }) }).map(
  // Few bits that differ, at both ends: so that they often overlap.
  ({ bits, length }): IpPrefix => ({ address: ipFromBytes(Uint8Array.of(bits >> 4, 0, 0, bits & 15)), length }),
);

describe('address ranges', () => {
  it('meet a prefix that contains one of theirs, or lies in it', () => {
    fc.assert(
      fc.property(fc.array(prefix, { maxLength: 6 }), prefix, (known, asked) => {
        const meets = known.some((each) =>
          prefixContains({ ...each, length: Math.min(each.length, asked.length) }, asked.address),
        );
        expect(new AddressRanges(known).meets(ipv4Number(ipToBytes(asked.address)), asked.length)).toBe(meets);
      }),
    );
  });

  it('know nothing of IPv6', () => {
    const ranges = new AddressRanges([{ address: ip('fe80::1'), length: 10 }]);
    expect([ranges.has(ip('fe80::1')), ranges.has(ip('0.0.0.0'))]).toEqual([false, false]);
  });
});
