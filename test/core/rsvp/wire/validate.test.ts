import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { IpAddress } from '../../../../src/core/base/ip.ts';
import { Bytes, BytesPerSecond, Micros, Millis } from '../../../../src/core/base/units.ts';
import { buildMessage } from '../../../../src/core/rsvp/wire/build.ts';
import { decodeMessage, encodeMessage } from '../../../../src/core/rsvp/wire/codec.ts';
import { flowspecProblem, tspecProblem } from '../../../../src/core/rsvp/wire/flowspec-problem.ts';
import type { ValidMessage } from '../../../../src/core/rsvp/wire/message-views.ts';
import type { RsvpMessage } from '../../../../src/core/rsvp/wire/message.ts';
import type { RsvpObject } from '../../../../src/core/rsvp/wire/objects.ts';
import { STYLE_FF, STYLE_SE, STYLE_WF } from '../../../../src/core/rsvp/wire/style.ts';
import { validateMessage } from '../../../../src/core/rsvp/wire/validate.ts';
import { reportableError } from '../../../../src/core/rsvp/wire/validation-error.ts';
import { rsvpMessage } from './arbitrary.ts';

const ip = (text: string): IpAddress => text as IpAddress;
const session = {
  kind: 'session',
  destination: ip('10.2.0.2'),
  protocol: 17,
  flags: 0,
  destinationPort: 5004,
} as const;
const hop = { kind: 'rsvpHop', address: ip('10.1.0.1'), logicalInterfaceHandle: 9 } as const;
const timeValues = { kind: 'timeValues', refreshPeriod: Millis(30_000) } as const;
const errorSpec = { kind: 'errorSpec', errorNode: ip('10.9.0.1'), flags: 0, errorCode: 1, errorValue: 2 } as const;
const resvConfirm = { kind: 'resvConfirm', receiver: ip('10.2.0.2') } as const;
const senderTemplate = { kind: 'senderTemplate', source: ip('10.1.0.2'), sourcePort: 5004 } as const;
const filter = (sourcePort: number) => ({ kind: 'filterSpec', source: ip('10.1.0.2'), sourcePort }) as const;
const tspec = {
  tokenRate: BytesPerSecond(1000),
  tokenBucket: Bytes(3000),
  peakRate: BytesPerSecond(2000),
  minPolicedUnit: Bytes(100),
  maxPacketSize: Bytes(1500),
};
const senderTspec = { kind: 'senderTspec', tspec } as const;
const flow = (rate: number) =>
  ({
    kind: 'flowspec',
    flowspec: { service: 'controlledLoad', tspec: { ...tspec, tokenRate: BytesPerSecond(rate) } },
  }) as const;
const style = (optionVector: number) => ({ kind: 'style', flags: 0, optionVector }) as const;
const unknown = (classNumber: number) =>
  ({ kind: 'unknown', classNumber, cType: 1, body: Uint8Array.of(1, 2, 3, 4) }) as const;
const adspec = {
  kind: 'adspec',
  general: {
    breakBit: false,
    isHops: 0,
    pathBandwidth: BytesPerSecond(1e6),
    minPathLatency: Micros(0),
    pathMtu: Bytes(1500),
  },
  guaranteed: null,
  controlledLoad: null,
} as const;

const common = { sendTtl: 63, session, unknown: [unknown(0xc1), unknown(14)] };
const descriptor = { flowspec: flow(1000), filters: [filter(5004)] };

/** One full view of every type. */
const views: ValidMessage[] = [
  { kind: 'path', ...common, hop, timeValues, senderTemplate, senderTspec, adspec },
  { kind: 'resv', ...common, hop, timeValues, resvConfirm, style: style(STYLE_FF), flowDescriptors: [descriptor] },
  { kind: 'pathErr', ...common, errorSpec, senderTemplate, senderTspec, adspec },
  { kind: 'resvErr', ...common, hop, errorSpec, style: style(STYLE_FF), flowDescriptor: descriptor },
  { kind: 'pathTear', ...common, hop, senderTemplate, senderTspec, adspec },
  { kind: 'resvTear', ...common, hop, style: style(STYLE_FF), flowDescriptors: [descriptor] },
  { kind: 'resvConf', ...common, errorSpec, resvConfirm, style: style(STYLE_FF), flowDescriptors: [descriptor] },
];
const view = (kind: ValidMessage['kind']): ValidMessage => views.find((one) => one.kind === kind)!;
const without = (message: RsvpMessage, kind: RsvpObject['kind']): RsvpMessage => ({
  ...message,
  objects: message.objects.filter((object) => object.kind !== kind),
});
const resv = (...rest: RsvpObject[]): RsvpMessage => ({
  type: 2,
  flags: 0,
  sendTtl: 63,
  objects: [session, hop, timeValues, ...rest],
});

describe.each(views.map((one) => [one.kind, one] as const))('%s', (_kind, one) => {
  test('built, sent, decoded and judged, it is what it was', () => {
    const decoded = decodeMessage(encodeMessage(buildMessage(one)));
    expect(decoded.ok && validateMessage(decoded.value.message)).toEqual({ ok: true, value: one });
  });

  test('any order of the objects before the flow descriptors will do', () => {
    const { objects, ...header } = buildMessage(one);
    const end = objects.findIndex((object) => object.kind === 'style');
    const split = end < 0 ? objects.length : end;
    const shuffled = [...objects.slice(0, split).reverse(), ...objects.slice(split)];
    const judged = validateMessage({ ...header, objects: shuffled });
    expect(judged).toEqual({ ok: true, value: { ...one, unknown: [...one.unknown].reverse() } });
  });
});

describe('missing and doubled objects are named', () => {
  test.each([
    ['path', 'session', 'SESSION'],
    ['path', 'rsvpHop', 'RSVP_HOP'],
    ['path', 'timeValues', 'TIME_VALUES'],
    ['path', 'senderTemplate', 'SENDER_TEMPLATE'],
    ['path', 'senderTspec', 'SENDER_TSPEC'],
    ['resv', 'session', 'SESSION'],
    ['resv', 'rsvpHop', 'RSVP_HOP'],
    ['resv', 'timeValues', 'TIME_VALUES'],
    ['resv', 'flowspec', 'FLOWSPEC'],
    ['pathErr', 'errorSpec', 'ERROR_SPEC'],
    ['pathErr', 'senderTemplate', 'SENDER_TEMPLATE'],
    ['resvErr', 'rsvpHop', 'RSVP_HOP'],
    ['resvErr', 'errorSpec', 'ERROR_SPEC'],
    ['pathTear', 'rsvpHop', 'RSVP_HOP'],
    ['pathTear', 'senderTemplate', 'SENDER_TEMPLATE'],
    ['resvTear', 'rsvpHop', 'RSVP_HOP'],
    ['resvConf', 'errorSpec', 'ERROR_SPEC'],
    ['resvConf', 'resvConfirm', 'RESV_CONFIRM'],
  ] as const)('%s without %s', (kind, object, className) => {
    expect(validateMessage(without(buildMessage(view(kind)), object))).toMatchObject({
      ok: false,
      error: { reason: 'missingObject', className, detail: expect.stringContaining(className) },
    });
  });

  test.each([session, hop, timeValues, senderTemplate, senderTspec, adspec])('Path with two of %s', (object) => {
    const message = buildMessage(view('path'));
    expect(validateMessage({ ...message, objects: [...message.objects, object] })).toMatchObject({
      ok: false,
      error: { reason: 'duplicateObject' },
    });
  });

  test.each([
    ['resv', 'resvConfirm', { resvConfirm: null }],
    ['path', 'adspec', { adspec: null }],
    ['pathTear', 'senderTspec', { senderTspec: null }],
    ['resvTear', 'flowspec', { flowDescriptors: [{ flowspec: null, filters: [filter(5004)] }] }],
  ] as const)('%s may do without %s', (kind, object, value) => {
    expect(validateMessage(without(buildMessage(view(kind)), object))).toMatchObject({ ok: true, value });
  });

  test('STYLE comes before the flow descriptors', () => {
    expect(validateMessage(resv(flow(1), filter(1), style(STYLE_FF)))).toMatchObject({
      ok: false,
      error: { reason: 'misplacedObject', className: 'FLOWSPEC' },
    });
    expect(validateMessage(without(buildMessage(view('resv')), 'style'))).toMatchObject({ ok: false });
  });

  test('a type that has no view', () => {
    for (const type of [0, 8, 20, 255]) {
      expect(validateMessage({ type, flags: 0, sendTtl: 1, objects: [] })).toMatchObject({
        ok: false,
        error: { reason: 'unknownMessageType', type },
      });
    }
  });
});

describe('flow descriptors by style', () => {
  const descriptors = (...objects: RsvpObject[]) => {
    const result = validateMessage(resv(...objects));
    return result.ok && result.value.kind === 'resv' ? result.value.flowDescriptors : result;
  };

  test('FF: a filter without a flowspec takes the one before it', () => {
    expect(descriptors(style(STYLE_FF), flow(1), filter(1), filter(2), flow(2), filter(3))).toEqual([
      { flowspec: flow(1), filters: [filter(1)] },
      { flowspec: flow(1), filters: [filter(2)] },
      { flowspec: flow(2), filters: [filter(3)] },
    ]);
  });

  test('SE: one flowspec for all filters', () => {
    expect(descriptors(style(STYLE_SE), flow(1), filter(1), filter(2))).toEqual([
      { flowspec: flow(1), filters: [filter(1), filter(2)] },
    ]);
  });

  test('WF: a flowspec alone; reserved bits of the style are ignored', () => {
    expect(descriptors(style(STYLE_WF | 0xabcd00), flow(1))).toEqual([{ flowspec: flow(1), filters: [] }]);
  });

  test.each([
    ['FF, no descriptor', [style(STYLE_FF)]],
    ['FF, flowspec without a filter', [style(STYLE_FF), flow(1), filter(1), flow(2)]],
    ['FF, two flowspecs in a row', [style(STYLE_FF), flow(1), flow(2), filter(1)]],
    ['SE, two flowspecs', [style(STYLE_SE), flow(1), filter(1), flow(2), filter(2)]],
    ['SE, no filter', [style(STYLE_SE), flow(1)]],
    ['SE, flowspec behind a filter', [style(STYLE_SE), filter(1), flow(1)]],
    ['WF, a filter', [style(STYLE_WF), flow(1), filter(1)]],
    ['WF, two flowspecs', [style(STYLE_WF), flow(1), flow(1)]],
  ] as const)('%s', (_name, objects) => {
    expect(validateMessage(resv(...objects))).toMatchObject({ ok: false, error: { reason: 'badFlowDescriptors' } });
  });

  test('FF, first descriptor without a flowspec', () => {
    expect(validateMessage(resv(style(STYLE_FF), filter(1), flow(1), filter(2)))).toMatchObject({
      ok: false,
      error: { reason: 'missingObject', className: 'FLOWSPEC' },
    });
  });

  test('ResvErr has at most one', () => {
    const message = buildMessage(view('resvErr'));
    expect(validateMessage({ ...message, objects: [...message.objects, filter(2)] })).toMatchObject({
      ok: false,
      error: { reason: 'badFlowDescriptors', flowspecs: 1, filters: 2 },
    });
    const none = message.objects.filter((object) => object.kind !== 'flowspec' && object.kind !== 'filterSpec');
    expect(validateMessage({ ...message, objects: none })).toMatchObject({ ok: true, value: { flowDescriptor: null } });
  });

  test('WF tear without a flowspec', () => {
    expect(validateMessage({ ...resv(style(STYLE_WF)), type: 6 })).toMatchObject({
      ok: true,
      value: { flowDescriptors: [{ flowspec: null, filters: [] }] },
    });
  });
});

describe('what goes back to the sender of the message', () => {
  const errorOf = (message: RsvpMessage) => {
    const result = validateMessage(message);
    return result.ok ? 'accepted' : reportableError(result.error);
  };
  const withObject = (object: RsvpObject): RsvpMessage => {
    const message = buildMessage(view('path'));
    return { ...message, objects: [...message.objects, object] };
  };

  test('unknown class 0bbbbbbb: error 13 with class and C-Type', () => {
    expect(errorOf(withObject(unknown(100)))).toEqual({ errorCode: 13, errorValue: (100 << 8) | 1 });
  });
  test('unknown C-Type of a known class: error 14', () => {
    expect(errorOf(withObject({ ...unknown(1), cType: 7 }))).toEqual({ errorCode: 14, errorValue: (1 << 8) | 7 });
  });
  test('10bbbbbb is dropped, 11bbbbbb and POLICY_DATA are kept, in order', () => {
    const message = { ...buildMessage({ ...view('path'), unknown: [] }) };
    const extra = [unknown(0xff), unknown(0x81), unknown(14), unknown(0), unknown(4), unknown(7), unknown(0xc0)];
    expect(validateMessage({ ...message, objects: [...message.objects, ...extra] })).toMatchObject({
      ok: true,
      value: { unknown: [unknown(0xff), unknown(14), unknown(0xc0)] },
    });
  });
  test('unknown style: error 6', () => {
    expect(errorOf(resv(style(0x0b), flow(1), filter(1)))).toEqual({ errorCode: 6, errorValue: 0 });
  });
  test('flowspec for another service: error 21, service unsupported', () => {
    const flowspec = { ...unknown(9), cType: 2 };
    expect(errorOf(resv(style(STYLE_FF), flowspec, filter(1)))).toEqual({ errorCode: 21, errorValue: 2 });
  });
  test('a missing object is nobody else’s business', () => {
    expect(errorOf(without(buildMessage(view('path')), 'rsvpHop'))).toBeNull();
  });
});

test('a source port needs a destination port', () => {
  const portless = { ...session, destinationPort: 0 };
  const message = buildMessage({ ...view('path'), session: portless });
  expect(validateMessage(message)).toMatchObject({ ok: false, error: { reason: 'badSourcePort', sourcePort: 5004 } });
});

test('one message, one address family', () => {
  const message = buildMessage({ ...view('path'), hop: { ...hop, address: ip('2001:db8::1') } } as ValidMessage);
  expect(validateMessage(message)).toMatchObject({
    ok: false,
    error: { reason: 'mixedFamilies', className: 'RSVP_HOP' },
  });
});

test('any decoded message is accepted or refused with a sentence', () => {
  fc.assert(
    fc.property(rsvpMessage, fc.integer({ min: 0, max: 9 }), (message, type) => {
      const judged = validateMessage({ ...message, type });
      if (!judged.ok) expect(judged.error.detail.length).toBeGreaterThan(10);
    }),
    { numRuns: 1000 },
  );
});

describe('values that make no sense', () => {
  test.each([
    [{ tokenRate: 0 }, /token rate 0/],
    [{ tokenRate: -1 }, /token rate -1/],
    [{ tokenRate: NaN }, /token rate NaN/],
    [{ tokenRate: Infinity }, /token rate Infinity/],
    [{ tokenBucket: NaN }, /token bucket NaN/],
    [{ tokenBucket: Infinity }, /token bucket Infinity/],
    [{ tokenBucket: 0 }, /token bucket 0/],
    [{ peakRate: -1 }, /peak rate -1/],
    [{ peakRate: NaN }, /peak rate NaN/],
    [{ minPolicedUnit: 1501 }, /minimum policed unit 1501 .* above the maximum packet size 1500/],
    [{ maxPacketSize: 0 }, /maximum packet size is 0/],
  ])('%o', (change, sentence) => {
    expect(tspecProblem({ ...tspec, ...change } as typeof tspec)).toMatch(sentence);
  });

  test('a good one, one with a bucket below its packets, and an infinite peak rate', () => {
    expect(tspecProblem(tspec)).toBeNull();
    expect(tspecProblem({ ...tspec, tokenBucket: Bytes(1) })).toBeNull();
    expect(tspecProblem({ ...tspec, peakRate: BytesPerSecond(Infinity) })).toBeNull();
  });

  test('p of controlled load is free, and at least r with guaranteed service (RFC 2212 5)', () => {
    const low = { ...tspec, peakRate: BytesPerSecond(999) };
    expect(flowspecProblem({ service: 'controlledLoad', tspec: low })).toBeNull();
    const rspec = { rate: BytesPerSecond(1000), slack: Micros(0) };
    expect(flowspecProblem({ service: 'guaranteed', tspec: low, rspec })).toMatch(/peak rate 999 .* below .* 1000/);
  });

  test('R of guaranteed service', () => {
    const guaranteed = (rate: number) =>
      flowspecProblem({ service: 'guaranteed', tspec, rspec: { rate: BytesPerSecond(rate), slack: Micros(0) } });
    expect(guaranteed(1000)).toBeNull();
    for (const rate of [999, NaN, Infinity]) expect(guaranteed(rate)).toMatch(`guaranteed rate ${rate}`);
  });
});
