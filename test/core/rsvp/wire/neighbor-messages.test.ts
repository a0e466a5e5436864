import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { IpAddress } from '../../../../src/core/base/ip.ts';
import { Millis } from '../../../../src/core/base/units.ts';
import { splitBundle } from '../../../../src/core/rsvp/wire/bundle.ts';
import { decodeMessage, encodeMessage } from '../../../../src/core/rsvp/wire/codec.ts';
import {
  buildNeighborMessage,
  isNeighborMessage,
  validateNeighborMessage,
  type NeighborMessage,
} from '../../../../src/core/rsvp/wire/neighbor-messages.ts';
import type { RsvpObject } from '../../../../src/core/rsvp/wire/objects.ts';
import { bundleMessage, rsvpMessage } from './arbitrary.ts';
import { bytesOf } from './extension-samples.ts';

const integrity = {
  kind: 'integrity',
  flags: 0,
  keyId: 1,
  sequenceNumber: 1n,
  digest: new Uint8Array(16),
} as const;
const common = { sendTtl: 1, flags: 1, integrity };
const ack = { kind: 'messageIdAck', flags: 0, epoch: 1, messageId: 2 } as const;
const nack = { kind: 'messageIdNack', flags: 0, epoch: 1, messageId: 3 } as const;
const messageId = { kind: 'messageId', flags: 1, epoch: 1, messageId: 4 } as const;
const list = { kind: 'messageIdList', flags: 0, epoch: 1, messageIds: [5, 6] } as const;
const source = '10.1.0.2' as IpAddress;
const sourceList = { kind: 'messageIdSourceList', flags: 0, epoch: 1, entries: [{ messageId: 7, source }] } as const;
const multicastList = {
  kind: 'messageIdMulticastList',
  flags: 0,
  epoch: 1,
  entries: [{ messageId: 8, source, destination: '239.0.0.1' as IpAddress }],
} as const;
const challenge = { kind: 'challenge', keyId: 9, cookie: bytesOf('0102030405060708') } as const;
const hello = { kind: 'hello', ack: false, sourceInstance: 1, destinationInstance: 0 } as const;
const restartCap = { kind: 'restartCap', restartTime: Millis(1), recoveryTime: Millis(2) } as const;
const capability = { kind: 'capability', flags: 1 } as const;
const path = { type: 1, flags: 0, sendTtl: 9, objects: [] };

const views: NeighborMessage[] = [
  { kind: 'ack', ...common, acks: [ack, nack] },
  { kind: 'srefresh', ...common, acks: [nack], messageId, lists: [list, multicastList] },
  { kind: 'srefresh', ...common, integrity: null, acks: [], messageId: null, lists: [sourceList, sourceList] },
  { kind: 'hello', ...common, hello, restartCap, capability },
  { kind: 'hello', ...common, hello: { ...hello, ack: true }, restartCap: null, capability: null },
  { kind: 'integrityChallenge', ...common, integrity: null, challenge },
  { kind: 'integrityResponse', ...common, challenge },
  {
    kind: 'bundle',
    ...common,
    integrity: null,
    messages: [
      { message: path, checksum: 'absent' },
      { message: { ...path, type: 2 }, checksum: 'valid' },
    ],
  },
];

describe.each(views.map((view) => [view.kind, view] as const))('%s', (_kind, view) => {
  test('built, sent, decoded and judged, it is what it was', () => {
    const message = buildNeighborMessage(view);
    expect(isNeighborMessage(message.type)).toBe(true);
    const decoded = decodeMessage(encodeMessage(message));
    expect(decoded.ok && validateNeighborMessage(decoded.value.message)).toEqual({ ok: true, value: view });
  });
});

const message = (type: number, ...objects: RsvpObject[]) => ({ type, flags: 0, sendTtl: 1, objects });
const unknown = (classNumber: number): RsvpObject => ({
  kind: 'unknown',
  classNumber,
  cType: 1,
  body: new Uint8Array(0),
});

describe('refused', () => {
  test.each([
    ['Ack without one', message(13, integrity), { reason: 'missingObject', className: 'MESSAGE_ID_ACK' }],
    ['Srefresh without a list', message(15, messageId), { reason: 'missingObject', className: 'MESSAGE_ID_LIST' }],
    ['Srefresh with mixed lists', message(15, list, sourceList), { reason: 'misplacedObject' }],
    ['Srefresh with two MESSAGE_ID', message(15, messageId, messageId, list), { reason: 'duplicateObject' }],
    ['Hello without one', message(20), { reason: 'missingObject', className: 'HELLO' }],
    ['Hello with two', message(20, hello, hello), { reason: 'duplicateObject', className: 'HELLO' }],
    ['Challenge without one', message(25), { reason: 'missingObject', className: 'CHALLENGE' }],
    ['Response without one', message(26, integrity), { reason: 'missingObject', className: 'CHALLENGE' }],
    ['Response without INTEGRITY', message(26, challenge), { reason: 'missingObject', className: 'INTEGRITY' }],
    ['Bundle without a message', message(12), { reason: 'missingObject' }],
    ['a damaged HELLO', message(20, unknown(22)), { reason: 'malformedObject', classNumber: 22 }],
    ['an unknown class', message(20, hello, unknown(100)), { reason: 'unknownClass', classNumber: 100 }],
    ['a Path', message(1), { reason: 'unknownMessageType', type: 1 }],
  ] as const)('%s', (_name, one, error) => {
    expect(validateNeighborMessage(one)).toMatchObject({ ok: false, error });
  });

  test('but classes of the form 1bbbbbbb are passed over', () => {
    expect(validateNeighborMessage(message(20, hello, unknown(150), unknown(250)))).toMatchObject({ ok: true });
  });
});

describe('bundles', () => {
  test('come back as they were sent, and again as the same bytes', () => {
    fc.assert(
      fc.property(bundleMessage, (bundle) => {
        const bytes = encodeMessage(bundle);
        const decoded = decodeMessage(bytes);
        expect(decoded).toEqual({ ok: true, value: { message: bundle, checksum: 'valid' } });
        if (decoded.ok) expect(encodeMessage(decoded.value.message)).toEqual(bytes);
      }),
      { numRuns: 100 },
    );
  });

  test('split into the very bytes of their messages', () => {
    fc.assert(
      fc.property(fc.array(rsvpMessage, { minLength: 1, maxLength: 4 }), (messages) => {
        const parts = messages.map((one) => ({ message: one, checksum: 'valid' as const }));
        const split = splitBundle(encodeMessage({ type: 12, flags: 0, sendTtl: 1, objects: [], messages: parts }));
        expect(split).toEqual({ ok: true, value: messages.map((one) => encodeMessage(one)) });
      }),
      { numRuns: 50 },
    );
  });

  test.each([
    ['empty', '100c0000 01000008', { reason: 'badBundle', offset: 8 }],
    ['in a bundle', '100c0000 01000018 100c0000 01000010 10010000 01000008', { reason: 'badBundle', offset: 9 }],
    ['half a header', '100c0000 0100000c 10010000', { reason: 'tooShort', offset: 8 }],
    ['length zero within', '100c0000 01000010 10010000 01000000', { reason: 'badLength', offset: 14 }],
    ['length beyond', '100c0000 01000010 10010000 0100000c', { reason: 'badLength', offset: 14 }],
    ['version within', '100c0000 01000010 20010000 01000008', { reason: 'badVersion', offset: 8 }],
    ['checksum within', '100c0000 01000018 10010000 01000008 1001dead 01000008', { reason: 'badChecksum', offset: 18 }],
    ['object within', '100c0000 01000014 10010000 0100000c 00000101', { reason: 'badObjectLength', offset: 16 }],
  ])('%s', (_name, hex, error) => {
    expect(decodeMessage(bytesOf(hex))).toMatchObject({ ok: false, error });
  });

  test('bundles nested as deep as they go are refused at the first', () => {
    const bytes = new Uint8Array(65_528);
    const view = new DataView(bytes.buffer);
    for (let at = 0; at < bytes.length; at += 8) {
      view.setUint32(at, 0x100c_0000);
      view.setUint32(at + 4, bytes.length - at);
    }
    expect(decodeMessage(bytes)).toMatchObject({ ok: false, error: { reason: 'badBundle', offset: 9 } });
  });
});
