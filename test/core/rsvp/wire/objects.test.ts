import { describe, expect, test } from 'vitest';
import { ByteWriter } from '../../../../src/core/base/bytes.ts';
import type { IpAddress } from '../../../../src/core/base/ip.ts';
import { Bytes, BytesPerSecond, Micros, Millis } from '../../../../src/core/base/units.ts';
import { decodeMessage, decodeObjects, encodeMessage, encodeObject } from '../../../../src/core/rsvp/wire/codec.ts';
import type { DecodeError } from '../../../../src/core/rsvp/wire/decode-error.ts';
import type { RsvpObject } from '../../../../src/core/rsvp/wire/objects.ts';
import { objectCodecs } from '../../../../src/core/rsvp/wire/registry.ts';
import { STYLE_FF } from '../../../../src/core/rsvp/wire/style.ts';
import { bytesOf, extensionSamples } from './extension-samples.ts';

const ip = (text: string): IpAddress => text as IpAddress;
const none = new Uint8Array(0);

const tspec = {
  tokenRate: BytesPerSecond(3_125_000), // 4a3ebc20
  tokenBucket: Bytes(15_000), // 466a6000
  peakRate: BytesPerSecond(Infinity), // 7f800000
  minPolicedUnit: Bytes(128),
  maxPacketSize: Bytes(1500),
};
const TSPEC = '7f000005 4a3ebc20 466a6000 7f800000 00000080 000005dc';
const V6 = '20010db8 00000000 00000000 00000001';
const GENERAL = '04000001 00000003 06000001 4b3ebc20 08000001 000003e8 0a000001 000005dc';
const general = {
  breakBit: false,
  isHops: 3,
  pathBandwidth: BytesPerSecond(12_500_000),
  minPathLatency: Micros(1000),
  pathMtu: Bytes(1500),
};

/** Every object with its bytes, drawn by hand from the RFCs: one pair proves both directions. */
const samples: [name: string, object: RsvpObject, hex: string][] = [
  [
    'SESSION, IPv4',
    { kind: 'session', destination: ip('10.2.0.2'), protocol: 17, flags: 1, destinationPort: 5004 },
    '000c0101 0a020002 11 01 138c',
  ],
  [
    'SESSION, IPv6',
    { kind: 'session', destination: ip('2001:db8::1'), protocol: 6, flags: 0, destinationPort: 0 },
    `00180102 ${V6} 06 00 0000`,
  ],
  [
    'RSVP_HOP, IPv4',
    { kind: 'rsvpHop', address: ip('255.0.1.254'), logicalInterfaceHandle: 0xdead_beef },
    '000c0301 ff0001fe deadbeef',
  ],
  [
    'RSVP_HOP, IPv6',
    { kind: 'rsvpHop', address: ip('2001:db8::1'), logicalInterfaceHandle: 7 },
    `00180302 ${V6} 00000007`,
  ],
  ['TIME_VALUES', { kind: 'timeValues', refreshPeriod: Millis(4_294_967_295) }, '00080501 ffffffff'],
  [
    'ERROR_SPEC, IPv4',
    { kind: 'errorSpec', errorNode: ip('10.0.0.1'), flags: 3, errorCode: 1, errorValue: 0x8002 },
    '000c0601 0a000001 03 01 8002',
  ],
  [
    'ERROR_SPEC, IPv6',
    { kind: 'errorSpec', errorNode: ip('2001:db8::1'), flags: 0, errorCode: 21, errorValue: 2 },
    `00180602 ${V6} 00 15 0002`,
  ],
  ['STYLE', { kind: 'style', flags: 0x80, optionVector: STYLE_FF }, '00080801 80 00000a'],
  [
    'FLOWSPEC, controlled load',
    { kind: 'flowspec', flowspec: { service: 'controlledLoad', tspec } },
    `00240902 00000007 05000006 ${TSPEC}`,
  ],
  [
    'FLOWSPEC, guaranteed',
    {
      kind: 'flowspec',
      flowspec: { service: 'guaranteed', tspec, rspec: { rate: BytesPerSecond(6_250_000), slack: Micros(500) } },
    },
    `00300902 0000000a 02000009 ${TSPEC} 82000002 4abebc20 000001f4`,
  ],
  ['FILTER_SPEC, IPv4', { kind: 'filterSpec', source: ip('10.1.0.2'), sourcePort: 5004 }, '000c0a01 0a010002 0000138c'],
  [
    'FILTER_SPEC, IPv6',
    { kind: 'filterSpec', source: ip('2001:db8::1'), sourcePort: 65_535 },
    `00180a02 ${V6} 0000ffff`,
  ],
  [
    'SENDER_TEMPLATE, IPv4',
    { kind: 'senderTemplate', source: ip('10.1.0.2'), sourcePort: 1 },
    '000c0b01 0a010002 00000001',
  ],
  [
    'SENDER_TEMPLATE, IPv6',
    { kind: 'senderTemplate', source: ip('2001:db8::1'), sourcePort: 0 },
    `00180b02 ${V6} 00000000`,
  ],
  ['SENDER_TSPEC', { kind: 'senderTspec', tspec }, `00240c02 00000007 01000006 ${TSPEC}`],
  [
    'ADSPEC, general parameters alone',
    { kind: 'adspec', general: { ...general, breakBit: true }, guaranteed: null, controlledLoad: null },
    `002c0d02 00000009 01800008 ${GENERAL}`,
  ],
  [
    'ADSPEC, empty controlled load',
    { kind: 'adspec', general, guaranteed: null, controlledLoad: { breakBit: false, overrides: none } },
    `00300d02 0000000a 01000008 ${GENERAL} 05000000`,
  ],
  [
    'ADSPEC, both services and an override',
    {
      kind: 'adspec',
      general,
      guaranteed: {
        breakBit: false,
        cTot: Bytes(4500),
        dTot: Micros(3360),
        cSum: Bytes(1500),
        dSum: Micros(1120),
        overrides: none,
      },
      controlledLoad: { breakBit: true, overrides: bytesOf('06000001 49742400') },
    },
    `005c0d02 00000015 01000008 ${GENERAL} 02000008 85000001 00001194 86000001 00000d20 87000001 000005dc 88000001 00000460 05800002 06000001 49742400`,
  ],
  [
    'ADSPEC, guaranteed as a header, another service, another parameter',
    {
      kind: 'adspec',
      general: { ...general, extra: bytesOf('80000001 00000009') },
      guaranteed: {
        breakBit: true,
        headerOnly: true,
        cTot: Bytes(0),
        dTot: Micros(0),
        cSum: Bytes(0),
        dSum: Micros(0),
        overrides: none,
      },
      controlledLoad: null,
      others: [{ service: 6, breakBit: false, data: bytesOf('0a0b0c0d') }],
    },
    `00400d02 0000000e 0100000a ${GENERAL} 80000001 00000009 02800000 06000001 0a0b0c0d`,
  ],
  ['RESV_CONFIRM, IPv4', { kind: 'resvConfirm', receiver: ip('10.2.0.2') }, '00080f01 0a020002'],
  ['RESV_CONFIRM, IPv6', { kind: 'resvConfirm', receiver: ip('2001:db8::1') }, `00140f02 ${V6}`],
  [
    'an unknown class',
    { kind: 'unknown', classNumber: 0xc8, cType: 9, body: bytesOf('01020304') },
    '0008c809 01020304',
  ],
  ['an unknown C-Type', { kind: 'unknown', classNumber: 1, cType: 9, body: none }, '00040109'],
  ['NULL', { kind: 'unknown', classNumber: 0, cType: 5, body: bytesOf('01020304') }, '00080005 01020304'],
  ...extensionSamples,
  [
    'FLOWSPEC of a service that is not decoded',
    { kind: 'unknown', classNumber: 9, cType: 2, body: bytesOf('00000001 06000000') },
    '000c0902 00000001 06000000',
  ],
];

const message = (objects: RsvpObject[]) => ({ type: 1, flags: 0, sendTtl: 64, objects });
const header = (length: number): string => `10010000 4000${length.toString(16).padStart(4, '0')}`;

describe.each(samples)('%s', (_name, object, hex) => {
  const bytes = bytesOf(hex);

  test('encodes to its bytes, also behind other bytes', () => {
    const writer = new ByteWriter();
    writer.u32(0x0102_0304);
    encodeObject(writer, object);
    expect(Buffer.from(writer.finish().subarray(4)).toString('hex')).toBe(Buffer.from(bytes).toString('hex'));
  });

  test('decodes from its bytes, between other objects', () => {
    const null0 = '00040000';
    const decoded = decodeMessage(bytesOf(`${header(16 + bytes.length)} ${null0} ${hex} ${null0}`));
    expect(decoded).toMatchObject({ ok: true, value: { checksum: 'absent' } });
    if (decoded.ok) expect(decoded.value.message.objects[1]).toEqual(object);
  });

  test('comes back from a message, which is its header and the object', () => {
    const encoded = encodeMessage(message([object]));
    expect(encoded.length).toBe(8 + bytes.length);
    expect(decodeMessage(encoded)).toEqual({ ok: true, value: { message: message([object]), checksum: 'valid' } });
  });
});

const isCore = (hex: string): boolean => !extensionSamples.some(([, , other]) => other === hex);
const core = samples.filter(([, object, hex]) => object.kind !== 'unknown' && isCore(hex));
test.each(core)('%s is refused with a word less or a word more', (_name, _object, hex) => {
  const bytes = bytesOf(hex);
  for (const body of [bytes.subarray(4, bytes.length - 4), Uint8Array.from([...bytes.subarray(4), 0, 0, 0, 0])]) {
    const length = (4 + body.length).toString(16).padStart(4, '0');
    const raw = `${length}${hex.slice(4, 8)}${Buffer.from(body).toString('hex')}`;
    const decoded = decodeMessage(bytesOf(header(12 + body.length) + raw));
    expect(decoded).toMatchObject({
      ok: false,
      error: { reason: 'badObject', offset: 8, classNumber: bytes[2], cType: bytes[3], length: 4 + body.length },
    });
  }
});

test.each(extensionSamples)('%s with damaged contents stays raw, and what is wrong is told', (_name, object, hex) => {
  const bytes = bytesOf(hex);
  // SCOPE with a word more of IPv4, LABEL lists and other open ends are as sound as before: cut inside what is fixed.
  const body = bytes.subarray(4, 4 + (object.kind === 'policyData' ? 8 : 0));
  const wrong = object.kind === 'explicitRoute' || object.kind === 'recordRoute' ? bytesOf('01000000') : body;
  const raw = Uint8Array.from([0, 4 + wrong.length, bytes[2]!, bytes[3]!, ...wrong]);
  const packet = Uint8Array.from([...bytesOf(header(8 + raw.length)), ...raw]);
  const decoded = decodeMessage(packet);
  const kept = { kind: 'unknown', classNumber: bytes[2], cType: bytes[3], body: Uint8Array.from(wrong) };
  expect(decoded.ok && decoded.value.message.objects).toEqual([kept]);
  const odd = new Map<RsvpObject, DecodeError>();
  expect(decodeObjects(packet, [], odd)).toBeNull();
  expect([...odd.values()]).toMatchObject([{ reason: 'badObject', offset: 8, classNumber: bytes[2], cType: bytes[3] }]);
});

describe('what the values do not tell', () => {
  const sameAgain = (hex: string): void => {
    const packet = bytesOf(`${header(8 + bytesOf(hex).length)} ${hex}`);
    const decoded = decodeMessage(packet);
    if (!decoded.ok) return expect.unreachable();
    expect(decoded.value.message.objects[0]!.kind).not.toBe('unknown');
    expect(Buffer.from(encodeMessage(decoded.value.message, 'absent')).toString('hex')).toBe(
      Buffer.from(packet).toString('hex'),
    );
    // A copy is another object, written from its values.
    const copy = decoded.value.message.objects.map((object) => ({ ...object }));
    expect(encodeMessage({ ...decoded.value.message, objects: copy }, 'absent')).not.toEqual(packet);
  };

  test.each([
    ['reserved bits of FILTER_SPEC', '000c0a01 0a010002 abcd138c'],
    ['the payload of a NaN', `00240c02 00000007 01000006 ${TSPEC.replace('4a3ebc20', '7fc12345')}`],
    ['a negative NaN', `00240c02 00000007 01000006 ${TSPEC.replace('4a3ebc20', 'ffc00000')}`],
    ['a signalling NaN', `00240c02 00000007 01000006 ${TSPEC.replace('4a3ebc20', '7f800001')}`],
    ['flags of a parameter', `00240c02 00000007 01000006 ${TSPEC.replace('7f000005', '7f800005')}`],
    ['reserved bits of the IntServ version', `00240c02 0abc0007 01000006 ${TSPEC}`],
    ['reserved bits of the service header', `00240c02 00000007 01010006 ${TSPEC}`],
    ['reserved bits of an ADSPEC fragment', `002c0d02 00000009 01010008 ${GENERAL}`],
    ['the zero word of an LSP session', '00100107 0a090001 0001 0102 0a010001'],
    ['the reserved byte of INTEGRITY', '00180401 80 01 0102 03040506 fedcba98 76543210 00010203'],
    ['the reserved half of LABEL_REQUEST', '00081301 0001 0800'],
    ['the reserved byte of an ERO sub-object', '000c1401 01 08 0a000c02 20 01'],
    ['padding of a session name', '0010cf07 07 00 04 05 74756e6e 65000001'],
    ['more padding than a word', '0014cf07 07 00 04 05 74756e6e 65000000 00000000'],
    ['unused bits of DCLASS', '0008e101 0000002b'],
    ['padding of a policy attribute', '00140e01 0008 0000 000c 0002 0007 0201 616e6e 01'],
    ['reserved bits within an option of POLICY_DATA', '00140e01 0014 0000 000c0a01 0a010002 0001138c'],
  ])('%s comes back with the same object', (_name, hex) => sameAgain(hex));

  test('the reserved byte of the common header', () => {
    const packet = bytesOf('10010000 40ab0008');
    const decoded = decodeMessage(packet);
    expect(decoded).toMatchObject({ ok: true, value: { message: { reserved: 0xab } } });
    if (decoded.ok) expect(encodeMessage(decoded.value.message, 'absent')).toEqual(packet);
  });
});

describe('objects that no bytes stand for are refused', () => {
  test.each([
    ['SCOPE without addresses', { kind: 'scope', sources: [] }],
    ['a sub-object not in words', { kind: 'recordRoute', hops: [{ hop: 'other', type: 9, data: bytesOf('01') }] }],
    ['a long sub-object', { kind: 'recordRoute', hops: [{ hop: 'other', type: 9, data: new Uint8Array(258) }] }],
    ['a digest not in words', { ...(extensionSamples[4]![1] as object), digest: bytesOf('01') }],
    ['a name beyond a byte a character', { ...(extensionSamples.at(-2)![1] as object), name: '→' }],
    ['a name of 256', { ...(extensionSamples.at(-2)![1] as object), name: 'x'.repeat(256) }],
  ])('%s', (_name, object) => {
    expect(() => encodeMessage(message([object as RsvpObject]))).toThrow(RangeError);
  });
});

test('every registered codec has a sample', () => {
  const seen = new Set(samples.map(([, , hex]) => hex.slice(4, 8)));
  for (const { classNumber, cType } of objectCodecs) {
    expect(seen).toContain(Buffer.from([classNumber, cType]).toString('hex'));
  }
});

describe('IntServ contents that contradict themselves are bad objects', () => {
  test.each([
    ['version 1', '00240c02 10000007 01000006', /version is 1/],
    ['outer word count', '00240c02 00000008 01000006', /counts 8 words/],
    ['service word count', '00240c02 00000007 01000005', /counts 5 words/],
    ['service 5 in SENDER_TSPEC', '00240c02 00000007 05000006', /service number is 5/],
  ])('%s', (_name, start, detail) => {
    const decoded = decodeMessage(bytesOf(`${header(44)} ${start} ${TSPEC}`));
    expect(decoded).toMatchObject({ ok: false, error: { reason: 'badObject', offset: 8 } });
    if (!decoded.ok) expect(decoded.error.detail).toMatch(detail);
  });

  test.each([
    ['another parameter than the token bucket', `00240c02 00000007 01000006 ${TSPEC.replace('7f000005', '7e000005')}`],
    ['another parameter length', `00240c02 00000007 01000006 ${TSPEC.replace('7f000005', '7f000004')}`],
    ['ADSPEC without general parameters', '000c0d02 00000001 05000000'],
    ['ADSPEC with a fragment longer than itself', `00300d02 0000000a 01000008 ${GENERAL} 05000001`],
    ['ADSPEC with a fragment twice', `00340d02 0000000b 01000008 ${GENERAL} 05000000 05000000`],
    ['ADSPEC with fragments out of order', `00340d02 0000000b 01000008 ${GENERAL} 05000000 02000000`],
    ['ADSPEC with parameters out of order', `002c0d02 00000009 01000008 ${GENERAL.replace('04000001', '06000001')}`],
    ['ADSPEC with half a guaranteed fragment', `00380d02 0000000c 01000008 ${GENERAL} 02000002 85000001 00000000`],
  ])('%s', (_name, hex) => {
    const bytes = bytesOf(hex);
    expect(decodeMessage(bytesOf(header(8 + bytes.length) + hex))).toMatchObject({
      ok: false,
      error: { reason: 'badObject', offset: 8, detail: expect.stringMatching(/^(SENDER_TSPEC|ADSPEC): /) },
    });
  });
});

test('a guaranteed fragment that was a header alone is written whole once it has a value', () => {
  const adspec = samples.find(([name]) => name.includes('as a header'))![1] as RsvpObject & { kind: 'adspec' };
  const changed: RsvpObject = { ...adspec, guaranteed: { ...adspec.guaranteed!, cTot: Bytes(1) } };
  const decoded = decodeMessage(encodeMessage(message([changed])));
  expect(decoded.ok && decoded.value.message.objects[0]).toMatchObject({ guaranteed: { breakBit: true, cTot: 1 } });
});

test('NaN is a value like any other on the wire', () => {
  const object: RsvpObject = { kind: 'senderTspec', tspec: { ...tspec, tokenRate: BytesPerSecond(NaN) } };
  expect(decodeMessage(encodeMessage(message([object])))).toMatchObject({
    ok: true,
    value: { message: { objects: [{ tspec: { tokenRate: NaN } }] } },
  });
});

test('raw parts are copies: the receive buffer may be used again', () => {
  for (const [, object] of samples.filter(([name]) => /unknown|ADSPEC|INTEGRITY|CHALLENGE|POLICY|ROUTE/.test(name))) {
    // A Buffer, because its slice() would be no copy.
    const bytes = Buffer.from(encodeMessage(message([object])));
    const decoded = decodeMessage(bytes);
    bytes.fill(0xee);
    expect(decoded.ok && decoded.value.message.objects[0]).toEqual(object);
  }
});

test('decoding does not write to what it reads, also when the checksum is wrong', () => {
  const bytes = Buffer.from(encodeMessage(message([samples[0]![1]])));
  bytes[2]! ^= 1;
  const before = bytes.toString('hex');
  expect(decodeMessage(bytes)).toMatchObject({ ok: false, error: { reason: 'badChecksum' } });
  expect(bytes.toString('hex')).toBe(before);
});
