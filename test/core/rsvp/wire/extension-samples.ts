import type { IpAddress } from '../../../../src/core/base/ip.ts';
import { Millis } from '../../../../src/core/base/units.ts';
import type { RsvpObject } from '../../../../src/core/rsvp/wire/objects.ts';

const ip = (text: string): IpAddress => text as IpAddress;
export const bytesOf = (hex: string): Uint8Array =>
  Uint8Array.from(Buffer.from(hex.replaceAll(/[^0-9a-f]/g, ''), 'hex'));
const ascii = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'));

const V6 = '20010db8 00000000 00000000 00000001';
const V6B = '20010db8 00000000 00000000 00000002';
const v6 = ip('2001:db8::1');
const v6b = ip('2001:db8::2');

/** Objects beyond RFC 2205's and RFC 2210's own, each with its bytes, drawn by hand from the RFC named. */
export const extensionSamples: [name: string, object: RsvpObject, hex: string][] = [
  // RFC 2207 3
  [
    'SESSION, IPv4/GPI',
    { kind: 'gpiSession', destination: ip('10.2.0.2'), protocol: 50, flags: 1, virtualDestinationPort: 7 },
    '000c0103 0a020002 32 01 0007',
  ],
  [
    'SESSION, IPv6/GPI',
    { kind: 'gpiSession', destination: v6, protocol: 51, flags: 0, virtualDestinationPort: 65_535 },
    `00180104 ${V6} 33 00 ffff`,
  ],
  // RFC 3209 4.6
  [
    'SESSION, LSP_TUNNEL_IPv4',
    { kind: 'lspSession', endPoint: ip('10.9.0.1'), tunnelId: 258, extendedTunnelId: ip('10.1.0.1') },
    '00100107 0a090001 0000 0102 0a010001',
  ],
  [
    'SESSION, LSP_TUNNEL_IPv6',
    { kind: 'lspSession', endPoint: v6, tunnelId: 1, extendedTunnelId: v6b },
    `00280108 ${V6} 0000 0001 ${V6B}`,
  ],
  // RFC 2747 2.1
  [
    'INTEGRITY',
    {
      kind: 'integrity',
      flags: 0x80,
      keyId: 0x0102_0304_0506,
      sequenceNumber: 0xfedc_ba98_7654_3210n,
      digest: bytesOf('000102030405060708090a0b0c0d0e0f'),
    },
    '00240401 80 00 0102 03040506 fedcba98 76543210 00010203 04050607 08090a0b 0c0d0e0f',
  ],
  // RFC 2205 A.6
  ['SCOPE, IPv4', { kind: 'scope', sources: [ip('10.1.0.2'), ip('10.1.0.3')] }, '000c0701 0a010002 0a010003'],
  ['SCOPE, IPv6', { kind: 'scope', sources: [v6, v6b] }, `00240702 ${V6} ${V6B}`],
  // RFC 2205 A.8, RFC 2207 3.2, RFC 3209 4.6
  [
    'FILTER_SPEC, IPv6 flow label',
    { kind: 'flowLabelFilterSpec', source: v6, flowLabel: 0x0a_bcde },
    `00180a03 ${V6} 00 0abcde`,
  ],
  [
    'FILTER_SPEC, IPv4/GPI',
    { kind: 'gpiFilterSpec', source: ip('10.1.0.2'), gpi: 0xdead_beef },
    '000c0a04 0a010002 deadbeef',
  ],
  ['FILTER_SPEC, IPv6/GPI', { kind: 'gpiFilterSpec', source: v6, gpi: 1 }, `00180a05 ${V6} 00000001`],
  [
    'FILTER_SPEC, LSP_TUNNEL_IPv4',
    { kind: 'lspFilterSpec', source: ip('10.1.0.1'), lspId: 513 },
    '000c0a07 0a010001 0000 0201',
  ],
  ['FILTER_SPEC, LSP_TUNNEL_IPv6', { kind: 'lspFilterSpec', source: v6, lspId: 2 }, `00180a08 ${V6} 0000 0002`],
  [
    'SENDER_TEMPLATE, IPv6 flow label',
    { kind: 'flowLabelSenderTemplate', source: v6, flowLabel: 0xff_ffff },
    `00180b03 ${V6} 00 ffffff`,
  ],
  [
    'SENDER_TEMPLATE, IPv4/GPI',
    { kind: 'gpiSenderTemplate', source: ip('10.1.0.2'), gpi: 256 },
    '000c0b04 0a010002 00000100',
  ],
  ['SENDER_TEMPLATE, IPv6/GPI', { kind: 'gpiSenderTemplate', source: v6, gpi: 7 }, `00180b05 ${V6} 00000007`],
  [
    'SENDER_TEMPLATE, LSP_TUNNEL_IPv4',
    { kind: 'lspSenderTemplate', source: ip('10.1.0.1'), lspId: 65_535 },
    '000c0b07 0a010001 0000 ffff',
  ],
  ['SENDER_TEMPLATE, LSP_TUNNEL_IPv6', { kind: 'lspSenderTemplate', source: v6, lspId: 0 }, `00180b08 ${V6} 0000 0000`],
  // RFC 2750 3, RFC 3181 4, RFC 3182 3, RFC 2872 2
  [
    'POLICY_DATA with options, priority, user and application',
    {
      kind: 'policyData',
      options: [
        { kind: 'filterSpec', source: ip('10.1.0.2'), sourcePort: 5004 },
        { kind: 'rsvpHop', address: ip('10.1.0.1'), logicalInterfaceHandle: 2 },
        { kind: 'timeValues', refreshPeriod: Millis(90_000) },
        { kind: 'unknown', classNumber: 200, cType: 1, body: bytesOf('01020304') },
      ],
      elements: [
        { element: 'preemptionPriority', mergeStrategy: 1, errorCode: 0, preemptionPriority: 4, defendingPriority: 5 },
        {
          element: 'authUser',
          attributes: [
            { aType: 1, subType: 1, value: ascii('CN=ann') },
            { aType: 2, subType: 1, value: ascii('ann') },
          ],
        },
        { element: 'authApp', attributes: [{ aType: 1, subType: 1, value: ascii('APP=SAP') }] },
        { element: 'other', pType: 32_768, data: bytesOf('0a0b0c0d') },
        { element: 'other', pType: 1, data: new Uint8Array(0) },
      ],
    },
    `00700e01 0030 0000
     000c0a01 0a010002 0000138c  000c0301 0a010001 00000002  00080501 00015f90  0008c801 01020304
     000c 0001 00 01 00 00 0004 0005
     0018 0002  000a 01 01 434e3d616e6e 0000  0007 02 01 616e6e 00
     0010 0003  000b 01 01 4150503d534150 00
     0008 8000 0a0b0c0d
     0004 0001`,
  ],
  [
    'POLICY_DATA with SCOPE and INTEGRITY and nothing else',
    {
      kind: 'policyData',
      options: [
        { kind: 'scope', sources: [ip('10.1.0.2')] },
        { kind: 'integrity', flags: 0, keyId: 1, sequenceNumber: 2n, digest: bytesOf('01020304') },
      ],
      elements: [],
    },
    '00280e01 0028 0000 00080701 0a010002 00180401 00000000 00000001 00000000 00000002 01020304',
  ],
  // RFC 3209 4.1, 4.2
  ['LABEL', { kind: 'label', label: 1_048_575 }, '00081001 000fffff'],
  ['LABEL_REQUEST', { kind: 'labelRequest', l3Pid: 0x0800 }, '00081301 0000 0800'],
  // RFC 3209 4.3, RFC 3477 4.1
  [
    'EXPLICIT_ROUTE',
    {
      kind: 'explicitRoute',
      hops: [
        { hop: 'address', loose: false, address: ip('10.0.12.2'), prefixLength: 32 },
        { hop: 'address', loose: true, address: v6, prefixLength: 64 },
        { hop: 'asNumber', loose: true, asNumber: 64_512 },
        { hop: 'unnumbered', loose: false, routerId: ip('10.0.0.3'), interfaceId: 77 },
        { hop: 'other', loose: true, type: 64, data: bytesOf('0102 03040506') },
      ],
    },
    `00381401 01 08 0a000c02 20 00  82 14 ${V6} 40 00  a0 04 fc00  04 0c 0000 0a000003 0000004d  c0 08 0102 03040506`,
  ],
  // RFC 3209 4.4, RFC 3477 5.1
  [
    'RECORD_ROUTE',
    {
      kind: 'recordRoute',
      hops: [
        { hop: 'address', address: ip('10.0.12.2'), prefixLength: 32, flags: 1 },
        { hop: 'label', flags: 1, cType: 1, contents: bytesOf('00000064') },
        { hop: 'address', address: v6, prefixLength: 128, flags: 0 },
        { hop: 'unnumbered', flags: 3, routerId: ip('10.0.0.3'), interfaceId: 77 },
        { hop: 'other', type: 200, data: bytesOf('0102') },
      ],
    },
    `00381501 01 08 0a000c02 20 01  03 08 01 01 00000064  02 14 ${V6} 80 00  04 0c 03 00 0a000003 0000004d  c8 04 0102`,
  ],
  // RFC 3209 5.2
  [
    'HELLO request',
    { kind: 'hello', ack: false, sourceInstance: 0x1234_5678, destinationInstance: 0 },
    '000c1601 12345678 00000000',
  ],
  [
    'HELLO ack',
    { kind: 'hello', ack: true, sourceInstance: 1, destinationInstance: 0xffff_ffff },
    '000c1602 00000001 ffffffff',
  ],
  // RFC 2961 4.2, 4.3, 5.1
  [
    'MESSAGE_ID',
    { kind: 'messageId', flags: 1, epoch: 0xab_cdef, messageId: 0xffff_fffe },
    '000c1701 01 abcdef fffffffe',
  ],
  ['MESSAGE_ID_ACK', { kind: 'messageIdAck', flags: 0, epoch: 1, messageId: 2 }, '000c1801 00 000001 00000002'],
  ['MESSAGE_ID_NACK', { kind: 'messageIdNack', flags: 0, epoch: 1, messageId: 3 }, '000c1802 00 000001 00000003'],
  [
    'MESSAGE_ID LIST',
    { kind: 'messageIdList', flags: 0, epoch: 9, messageIds: [1, 2, 0xffff_ffff] },
    '00141901 00 000009 00000001 00000002 ffffffff',
  ],
  [
    'MESSAGE_ID SRC_LIST, IPv4',
    {
      kind: 'messageIdSourceList',
      flags: 0,
      epoch: 9,
      entries: [
        { messageId: 1, source: ip('10.1.0.2') },
        { messageId: 2, source: ip('10.1.0.3') },
      ],
    },
    '00181902 00 000009 00000001 0a010002 00000002 0a010003',
  ],
  [
    'MESSAGE_ID SRC_LIST, IPv6',
    { kind: 'messageIdSourceList', flags: 0, epoch: 9, entries: [{ messageId: 1, source: v6 }] },
    `001c1903 00 000009 00000001 ${V6}`,
  ],
  [
    'MESSAGE_ID MCAST_LIST, IPv4',
    {
      kind: 'messageIdMulticastList',
      flags: 0,
      epoch: 9,
      entries: [{ messageId: 1, source: ip('10.1.0.2'), destination: ip('239.1.2.3') }],
    },
    '00141904 00 000009 00000001 0a010002 ef010203',
  ],
  [
    'MESSAGE_ID MCAST_LIST, IPv6',
    {
      kind: 'messageIdMulticastList',
      flags: 0,
      epoch: 9,
      entries: [{ messageId: 1, source: v6, destination: ip('ff0e::1') }],
    },
    `002c1905 00 000009 00000001 ${V6} ff0e0000 00000000 00000000 00000001`,
  ],
  // RFC 2747 4.3
  [
    'CHALLENGE',
    { kind: 'challenge', keyId: 0xffff_ffff_ffff, cookie: bytesOf('0102030405060708') },
    '00144001 0000 ffff ffffffff 01020304 05060708',
  ],
  // RFC 3473 9.1, RFC 5063 4.2
  [
    'RESTART_CAP',
    { kind: 'restartCap', restartTime: Millis(120_000), recoveryTime: Millis(0) },
    '000c8301 0001d4c0 00000000',
  ],
  ['CAPABILITY', { kind: 'capability', flags: 7 }, '00088601 00000007'],
  // RFC 3209 4.7
  [
    'SESSION_ATTRIBUTE',
    {
      kind: 'sessionAttribute',
      affinities: null,
      setupPriority: 7,
      holdingPriority: 0,
      flags: 4,
      name: 'tunnel-7',
    },
    '0010cf07 07 00 04 08 74756e6e 656c2d37',
  ],
  [
    'SESSION_ATTRIBUTE with affinities',
    {
      kind: 'sessionAttribute',
      affinities: { excludeAny: 1, includeAny: 0xffff_ffff, includeAll: 2 },
      setupPriority: 3,
      holdingPriority: 3,
      flags: 1,
      name: 'a',
    },
    '0018cf01 00000001 ffffffff 00000002 03 03 01 01 61000000',
  ],
  // RFC 2996 2
  ['DCLASS', { kind: 'dclass', codePoints: [10, 46, 63] }, '0010e101 00000028 000000b8 000000fc'],
];
