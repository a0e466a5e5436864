/**
 * How many RSVP messages one core decodes and encodes in a second of processor time: a full PATH (ADSPEC with both services) and a full RESV
 * (guaranteed service, confirmation asked). The reference in the same run is JSON.stringify and JSON.parse of the same
 * message. Every rate is the best of several rounds, which alternate between the contestants so that a busy machine
 * slows all of them. Usage: npm run bench:rsvp -- codec [SECONDS_A_ROUND]
 */
import type { IpAddress } from '../src/core/base/ip.ts';
import { Bytes, BytesPerSecond, Micros, Millis } from '../src/core/base/units.ts';
import { buildMessage } from '../src/core/rsvp/wire/build.ts';
import { decodeMessage, encodeMessage } from '../src/core/rsvp/wire/codec.ts';
import type { ValidMessage } from '../src/core/rsvp/wire/message-views.ts';
import { STYLE_FF } from '../src/core/rsvp/wire/style.ts';

const ROUNDS = 7;
const AIM = 300_000;
const seconds = Number(process.argv[2] ?? 0.5);

const ip = (text: string): IpAddress => text as IpAddress;
const tspec = {
  tokenRate: BytesPerSecond(2_500_000),
  tokenBucket: Bytes(15_000),
  peakRate: BytesPerSecond(Infinity),
  minPolicedUnit: Bytes(128),
  maxPacketSize: Bytes(1500),
};
const session = {
  kind: 'session',
  destination: ip('10.2.0.2'),
  protocol: 17,
  flags: 0,
  destinationPort: 5004,
} as const;
const timeValues = { kind: 'timeValues', refreshPeriod: Millis(30_000) } as const;
const views: Record<'PATH' | 'RESV', ValidMessage> = {
  PATH: {
    kind: 'path',
    sendTtl: 63,
    session,
    unknown: [],
    hop: { kind: 'rsvpHop', address: ip('10.0.12.1'), logicalInterfaceHandle: 3 },
    timeValues,
    senderTemplate: { kind: 'senderTemplate', source: ip('10.1.0.2'), sourcePort: 5006 },
    senderTspec: { kind: 'senderTspec', tspec },
    adspec: {
      kind: 'adspec',
      general: {
        breakBit: false,
        isHops: 3,
        pathBandwidth: BytesPerSecond(12_500_000),
        minPathLatency: Micros(1234),
        pathMtu: Bytes(1500),
      },
      guaranteed: {
        breakBit: false,
        cTot: Bytes(4500),
        dTot: Micros(3360),
        cSum: Bytes(1500),
        dSum: Micros(1120),
        overrides: new Uint8Array(0),
      },
      controlledLoad: { breakBit: false, overrides: new Uint8Array(0) },
    },
  },
  RESV: {
    kind: 'resv',
    sendTtl: 63,
    session,
    unknown: [],
    hop: { kind: 'rsvpHop', address: ip('10.0.12.2'), logicalInterfaceHandle: 3 },
    timeValues,
    resvConfirm: { kind: 'resvConfirm', receiver: ip('10.2.0.2') },
    style: { kind: 'style', flags: 0, optionVector: STYLE_FF },
    flowDescriptors: [
      {
        flowspec: {
          kind: 'flowspec',
          flowspec: { service: 'guaranteed', tspec, rspec: { rate: BytesPerSecond(4_000_000), slack: Micros(0) } },
        },
        filters: [{ kind: 'filterSpec', source: ip('10.1.0.2'), sourcePort: 5006 }],
      },
    ],
  },
};

interface Contestant {
  readonly name: string;
  readonly run: () => unknown;
  best: number;
}

/** Keeps results alive, so that no work is optimised away. */
let sink: unknown;

/** By processor time, which other programs on the machine do not lengthen as they do the clock's. */
function perSecond(run: () => unknown): number {
  const start = process.cpuUsage();
  let done = 0;
  let elapsed = 0;
  while (elapsed < seconds * 1e6) {
    for (let i = 0; i < 1000; i++) sink = run();
    done += 1000;
    const { user, system } = process.cpuUsage(start);
    elapsed = user + system;
  }
  return (1e6 * done) / elapsed;
}

let slow = 0;
for (const [name, view] of Object.entries(views)) {
  const message = buildMessage(view);
  const bytes = encodeMessage(message);
  const text = JSON.stringify(message);
  const contestants: Contestant[] = [
    { name: 'decode', run: () => decodeMessage(bytes), best: 0 },
    { name: 'encode', run: () => encodeMessage(message), best: 0 },
    { name: 'reference JSON.parse', run: () => JSON.parse(text) as unknown, best: 0 },
    { name: 'reference JSON.stringify', run: () => JSON.stringify(message), best: 0 },
  ];
  for (let round = 0; round < ROUNDS; round++) {
    for (const contestant of contestants) contestant.best = Math.max(contestant.best, perSecond(contestant.run));
  }
  const reference = { decode: contestants[2]!.best, encode: contestants[3]!.best };
  console.log(`${name}, ${bytes.length} bytes, ${message.objects.length} objects`);
  for (const { name: what, best } of contestants) {
    const ratio =
      what === 'decode' || what === 'encode' ? `  ratio to JSON ${(best / reference[what]).toFixed(2)}` : '';
    console.log(`  ${what.padEnd(26)} ${Math.round(best).toLocaleString('en').padStart(10)} messages/s${ratio}`);
    if (ratio !== '' && best < AIM) slow++;
  }
}
console.log(slow === 0 ? `all at least ${AIM.toLocaleString('en')}/s` : `${slow} below ${AIM.toLocaleString('en')}/s`);
if (sink === undefined) throw new Error('nothing ran');
