import { describe, expect, it } from 'vitest';
import { Bytes, BytesPerSecond, Micros, Millis, MonotonicMs } from '../../../../../src/core/base/units.ts';
import { ipv4FromU32, ipv4ToU32, type IpAddress } from '../../../../../src/core/base/ip.ts';
import { createEngine } from '../../../../../src/core/rsvp/engine/engine.ts';
import { PLAIN_NEIGHBOURS } from '../../../../../src/core/rsvp/engine/neighbours/settings.ts';
import type { EngineOutput } from '../../../../../src/core/rsvp/engine/types.ts';
import { buildMessage } from '../../../../../src/core/rsvp/wire/build.ts';
import { encodeMessage } from '../../../../../src/core/rsvp/wire/codec.ts';
import type { PathMessage } from '../../../../../src/core/rsvp/wire/message-views.ts';
import { ip, L, tspec } from '../network.ts';

/** With FULL=1 a million, as the closing figure has it. */
const FLOOD = process.env['FULL'] === undefined ? 50_000 : 1_000_000;
const MAX = 20_000;

/** A router with two links; what it asks for routes is answered at once. */
function router() {
  const engine = createEngine({
    refreshPeriod: Millis(30_000),
    seed: 1,
    maxFlows: MAX,
    neighbours: { ...PLAIN_NEIGHBOURS, refreshReduction: true, maxFlowsEach: MAX / 2, maxNeighbours: 500 },
  });
  const link = (name: string, address: IpAddress) => ({
    name,
    address,
    addresses: [address],
    mtu: Bytes(1500),
    bandwidth: BytesPerSecond(1e9),
    latency: Micros(1),
    errorC: Bytes(0),
    errorD: Micros(0),
  });
  let now = MonotonicMs(1_000);
  const handle = (input: Parameters<typeof engine.handle>[0]): EngineOutput[] => {
    const outputs = engine.handle(input, now);
    for (const output of outputs) {
      if (output.type !== 'queryRoute') continue;
      const route = { interface: 'eth1', gateway: ip('10.0.1.2'), local: false };
      outputs.push(...engine.handle({ type: 'route', queryId: output.queryId, route }, now));
    }
    return outputs;
  };
  handle({ type: 'interfaces', interfaces: [link('eth0', ip('10.0.0.1')), link('eth1', ip('10.0.1.1'))] });
  const path = (hop: string, n: number): EngineOutput[] => {
    const destination = ipv4FromU32(ipv4ToU32(ip('20.0.0.0')) + n);
    const source = ip('10.8.0.8');
    const view: PathMessage = {
      kind: 'path',
      sendTtl: 64,
      session: { kind: 'session', destination, protocol: 17, flags: 0, destinationPort: 9 },
      unknown: [],
      hop: { kind: 'rsvpHop', address: ip(hop), logicalInterfaceHandle: 0 },
      timeValues: { kind: 'timeValues', refreshPeriod: Millis(30_000) },
      senderTemplate: { kind: 'senderTemplate', source, sourcePort: 8 },
      senderTspec: { kind: 'senderTspec', tspec: tspec(1_000) },
      adspec: null,
    };
    const bytes = encodeMessage(buildMessage(view)).slice();
    return handle({ type: 'packet', interface: 'eth0', source, destination, ttl: 64, bytes });
  };
  const garbage = (hop: string): EngineOutput[] => {
    const [, , second, third] = hop.split('.').map(Number) as [number, number, number, number];
    // A Path that a class nobody knows makes unreadable: it is answered with error 13.
    const unknown = { kind: 'unknown', classNumber: 99, cType: 1, body: new Uint8Array(4) } as const;
    const objects = [
      { kind: 'session', destination: ip('20.1.1.1'), protocol: 17, flags: 0, destinationPort: 9 } as const,
      { kind: 'rsvpHop', address: ip(`10.0.${second}.${third}`), logicalInterfaceHandle: 0 } as const,
      { kind: 'senderTemplate', source: ip('10.8.0.8'), sourcePort: 8 } as const,
      unknown,
    ];
    const bytes = encodeMessage({ type: 1, flags: 0, sendTtl: 64, objects }).slice();
    return handle({
      type: 'packet',
      interface: 'eth0',
      source: ip('10.8.0.8'),
      destination: ip('20.1.1.1'),
      ttl: 64,
      bytes,
    });
  };
  return {
    engine,
    path,
    garbage,
    at: (ms: number) => (now = MonotonicMs(ms)),
    timer: () => handle({ type: 'timer' }),
    snapshot: () => engine.snapshot(now),
  };
}

describe('a neighbour that floods', () => {
  it('with sessions gets its share and no more, is counted, and starves nobody; what it made times out', () => {
    const { path, snapshot, at, timer, engine } = router();
    for (let n = 0; n < FLOOD; n++) path('10.0.0.66', n);
    const ofIt = snapshot().neighbours.find(({ address }) => address === '10.0.0.66')!;
    expect(ofIt).toMatchObject({ flows: MAX / 2, dropped: { tooManyFlowsOfNeighbour: FLOOD - MAX / 2 } });
    for (let n = 0; n < MAX / 2; n++) path('10.0.0.67', 2_000_000 + n);
    // Crowded: who has much gets no more, who has little does.
    const second = snapshot().neighbours.find(({ address }) => address === '10.0.0.67')!;
    expect(second.flows).toBe(0.9 * MAX - MAX / 2);
    for (let n = 0; n < 1_000; n++) path('10.0.0.2', 4_000_000 + n);
    expect(snapshot().neighbours.find(({ address }) => address === '10.0.0.2')).toMatchObject({
      flows: 1_000,
      dropped: {},
    });
    expect(snapshot().paths).toHaveLength(0.9 * MAX + 1_000);
    at(1_000 + 2 * L);
    timer();
    expect(snapshot().paths).toEqual([]);
    expect(snapshot().neighbours.every(({ flows }) => flows === 0)).toBe(true);
    expect(engine.nextDeadline()).toBeNull();
  }, 240_000);

  it('with names of neighbours fills a table that has a bound; those with state stay, and there is room again later', () => {
    const { path, garbage, snapshot, at } = router();
    path('10.0.0.2', 1);
    for (let n = 0; n < 5_000; n++) garbage(`10.0.${1 + (n >> 8)}.${n & 0xff}`);
    expect(snapshot().neighbours).toHaveLength(500);
    expect(snapshot().counters.dropped['tooManyNeighbours']).toBeGreaterThan(4_000);
    expect(snapshot().neighbours[0] ?? null).not.toBeNull();
    expect(snapshot().neighbours.some(({ address, flows }) => address === '10.0.0.2' && flows === 1)).toBe(true);
    at(70_000);
    path('10.0.0.3', 2);
    expect(snapshot().neighbours.some(({ address, flows }) => address === '10.0.0.3' && flows === 1)).toBe(true);
  });

  it('with nonsense gets a few answers, then some every second', () => {
    const { garbage, snapshot, at } = router();
    const answers = (): number => {
      let sent = 0;
      for (let n = 0; n < 1_000; n++) sent += garbage('10.0.0.66').filter(({ type }) => type === 'send').length;
      return sent;
    };
    expect(answers()).toBe(50);
    expect(snapshot().neighbours[0]?.dropped).toMatchObject({ unknownClass: 1_000, tooManyAnswers: 950 });
    at(2_000);
    expect(answers()).toBe(10);
  });
});
