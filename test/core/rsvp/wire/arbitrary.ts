import fc, { type Arbitrary } from 'fast-check';
import { ipFromBytes, type IpAddress } from '../../../../src/core/base/ip.ts';
import { Bytes, BytesPerSecond, Micros, Millis } from '../../../../src/core/base/units.ts';
import type { RsvpMessage } from '../../../../src/core/rsvp/wire/message.ts';
import type { RsvpObject } from '../../../../src/core/rsvp/wire/objects.ts';
import { findCodec } from '../../../../src/core/rsvp/wire/registry.ts';
import type { WireTspec } from '../../../../src/core/rsvp/wire/tspec.ts';

const u8 = fc.integer({ min: 0, max: 0xff });
export const port = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
/** Any single but NaN, which equals nothing; infinities included. */
const single = fc.float({ noNaN: true });
/** Whole words of raw bytes. */
const words = (min: number, max: number): Arbitrary<Uint8Array> =>
  fc.integer({ min, max }).chain((n) => fc.uint8Array({ minLength: 4 * n, maxLength: 4 * n }));

const bytesOf = (length: number): Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });
export const ipv4: Arbitrary<IpAddress> = bytesOf(4).map(ipFromBytes);
export const ipv6: Arbitrary<IpAddress> = bytesOf(16).map(ipFromBytes);
const address = fc.oneof(ipv4, ipv6);

export const wireTspec: Arbitrary<WireTspec> = fc.record({
  tokenRate: single.map(BytesPerSecond),
  tokenBucket: single.map(Bytes),
  peakRate: single.map(BytesPerSecond),
  minPolicedUnit: u32.map(Bytes),
  maxPacketSize: u32.map(Bytes),
});

const general = fc.record(
  {
    breakBit: fc.boolean(),
    isHops: u32,
    pathBandwidth: single.map(BytesPerSecond),
    minPathLatency: u32.map(Micros),
    pathMtu: u32.map(Bytes),
    extra: words(1, 3),
  },
  { requiredKeys: ['breakBit', 'isHops', 'pathBandwidth', 'minPathLatency', 'pathMtu'] },
);

const guaranteed = fc.record({
  breakBit: fc.boolean(),
  cTot: u32.map(Bytes),
  dTot: u32.map(Micros),
  cSum: u32.map(Bytes),
  dSum: u32.map(Micros),
  overrides: words(0, 3),
});

const emptyGuaranteed = fc.boolean().map((breakBit) => ({
  breakBit,
  headerOnly: true,
  cTot: Bytes(0),
  dTot: Micros(0),
  cSum: Bytes(0),
  dSum: Micros(0),
  overrides: new Uint8Array(0),
}));

const otherServices = fc.uniqueArray(
  fc.record({ service: fc.constantFrom(3, 4, 6, 130), breakBit: fc.boolean(), data: words(0, 3) }),
  { selector: (other) => other.service, minLength: 1, maxLength: 4 },
);

const adspec = fc.record(
  {
    kind: fc.constant('adspec' as const),
    general,
    guaranteed: fc.option(fc.oneof(guaranteed, emptyGuaranteed)),
    controlledLoad: fc.option(fc.record({ breakBit: fc.boolean(), overrides: words(0, 3) })),
    others: otherServices.map((others) => others.sort((a, b) => a.service - b.service)),
  },
  { requiredKeys: ['kind', 'general', 'guaranteed', 'controlledLoad'] },
);

const unknown = fc
  .record({ kind: fc.constant('unknown' as const), classNumber: u8, cType: u8, body: words(0, 6) })
  .filter((object) => findCodec(object.classNumber, object.cType) === undefined);

/** Every kind of object, in both address families. */
export const rsvpObject: Arbitrary<RsvpObject> = fc.oneof(
  fc.record({
    kind: fc.constant('session' as const),
    destination: address,
    protocol: u8,
    flags: u8,
    destinationPort: port,
  }),
  fc.record({ kind: fc.constant('rsvpHop' as const), address, logicalInterfaceHandle: u32 }),
  fc.record({ kind: fc.constant('timeValues' as const), refreshPeriod: u32.map(Millis) }),
  fc.record({
    kind: fc.constant('errorSpec' as const),
    errorNode: address,
    flags: u8,
    errorCode: u8,
    errorValue: port,
  }),
  fc.record({
    kind: fc.constant('style' as const),
    flags: u8,
    optionVector: fc.integer({ min: 0, max: 0xff_ffff }),
  }),
  fc.record({
    kind: fc.constant('flowspec' as const),
    flowspec: fc.oneof(
      fc.record({ service: fc.constant('controlledLoad' as const), tspec: wireTspec }),
      fc.record({
        service: fc.constant('guaranteed' as const),
        tspec: wireTspec,
        rspec: fc.record({ rate: single.map(BytesPerSecond), slack: u32.map(Micros) }),
      }),
    ),
  }),
  fc.record({ kind: fc.constant('filterSpec' as const), source: address, sourcePort: port }),
  fc.record({ kind: fc.constant('senderTemplate' as const), source: address, sourcePort: port }),
  fc.record({ kind: fc.constant('senderTspec' as const), tspec: wireTspec }),
  adspec,
  fc.record({ kind: fc.constant('resvConfirm' as const), receiver: address }),
  unknown,
);

export const rsvpMessage: Arbitrary<RsvpMessage> = fc.record({
  type: u8,
  flags: fc.integer({ min: 0, max: 15 }),
  sendTtl: u8,
  objects: fc.array(rsvpObject, { maxLength: 12 }),
});
