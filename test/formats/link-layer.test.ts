import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isKnownLinkType, networkPacket } from '../../src/formats/link-layer.ts';

const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
const MACS = '0000000000010000 00000002';

test.each([
  ['Ethernet', 1, `${MACS} 0800`, '45', 4],
  ['Ethernet, IPv6', 1, `${MACS} 86dd`, '60', 6],
  ['a VLAN tag', 1, `${MACS} 8100 0005 0800`, '45', 4],
  ['two VLAN tags', 1, `${MACS} 88a8 0005 8100 0006 0800`, '45', 4],
  ['two MPLS labels', 1, `${MACS} 8847 00010040 00020140`, '45', 4],
  ['raw IP', 101, '', '45', 4],
  ['raw IPv6', 101, '', '60', 6],
  ['raw IP, the BSD number', 12, '', '45', 4],
  ['LINKTYPE_IPV4', 228, '', '45', 4],
  ['LINKTYPE_IPV6', 229, '', '60', 6],
  ['Linux cooked', 113, '0000 0001 0006 000000000001 0000 0800', '45', 4],
  ['Linux cooked with a VLAN tag', 113, '0000 0001 0006 000000000001 0000 8100 0005 0800', '45', 4],
  ['Linux cooked 2', 276, '0800 0000 00000003 0001 00 06 0000000000010000', '45', 4],
  ['BSD loopback, little-endian', 0, '02000000', '45', 4],
  ['OpenBSD loopback', 108, '00000018', '60', 6],
  ['PPP', 9, 'ff03 0021', '45', 4],
  ['PPP without address and control', 9, '0057', '60', 6],
  ['Cisco HDLC', 104, '0f00 0800', '45', 4],
])('%s', (_name, linkType, before, ip, family) => {
  const head = bytesOf(before);
  const bytes = bytesOf(`${ip} 01 02 03`);
  expect(networkPacket(linkType, Uint8Array.from([...head, ...bytes]))).toEqual({ family, offset: head.length, bytes });
});

test.each([
  ['ARP', 1, `${MACS} 0806 0001`],
  ['an Ethernet header alone', 1, `${MACS} 0800`],
  ['an Ethernet header cut', 1, MACS],
  ['a VLAN tag cut', 1, `${MACS} 8100 00`],
  ['MPLS labels without an end', 1, `${MACS} 8847 00010040 00010040`],
  ['PPP LCP', 9, 'ff03 c021 01'],
  ['nothing', 101, ''],
  ['neither version', 101, '55'],
  ['a link type that is not known', 147, '45000000'],
])('%s is no IP', (_name, linkType, hex) => {
  expect(networkPacket(linkType, bytesOf(hex))).toBeNull();
});

test('known link types', () => {
  expect([1, 101, 113, 276].every(isKnownLinkType)).toBe(true);
  expect(isKnownLinkType(147)).toBe(false);
});

test('any frame of any type', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(0, 1, 9, 101, 104, 108, 113, 276),
      fc.uint8Array({ maxLength: 60 }),
      (linkType, frame) => {
        const found = networkPacket(linkType, frame);
        if (found) expect(found.offset).toBeLessThan(frame.length);
      },
    ),
    { numRuns: 3000 },
  );
});
