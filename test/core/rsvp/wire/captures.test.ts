import { describe, expect, test } from 'vitest';
import { decodeMessage, encodeMessage } from '../../../../src/core/rsvp/wire/codec.ts';
import { messageTypeName, type RsvpMessage } from '../../../../src/core/rsvp/wire/message.ts';
import { validateMessage } from '../../../../src/core/rsvp/wire/validate.ts';
import { captureFiles, rsvpMessages } from '../../../support/captures.ts';

const decoded = (name: string): RsvpMessage[] =>
  rsvpMessages(name).map(({ bytes }) => {
    const result = decodeMessage(bytes);
    if (!result.ok) throw new Error(`${name}: ${result.error.detail}`);
    return result.value.message;
  });
const reasons = (name: string): string[] =>
  rsvpMessages(name).map(({ bytes }) => {
    const result = decodeMessage(bytes);
    return result.ok ? 'none' : `${result.error.reason} at ${result.error.offset}`;
  });

/** What each capture must give: how many messages, and the reason for which they are refused. */
const expected: Record<string, { messages: number; refused?: string }> = {
  'freertr-te-3hop-head.pcap': { messages: 40 },
  'heirman-example-cloud.pcap': { messages: 5 },
  'heirman-example-network1.pcap': { messages: 4 },
  'heirman-example-network2.pcap': { messages: 5 },
  'john-rsvp-integrity-hmac-md5.pcap': { messages: 1 },
  'scapy-uts-te-resv.pcap': { messages: 1 },
  't50-bad-checksums.pcap': { messages: 7, refused: 'badChecksum at 2' },
  'tcpdump--rsvp-inf-loop-2.pcapng': { messages: 1, refused: 'badChecksum at 2' },
  'tcpdump--rsvp-infinite-loop.pcap': { messages: 5, refused: 'badObjectLength at 16' },
  // Its only packet is cut by the capture, see the tests of `rsvp decode`.
  'tcpdump--rsvp_uni-oobr-1.pcap': { messages: 0 },
};

test('every capture is accounted for', () => {
  expect(captureFiles()).toEqual(Object.keys(expected));
});

describe.each(Object.entries(expected))('%s', (name, { messages, refused }) => {
  test('holds so many messages, refused for that reason', () => {
    expect(reasons(name)).toEqual(Array.from({ length: messages }, () => refused ?? 'none'));
  });

  test('encodes back to the same bytes, with a checksum where there was none', () => {
    for (const { bytes } of rsvpMessages(name)) {
      const result = decodeMessage(bytes);
      if (!result.ok) continue;
      const again = encodeMessage(result.value.message);
      if (result.value.checksum === 'absent') again.set([0, 0], 2);
      expect(Buffer.from(again).toString('hex')).toBe(Buffer.from(bytes).toString('hex'));
    }
  });
});

test('another implementation: Path field by field', () => {
  const [first] = rsvpMessages('heirman-example-network1.pcap');
  expect(first?.packet).toMatchObject({
    source: '192.168.10.1',
    destination: '192.168.11.1',
    ttl: 99,
    routerAlert: true,
  });
  expect(decoded('heirman-example-network1.pcap')[0]).toEqual({
    type: 1,
    flags: 0,
    sendTtl: 100,
    objects: [
      { kind: 'session', destination: '192.168.11.1', protocol: 17, flags: 0, destinationPort: 2222 },
      { kind: 'rsvpHop', address: '192.168.10.1', logicalInterfaceHandle: 0 },
      { kind: 'timeValues', refreshPeriod: 10_000 },
      { kind: 'senderTemplate', source: '192.168.10.1', sourcePort: 7 },
      {
        kind: 'senderTspec',
        tspec: { tokenRate: 10_000, tokenBucket: 1000, peakRate: 100_000, minPolicedUnit: 100, maxPacketSize: 1500 },
      },
    ],
  });
});

test('another implementation: every message has the structure of its type', () => {
  for (const name of captureFiles().filter((file) => file.startsWith('heirman'))) {
    for (const message of decoded(name)) {
      expect(validateMessage(message)).toMatchObject({
        ok: true,
        value: { session: { destination: '192.168.11.1', destinationPort: 2222 }, unknown: [] },
      });
    }
  }
  expect(decoded('heirman-example-network1.pcap').map((message) => messageTypeName(message.type))).toEqual([
    'Path',
    'Resv',
    'ResvConf',
    'ResvTear',
  ]);
});

test('a router with INTEGRITY and ADSPEC: accepted, and nothing to forward', () => {
  const [message] = decoded('john-rsvp-integrity-hmac-md5.pcap');
  expect(validateMessage(message!)).toMatchObject({
    ok: true,
    value: {
      kind: 'path',
      adspec: {
        general: { breakBit: false, isHops: 1, pathBandwidth: 1_250_000, minPathLatency: 0, pathMtu: 1500 },
        guaranteed: null,
        controlledLoad: { breakBit: false, overrides: new Uint8Array(0) },
      },
      unknown: [],
    },
  });
});

test('traffic engineering: readable, refused by the rule on unknown C-Types', () => {
  for (const message of [...decoded('freertr-te-3hop-head.pcap'), ...decoded('scapy-uts-te-resv.pcap')]) {
    expect(validateMessage(message)).toMatchObject({
      ok: false,
      error: { reason: 'unknownCType', classNumber: 1, cType: 7 },
    });
  }
});

test('an infinite peak rate is read as such', () => {
  const [message] = decoded('scapy-uts-te-resv.pcap');
  expect(message?.objects.find((object) => object.kind === 'flowspec')).toMatchObject({
    flowspec: { service: 'controlledLoad', tspec: { tokenRate: 625_000, peakRate: Infinity } },
  });
});
