import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { messageLine } from '../../src/cli/rsvp-line.ts';
import { readMessage } from '../../src/cli/rsvp-message.ts';
import { messageTree, recordJson } from '../../src/cli/rsvp-tree.ts';
import type { MessageRecord } from '../../src/cli/rsvp-capture.ts';
import { Millis } from '../../src/core/base/units.ts';
import { encodeMessage } from '../../src/core/rsvp/wire/codec.ts';
import type { RsvpObject } from '../../src/core/rsvp/wire/objects.ts';
import { ip } from '../support/network.ts';

const session = {
  kind: 'session',
  destination: ip('10.2.0.2'),
  protocol: 17,
  flags: 0,
  destinationPort: 5004,
} as const;
const hop = { kind: 'rsvpHop', address: ip('10.1.0.2'), logicalInterfaceHandle: 0 } as const;
const timeValues = { kind: 'timeValues', refreshPeriod: Millis(30_000) } as const;
const sender = { kind: 'senderTemplate', source: ip('10.1.0.2'), sourcePort: 5004 } as const;
/** An RSVP_HOP of two words where three are right, and a SENDER_TSPEC with half a parameter. */
const halfHop = { kind: 'unknown', classNumber: 3, cType: 1, body: new Uint8Array([10, 1, 0, 2]) } as const;
const halfTspec = { kind: 'unknown', classNumber: 12, cType: 2, body: new Uint8Array([0, 0, 0, 7]) } as const;

const pathOf = (...objects: readonly RsvpObject[]): Uint8Array =>
  encodeMessage({ type: 1, flags: 0, sendTtl: 9, objects });
const recordOf = (bytes: Uint8Array): MessageRecord => ({
  frame: 1,
  timestampNanos: null,
  source: ip('10.1.0.2'),
  destination: ip('10.2.0.2'),
  ttl: 9,
  routerAlert: true,
  encapsulation: 'ip',
  lengthBytes: bytes.length,
  ...readMessage(bytes),
});

describe('a message with objects that make no sense', () => {
  const record = recordOf(pathOf(session, halfHop, timeValues, halfTspec, sender));

  it('is read to its end, and every odd object says what is odd about it', () => {
    expect(record.objects.map(({ kind }) => kind)).toEqual([
      'session',
      'unknown',
      'timeValues',
      'unknown',
      'senderTemplate',
    ]);
    expect(JSON.parse(recordJson(record))).toMatchObject({
      checksumValid: true,
      objects: [
        { class: 'SESSION' },
        { class: 'RSVP_HOP', odd: { reason: 'badObject', offset: 20, detail: expect.any(String) as string } },
        { class: 'TIME_VALUES', refreshPeriodMs: 30_000 },
        { class: 'SENDER_TSPEC', odd: { reason: 'badObject', offset: 36 } },
        { class: 'SENDER_TEMPLATE', source: '10.1.0.2' },
      ],
      error: { reason: 'badObject', offset: 20 },
    });
  });

  it('shows it on one line and in the tree', () => {
    expect(messageLine(record, record)).toMatch(
      /; RSVP_HOP\/1 0a010002 \(ODD badObject at offset 20\); R 30s; SENDER_TSPEC\/2 00000007 \(ODD badObject at offset 36\); sender 10\.1\.0\.2:5004; ERROR badObject at offset 20$/,
    );
    expect(messageTree('frame 1', record)).toMatch(/ {2}└─ ODD badObject at offset 36: SENDER_TSPEC: /);
  });
});

describe('a message whose length is wrong', () => {
  it('is read as far as it came', () => {
    const whole = pathOf(session, hop, timeValues, sender);
    const cut = readMessage(whole.subarray(0, whole.length - 6));
    expect(cut.error).toMatchObject({ reason: 'badLength', also: { reason: 'objectOverrun' } });
    expect(cut.objects).toEqual([session, hop, timeValues]);
  });

  it('is read as far as it says where more came', () => {
    const whole = pathOf(session, hop);
    const padded = readMessage(new Uint8Array([...whole, 1, 2, 3]));
    expect(padded.error).toMatchObject({ reason: 'badLength' });
    expect(padded.objects).toEqual([session, hop]);
  });
});

describe('any bytes', () => {
  const messages = [
    pathOf(session, hop, timeValues, sender),
    pathOf(session, halfHop, timeValues, halfTspec, sender),
    encodeMessage({ type: 12, flags: 0, sendTtl: 1, objects: [], messages: [] }),
  ];
  const change = fc.record({ at: fc.nat(80), cut: fc.nat(12), bytes: fc.uint8Array({ maxLength: 12 }) });
  /** With a header that leads to the objects as often as not. */
  const fixLength = (bytes: Uint8Array): Uint8Array => {
    if (bytes.length < 8) return bytes;
    const fixed = Uint8Array.from(bytes);
    fixed.set([0x10, fixed[1]!, 0, 0, fixed[4]!, 0, fixed.length >> 8, fixed.length & 0xff]);
    return fixed;
  };

  it('end in something that can be shown in every form, and no object is there twice', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...messages, new Uint8Array(0)),
        fc.array(change, { maxLength: 4 }),
        fc.boolean(),
        (message, changes, fix) => {
          let bytes = Buffer.from(message);
          for (const { at, cut, bytes: fresh } of changes) {
            bytes = Buffer.concat([bytes.subarray(0, at), fresh, bytes.subarray(at + cut)]);
          }
          const record = recordOf(fix ? fixLength(bytes) : new Uint8Array(bytes));
          JSON.parse(recordJson(record));
          messageLine(record, record);
          messageTree('frame 1', record);
          expect(record.objects.length * 4).toBeLessThanOrEqual(bytes.length);
          for (const object of record.odd.keys()) expect(record.objects).toContain(object);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
