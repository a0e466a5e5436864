import { describe, expect, test } from 'vitest';
import type { IpAddress } from '../../../../src/core/base/ip.ts';
import { Bytes, BytesPerSecond, Millis } from '../../../../src/core/base/units.ts';
import { buildMessage } from '../../../../src/core/rsvp/wire/build.ts';
import { decodeMessage, encodeMessage } from '../../../../src/core/rsvp/wire/codec.ts';
import type { ExtensionKind, Extensions } from '../../../../src/core/rsvp/wire/extensions.ts';
import type { PathMessage } from '../../../../src/core/rsvp/wire/message-views.ts';
import type { RsvpObject } from '../../../../src/core/rsvp/wire/objects.ts';
import { validateMessage } from '../../../../src/core/rsvp/wire/validate.ts';
import { reportableError } from '../../../../src/core/rsvp/wire/validation-error.ts';
import { bytesOf, extensionSamples } from './extension-samples.ts';

const ip = (text: string): IpAddress => text as IpAddress;
const path: PathMessage = {
  kind: 'path',
  sendTtl: 63,
  session: { kind: 'session', destination: ip('10.2.0.2'), protocol: 17, flags: 0, destinationPort: 5004 },
  unknown: [],
  hop: { kind: 'rsvpHop', address: ip('10.1.0.1'), logicalInterfaceHandle: 9 },
  timeValues: { kind: 'timeValues', refreshPeriod: Millis(30_000) },
  senderTemplate: { kind: 'senderTemplate', source: ip('10.1.0.2'), sourcePort: 5004 },
  senderTspec: {
    kind: 'senderTspec',
    tspec: {
      tokenRate: BytesPerSecond(1000),
      tokenBucket: Bytes(3000),
      peakRate: BytesPerSecond(2000),
      minPolicedUnit: Bytes(100),
      maxPacketSize: Bytes(1500),
    },
  },
  adspec: null,
};
const withObject = (object: RsvpObject) => {
  const message = buildMessage(path);
  return { ...message, objects: [...message.objects, object] };
};
const all = new Set<ExtensionKind>([
  'integrity',
  'messageIdAck',
  'messageIdNack',
  'messageId',
  'scope',
  'explicitRoute',
  'recordRoute',
  'policyData',
  'dclass',
]);

describe('for a caller that handles none, being decoded changes nothing', () => {
  test.each(extensionSamples)('%s', (_name, object, hex) => {
    const bytes = bytesOf(hex);
    const [classNumber, cType] = [bytes[2]!, bytes[3]!];
    const judged = validateMessage(withObject(object));
    const raw = { kind: 'unknown', classNumber, cType, body: bytes.slice(4) };
    if ([1, 10, 11].includes(classNumber)) {
      expect(judged).toMatchObject({ ok: false, error: { reason: 'unknownCType', classNumber, cType } });
    } else if (classNumber === 14 || classNumber >= 0xc0) {
      expect(judged).toEqual({ ok: true, value: { ...path, unknown: [raw] } });
    } else if (classNumber === 4 || classNumber === 7 || classNumber >= 0x80) {
      expect(judged).toEqual({ ok: true, value: path });
    } else {
      const value = (classNumber << 8) | cType;
      expect(!judged.ok && reportableError(judged.error)).toEqual({ errorCode: 13, errorValue: value });
    }
  });

  test('POLICY_DATA with reserved bits set is passed on byte for byte', () => {
    const object = '00140e01 0008 1234 000c 0002 0007 0201 616e6e 01';
    const plain = encodeMessage(buildMessage(path));
    const packet = Uint8Array.from([...plain, ...bytesOf(object)]);
    packet.set([0, 0, packet[4]!, 0, 0, packet.length], 2);
    const decoded = decodeMessage(packet);
    const judged = decoded.ok && validateMessage(decoded.value.message);
    expect(judged && judged.ok && judged.value.unknown[0]!.body).toEqual(bytesOf(object).slice(4));
  });
});

describe('for a caller that handles them', () => {
  const sample = <K extends RsvpObject['kind']>(kind: K) =>
    extensionSamples.map(([, object]) => object).find((object) => object.kind === kind) as RsvpObject & { kind: K };
  const extensions: Extensions = {
    integrity: sample('integrity'),
    acks: [sample('messageIdAck'), sample('messageIdNack')],
    messageId: sample('messageId'),
    explicitRoute: sample('explicitRoute'),
    scope: sample('scope'),
    policyData: [sample('policyData'), sample('policyData')],
    dclass: sample('dclass'),
    recordRoute: sample('recordRoute'),
  };

  test('built, sent, decoded and judged, they are what they were; in the order of RFC 2961 4.1', () => {
    const message = buildMessage({ ...path, extensions });
    expect(message.objects.slice(0, 5).map(({ kind }) => kind)).toEqual([
      'integrity',
      'messageIdAck',
      'messageIdNack',
      'messageId',
      'session',
    ]);
    const decoded = decodeMessage(encodeMessage(message));
    expect(decoded.ok && validateMessage(decoded.value.message, all)).toEqual({
      ok: true,
      value: { ...path, extensions },
    });
  });

  test.each(['integrity', 'messageId', 'scope', 'dclass'] as const)('two of %s are refused', (kind) => {
    const message = withObject(sample(kind));
    expect(validateMessage({ ...message, objects: [...message.objects, sample(kind)] }, all)).toMatchObject({
      ok: false,
      error: { reason: 'duplicateObject' },
    });
  });

  test('of two routes the first counts (RFC 3209 4.3)', () => {
    const message = withObject(sample('explicitRoute'));
    const second = { kind: 'explicitRoute', hops: [] } as const;
    expect(validateMessage({ ...message, objects: [...message.objects, second] }, all)).toMatchObject({
      ok: true,
      value: { extensions: { explicitRoute: sample('explicitRoute') } },
    });
  });

  test.each([
    [20, 1, 'malformedObject'],
    [20, 9, 'unknownCType'],
    [4, 1, 'malformedObject'],
    [225, 1, 'malformedObject'],
  ])('a raw object of class %i, C-Type %i: %s', (classNumber, cType, reason) => {
    const raw = { kind: 'unknown', classNumber, cType, body: new Uint8Array(0) } as const;
    expect(validateMessage(withObject(raw), all)).toMatchObject({ ok: false, error: { reason, classNumber, cType } });
  });

  test('SCOPE of another family than the session', () => {
    const scope = { kind: 'scope', sources: [ip('2001:db8::1')] } as const;
    expect(validateMessage(withObject(scope), all)).toMatchObject({
      ok: false,
      error: { reason: 'mixedFamilies', className: 'SCOPE' },
    });
  });
});
