import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { internetChecksum } from '../../../../src/core/base/checksum.ts';
import { ipFromBytes, ipToBytes, ipv4FromU32, ipv4ToU32, type IpAddress } from '../../../../src/core/base/ip.ts';
import { encodeIpv4, parseIpv4, parseIpv6, rsvpPayload } from '../../../../src/core/rsvp/wire/ip-packet.ts';
import { ipv4 } from './arbitrary.ts';

const ip = (text: string): IpAddress => text as IpAddress;
const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
const SIMPLE = '4500 0018 0000 0000 40 2e 0000 0a010002 0a020002';

describe('IPv4', () => {
  test('a packet without options, padding behind it dropped', () => {
    expect(parseIpv4(bytesOf(`${SIMPLE} 01020304 ffffffff`))).toEqual({
      ok: true,
      value: {
        source: '10.1.0.2',
        destination: '10.2.0.2',
        ttl: 64,
        protocol: 46,
        routerAlert: false,
        payload: Uint8Array.of(1, 2, 3, 4),
      },
    });
  });

  test.each([
    ['alone', '46', '94040000', true],
    ['behind no-operations', '47', '01010194 04000000', true],
    ['behind another option', '48', '82040000 94040000 00000000', true],
    ['behind the end of options', '47', '00000000 94040000', false],
    ['behind an option of length 0', '47', '82000000 94040000', false],
    ['not there', '46', '82040000', false],
  ])('router alert %s', (_name, start, options, routerAlert) => {
    const total = (4 * Number.parseInt(start[1]!, 16) + 4).toString(16).padStart(4, '0');
    const header = `${start}00 ${total} 0000 4000 ff 2e 0000 0a010002 0a020002`;
    const payload = Uint8Array.of(9, 8, 7, 6);
    expect(parseIpv4(bytesOf(`${header} ${options} 09080706`))).toMatchObject({
      ok: true,
      value: { routerAlert, payload },
    });
  });

  test.each([
    ['nothing', '', { reason: 'tooShort', offset: 0 }],
    ['a header cut', SIMPLE.slice(0, 20), { reason: 'tooShort' }],
    ['version 6', `6${SIMPLE.slice(1)} 01020304`, { reason: 'badVersion', offset: 0 }],
    ['a header of 16 bytes', `44${SIMPLE.slice(2)} 01020304`, { reason: 'badHeaderLength', offset: 0 }],
    ['options beyond the packet', `4f${SIMPLE.slice(2)} 01020304`, { reason: 'badHeaderLength', offset: 0 }],
    ['a total length below the header', SIMPLE.replace('0018', '0013'), { reason: 'badTotalLength', offset: 2 }],
    ['more announced than there is', `${SIMPLE} 0102`, { reason: 'truncated', offset: 22, packet: { protocol: 46 } }],
    ['a first fragment', `${SIMPLE.replace('0000 40', '2000 40')} 01020304`, { reason: 'fragment', offset: 6 }],
    ['a later fragment', `${SIMPLE.replace('0000 40', '0001 40')} 01020304`, { reason: 'fragment', offset: 6 }],
  ])('%s', (_name, hex, error) => {
    expect(parseIpv4(bytesOf(hex))).toMatchObject({ ok: false, error });
  });

  test('what is written is read again, with a right header checksum', () => {
    const packet = fc.record({
      source: ipv4,
      destination: ipv4,
      ttl: fc.integer({ min: 0, max: 255 }),
      protocol: fc.integer({ min: 0, max: 255 }),
      routerAlert: fc.boolean(),
      payload: fc.uint8Array({ maxLength: 100 }),
    });
    fc.assert(
      fc.property(packet, (value) => {
        const bytes = encodeIpv4(value);
        expect(internetChecksum(bytes.subarray(0, value.routerAlert ? 24 : 20))).toBe(0);
        expect(parseIpv4(bytes)).toEqual({ ok: true, value });
      }),
    );
  });

  test('more than 65,535 bytes are no packet', () => {
    const packet = { source: ip('10.0.0.1'), destination: ip('10.0.0.2'), ttl: 1, protocol: 46, routerAlert: false };
    expect(encodeIpv4({ ...packet, payload: new Uint8Array(65_515) })).toHaveLength(65_535);
    expect(() => encodeIpv4({ ...packet, payload: new Uint8Array(65_516) })).toThrow(RangeError);
  });
});

describe('IPv6', () => {
  const addresses = '20010db8 00000000 00000000 00000001 20010db8 00000000 00000000 00000002';

  test('behind hop-by-hop options with router alert and destination options', () => {
    const hex = `60000000 0014 00 40 ${addresses} 3c000502 00000100 2e000104 00000000 01020304`;
    expect(parseIpv6(bytesOf(hex))).toEqual({
      ok: true,
      value: {
        source: '2001:db8::1',
        destination: '2001:db8::2',
        ttl: 64,
        protocol: 46,
        routerAlert: true,
        payload: Uint8Array.of(1, 2, 3, 4),
      },
    });
  });

  test.each([
    ['a header cut', `60000000 0004 2e 40`, 'tooShort'],
    ['version 4', `40000000 0004 2e 40 ${addresses} 01020304`, 'badVersion'],
    ['an extension beyond the packet', `60000000 0008 00 40 ${addresses} 2eff0000 00000000`, 'badHeaderLength'],
    ['an extension cut', `60000000 0004 00 40 ${addresses} 2e000000`, 'badHeaderLength'],
    ['a fragment', `60000000 000c 2c 40 ${addresses} 2e000001 00000000 01020304`, 'fragment'],
    ['more announced than there is', `60000000 0008 2e 40 ${addresses} 01020304`, 'truncated'],
  ])('%s', (_name, hex, reason) => {
    expect(parseIpv6(bytesOf(hex))).toMatchObject({ ok: false, error: { reason } });
  });
});

describe('RSVP in a packet', () => {
  const packet = (protocol: number, payload: string) => ({
    source: ip('10.0.0.1'),
    destination: ip('10.0.0.2'),
    ttl: 1,
    protocol,
    routerAlert: false,
    payload: bytesOf(payload),
  });

  test.each([
    ['raw', 46, '10010000', '10010000'],
    ['in UDP to port 1698', 17, '1234 06a2 000c 0000 10010000', '10010000'],
    ['in UDP to port 1699, padding behind it', 17, '1234 06a3 000c 0000 10010000 ffff', '10010000'],
    ['in UDP with a length below its header', 17, '1234 06a3 0004 0000 10010000', ''],
  ])('%s', (_name, protocol, payload, message) => {
    expect(rsvpPayload(packet(protocol, payload))).toEqual(bytesOf(message));
  });

  test.each([
    ['UDP to another port', 17, '06a2 0035 000c 0000 10010000'],
    ['UDP cut', 17, '1234 06a2 00'],
    ['TCP', 6, '1234 06a2 000c 0000 10010000'],
  ])('%s holds none', (_name, protocol, payload) => {
    expect(rsvpPayload(packet(protocol, payload))).toBeNull();
  });
});

test('any bytes are a packet or an error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), fc.constantFrom(4, 6), (bytes, family) => {
      if (bytes.length > 0) bytes[0] = (family << 4) | (bytes[0]! & 0x0f);
      const parsed = family === 4 ? parseIpv4(bytes) : parseIpv6(bytes);
      if (parsed.ok) rsvpPayload(parsed.value);
      else if ('packet' in parsed.error) rsvpPayload(parsed.error.packet);
    }),
    { numRuns: 5000 },
  );
});

test('addresses as numbers', () => {
  expect(ipv4ToU32(ip('255.255.255.255'))).toBe(0xffff_ffff);
  expect(ipv4FromU32(0x0a01_0002)).toBe('10.1.0.2');
  fc.assert(
    fc.property(ipv4, (address) => {
      expect(ipv4FromU32(ipv4ToU32(address))).toBe(address);
      const view = new DataView(new ArrayBuffer(4));
      view.setUint32(0, ipv4ToU32(address));
      expect(new Uint8Array(view.buffer)).toEqual(ipToBytes(address));
      expect(ipFromBytes(new Uint8Array(view.buffer))).toBe(address);
    }),
  );
});
