import fc, { type Arbitrary } from 'fast-check';
import { ipFromBytes, type IpAddress } from '../../../../src/core/base/ip.ts';
import { Bytes, BytesPerSecond, Micros, Millis } from '../../../../src/core/base/units.ts';
import { MESSAGE_TYPE, type RsvpMessage } from '../../../../src/core/rsvp/wire/message.ts';
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

const u24 = fc.integer({ min: 0, max: 0xff_ffff });
const u48 = fc.integer({ min: 0, max: 2 ** 48 - 1 });
const addresses = fc.oneof(
  fc.array(ipv4, { minLength: 1, maxLength: 5 }),
  fc.array(ipv6, { minLength: 1, maxLength: 5 }),
);
const latin1 = (maxLength: number): Arbitrary<string> =>
  fc.array(u8, { maxLength }).map((codes) => String.fromCharCode(...codes));
const kind = <K extends string>(name: K): Arbitrary<K> => fc.constant(name);
/** Two addresses of one family. */
const addressPair = fc.oneof(fc.tuple(ipv4, ipv4), fc.tuple(ipv6, ipv6));
const otherHop = (type: Arbitrary<number>) => ({
  hop: kind('other'),
  type: type.filter((one) => ![1, 2, 3, 4, 32].includes(one)),
  data: fc.integer({ min: 0, max: 4 }).chain((n) => bytesOf(4 * n + 2)),
});
const addressHop = { hop: kind('address'), address, prefixLength: u8 };
const unnumberedHop = { hop: kind('unnumbered'), routerId: ipv4, interfaceId: u32 };
const loose = fc.boolean();

const integrity = fc.record({
  kind: kind('integrity'),
  flags: u8,
  keyId: u48,
  sequenceNumber: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  digest: words(1, 8),
});
const policyElement = fc.oneof(
  fc.record({
    element: kind('preemptionPriority'),
    mergeStrategy: u8,
    errorCode: u8,
    preemptionPriority: port,
    defendingPriority: port,
  }),
  fc.record({
    element: fc.constantFrom('authUser' as const, 'authApp' as const),
    attributes: fc.array(fc.record({ aType: u8, subType: u8, value: fc.uint8Array({ maxLength: 9 }) }), {
      maxLength: 3,
    }),
  }),
  fc.record({ element: kind('other'), pType: fc.integer({ min: 4, max: 0xffff }), data: words(0, 4) }),
);
const messageIdFields = { flags: u8, epoch: u24, messageId: u32 };
const twoOf = <T>(entry: (ip: Arbitrary<IpAddress>) => Arbitrary<T>): Arbitrary<T[]> =>
  fc.oneof(
    fc.array(entry(ipv4), { minLength: 1, maxLength: 4 }),
    fc.array(entry(ipv6), { minLength: 1, maxLength: 4 }),
  );

/** Every kind of object beyond RFC 2205 and RFC 2210. */
export const extensionObject: Arbitrary<RsvpObject> = fc.oneof(
  fc.record({ kind: kind('gpiSession'), destination: address, protocol: u8, flags: u8, virtualDestinationPort: port }),
  fc.record({ pair: addressPair, tunnelId: port }).map(({ pair: [endPoint, extendedTunnelId], tunnelId }) => ({
    kind: 'lspSession' as const,
    endPoint,
    tunnelId,
    extendedTunnelId,
  })),
  integrity,
  fc.record({ kind: kind('scope'), sources: addresses }),
  fc.record({
    kind: fc.constantFrom('flowLabelFilterSpec' as const, 'flowLabelSenderTemplate' as const),
    source: ipv6,
    flowLabel: u24,
  }),
  fc.record({
    kind: fc.constantFrom('gpiFilterSpec' as const, 'gpiSenderTemplate' as const),
    source: address,
    gpi: u32,
  }),
  fc.record({
    kind: fc.constantFrom('lspFilterSpec' as const, 'lspSenderTemplate' as const),
    source: address,
    lspId: port,
  }),
  fc.record({
    kind: kind('policyData'),
    options: fc.array(
      fc.oneof(
        fc.record({ kind: kind('filterSpec'), source: address, sourcePort: port }),
        fc.record({ kind: kind('rsvpHop'), address, logicalInterfaceHandle: u32 }),
        fc.record({ kind: kind('timeValues'), refreshPeriod: u32.map(Millis) }),
        fc.record({ kind: kind('scope'), sources: addresses }),
        integrity,
      ),
      { maxLength: 3 },
    ),
    elements: fc.array(policyElement, { maxLength: 4 }),
  }),
  fc.record({ kind: kind('label'), label: u32 }),
  fc.record({ kind: kind('labelRequest'), l3Pid: port }),
  fc.record({
    kind: kind('explicitRoute'),
    hops: fc.array(
      fc.oneof(
        fc.record({ ...addressHop, loose }),
        fc.record({ ...unnumberedHop, loose }),
        fc.record({ hop: kind('asNumber'), loose, asNumber: port }),
        fc.record({ ...otherHop(fc.integer({ min: 0, max: 127 })), loose }),
      ),
      { maxLength: 5 },
    ),
  }),
  fc.record({
    kind: kind('recordRoute'),
    hops: fc.array(
      fc.oneof(
        fc.record({ ...addressHop, flags: u8 }),
        fc.record({ ...unnumberedHop, flags: u8 }),
        fc.record({ hop: kind('label'), flags: u8, cType: u8, contents: words(0, 3) }),
        fc.record(otherHop(u8)),
      ),
      { maxLength: 5 },
    ),
  }),
  fc.record({ kind: kind('hello'), ack: fc.boolean(), sourceInstance: u32, destinationInstance: u32 }),
  fc.record({ kind: fc.constantFrom('messageId', 'messageIdAck', 'messageIdNack'), ...messageIdFields }),
  fc.record({ kind: kind('messageIdList'), flags: u8, epoch: u24, messageIds: fc.array(u32, { minLength: 1 }) }),
  fc.record({
    kind: kind('messageIdSourceList'),
    flags: u8,
    epoch: u24,
    entries: twoOf((ip) => fc.record({ messageId: u32, source: ip })),
  }),
  fc.record({
    kind: kind('messageIdMulticastList'),
    flags: u8,
    epoch: u24,
    entries: twoOf((ip) => fc.record({ messageId: u32, source: ip, destination: ip })),
  }),
  fc.record({ kind: kind('challenge'), keyId: u48, cookie: words(1, 4) }),
  fc.record({ kind: kind('restartCap'), restartTime: u32.map(Millis), recoveryTime: u32.map(Millis) }),
  fc.record({ kind: kind('capability'), flags: u32 }),
  fc.record({
    kind: kind('sessionAttribute'),
    affinities: fc.option(fc.record({ excludeAny: u32, includeAny: u32, includeAll: u32 })),
    setupPriority: u8,
    holdingPriority: u8,
    flags: u8,
    name: latin1(20),
  }),
  fc.record({
    kind: kind('dclass'),
    codePoints: fc.array(fc.integer({ min: 0, max: 63 }), { minLength: 1, maxLength: 4 }),
  }),
);

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
  { arbitrary: extensionObject, weight: 12 },
  unknown,
);

/** Any message with objects, of any type but Bundle. */
export const rsvpMessage: Arbitrary<RsvpMessage> = fc.record({
  type: u8.filter((type) => type !== MESSAGE_TYPE.bundle),
  flags: fc.integer({ min: 0, max: 15 }),
  sendTtl: u8,
  objects: fc.array(rsvpObject, { maxLength: 12 }),
});

export const bundleMessage: Arbitrary<RsvpMessage> = fc.record({
  type: fc.constant(MESSAGE_TYPE.bundle),
  flags: fc.integer({ min: 0, max: 15 }),
  sendTtl: u8,
  objects: fc.constant([]),
  messages: fc.array(
    fc.record({ message: rsvpMessage, checksum: fc.constantFrom('valid' as const, 'absent' as const) }),
    { minLength: 1, maxLength: 4 },
  ),
});
