import { describe, expect, it } from 'vitest';
import { decide } from '../../../src/core/admission/decide.ts';
import { decideChange, type Held } from '../../../src/core/admission/decide-change.ts';
import type { Decision } from '../../../src/core/admission/decision.ts';
import { heldTogether } from '../../../src/core/admission/shares.ts';
import type { World } from '../../../src/core/admission/world.ts';
import type { IpAddress } from '../../../src/core/base/ip.ts';
import { BitsPerSecond, Bytes, Micros } from '../../../src/core/base/units.ts';
import { bookedBitsPerSecond } from '../../../src/core/qos/booking.ts';
import type { Qos, ReservationRequest, ReservationStyle } from '../../../src/core/qos/request.ts';
import { booking, type Cable, network, NOW, qos, request, world } from './fixtures.ts';

/** a and b at r1, c at r2; all meet at r2 on their way to d. Addresses: a 10.0.0.1, b 10.0.1.1, c 10.0.3.1, d 10.0.4.2. */
const STAR: readonly Cable[] = [
  { ends: ['a', 'r1'], capacity: 1e9 },
  { ends: ['b', 'r1'], capacity: 1e9 },
  { ends: ['r1', 'r2'] },
  { ends: ['c', 'r2'], capacity: 1e9 },
  { ends: ['r2', 'd'], capacity: 1e9 },
];
const [A_R1, B_R1, R1_R2, C_R2, R2_D] = ['a:a-r1-0', 'b:b-r1-1', 'r1:r1-r2-2', 'c:c-r2-3', 'r2:r2-d-4'] as const;
const end = (address: string) => ({ address: address as IpAddress, port: 5004 });

const senders = (style: ReservationStyle, rate: number, more: Partial<Qos> = {}): ReservationRequest => ({
  ...request(rate, { destination: '10.0.4.2', qos: more }),
  moreSources: [end('10.0.1.1'), end('10.0.3.1')],
  sourcesListed: true,
  style,
});

function admitted(asked: ReservationRequest, w: World): Extract<Decision, { admitted: true }> {
  const decision = decide(asked, w);
  if (!decision.admitted) throw new Error(JSON.stringify(decision));
  return decision;
}

function refused(decision: ReturnType<typeof decide>): Extract<Decision, { admitted: false }> {
  if (decision.admitted || decision.code === 'UNKNOWN_ENDPOINT') throw new Error(JSON.stringify(decision));
  return decision;
}

/** What the books would hold by link. */
function held(asked: ReservationRequest, { path, morePaths }: Extract<Decision, { admitted: true }>) {
  const hops = heldTogether(
    asked.style,
    [path, ...morePaths].map((each) => each.hops),
  );
  return Object.fromEntries(hops.map((hop) => [hop.link, hop.bookedBitsPerSecond as number]));
}

function book(id: string, asked: ReservationRequest, w: World): Held {
  const { path, morePaths } = admitted(asked, w);
  const moreSenders = asked.moreSources.map((source, i) => ({ source, path: morePaths[i]! }));
  const hops = heldTogether(
    asked.style,
    [path, ...morePaths].map((each) => each.hops),
  );
  w.ledger.add(booking(id, asked, { hops }));
  return { ...asked, id, path, moreSenders };
}

/** 10 Mbit/s of packets of 1200 bytes in frames 14 bytes larger. */
const SHARE = Math.ceil((10e6 * 1214) / 1200);

describe('several senders to one destination', () => {
  it.each([
    ['sharedExplicit', 1, 1],
    ['wildcardFilter', 1, 1],
    ['fixedFilter', 2, 3],
  ] as const)('in style %s hold %d part(s) where two meet and %d where three do', (style, two, three) => {
    const asked = senders(style, 10e6);
    const decision = admitted(asked, world(network(STAR)));
    expect([decision.path, ...decision.morePaths].map((path) => path.nodes)).toEqual([
      ['a', 'r1', 'r2', 'd'],
      ['b', 'r1', 'r2', 'd'],
      ['c', 'r2', 'd'],
    ]);
    expect(held(asked, decision)).toEqual({
      [A_R1]: SHARE,
      [B_R1]: SHARE,
      [C_R2]: SHARE,
      [R1_R2]: two * SHARE,
      [R2_D]: three * SHARE,
    });
    expect([...decision.touched].sort()).toEqual([A_R1, B_R1, C_R2, R1_R2, R2_D].sort());
    expect(decision.morePaths.every((path) => path.pinning === 'routed')).toBe(true);
  });

  it('are refused with what they need together, and offered the largest rate that fits', () => {
    const w = world(network(STAR));
    book('other', request(40e6, { destination: '10.0.4.2' }), w);
    expect(decide(senders('sharedExplicit', 30e6), w)).toMatchObject({ admitted: true });
    const { code, reasons, alternatives } = refused(decide(senders('fixedFilter', 30e6), w));
    const free = 75e6 - Math.ceil((40e6 * 1214) / 1200);
    expect(code).toBe('BANDWIDTH_UNAVAILABLE');
    expect(reasons).toEqual([
      {
        reason: 'BANDWIDTH_UNAVAILABLE',
        link: R1_R2,
        requestedBitsPerSecond: 2 * Math.ceil((30e6 * 1214) / 1200),
        senders: 2,
        availableBitsPerSecond: free,
        interval: { start: NOW, end: null },
        conflicting: ['other'],
      },
    ]);
    const [offer] = alternatives;
    if (offer?.kind !== 'rate') throw new Error(JSON.stringify(alternatives));
    expect(decide(senders('fixedFilter', offer.tokenRateBitsPerSecond), w)).toMatchObject({ admitted: true });
    expect(decide(senders('fixedFilter', offer.tokenRateBitsPerSecond + 8), w)).toMatchObject({ admitted: false });
  });

  it('have one rate, with which the slowest path keeps the bound', () => {
    const bound = { serviceType: 'guaranteed', maxDelayMicros: Micros(12_500) } as const;
    const asked = senders('sharedExplicit', 10e6, bound);
    const { path, morePaths } = admitted(asked, world(network(STAR)));
    const alone = (source: string) =>
      admitted({ ...request(10e6, { source, destination: '10.0.4.2', qos: bound }) }, world(network(STAR))).path;
    const needs = ['10.0.0.1', '10.0.1.1', '10.0.3.1'].map((source) => alone(source).rate);
    expect(needs[0]).toBeGreaterThan(needs[2]!);
    expect([path, ...morePaths].map((each) => each.rate)).toEqual(Array(3).fill(Math.max(...needs)));
    for (const each of [path, ...morePaths]) expect(each.delayBoundMicros).toBeLessThanOrEqual(12_500);
    expect(morePaths[1]!.delayBoundMicros).toBeLessThan(path.delayBoundMicros!);
    expect(path.hops[0]!.bookedBitsPerSecond).toBe(
      bookedBitsPerSecond(path.rate, asked.qos.minPolicedUnitBytes, Bytes(14)),
    );
  });

  it('are told whose path no rate makes fast enough', () => {
    const far = STAR.map((cable, i) => (i === 1 ? { ...cable, link: { delayMicros: Micros(25_000) } } : cable));
    const asked = senders('sharedExplicit', 10e6, { serviceType: 'guaranteed', maxDelayMicros: Micros(20_000) });
    const { code, reasons, alternatives } = refused(decide(asked, world(network(far))));
    expect(code).toBe('DELAY_BOUND_UNREACHABLE');
    expect(reasons).toEqual([expect.objectContaining({ reason: 'DELAY_BOUND_UNREACHABLE', source: '10.0.1.1' })]);
    expect(alternatives).toEqual([]);
  });

  it('are refused for each sender that has no way, and for a link that is too narrow once', () => {
    const asked = { ...senders('sharedExplicit', 10e6), moreSources: [end('10.0.4.1'), end('10.0.3.1')] };
    const cut = world(network(STAR.map((cable, i) => (i === 2 ? { ...cable, link: { adminState: 'down' } } : cable))));
    expect(refused(decide(asked, cut)).reasons).toEqual([
      expect.objectContaining({ reason: 'NO_PATH', source: 'a', destination: 'd' }),
    ]);
    const own = { ...asked, moreSources: [end('10.0.1.1')], flow: { ...asked.flow, destination: end('10.0.1.2') } };
    expect(refused(decide({ ...own, moreSources: [end('10.0.2.1')] }, world(network(STAR)))).reasons).toEqual([
      expect.objectContaining({ reason: 'NO_PATH', source: 'r1', destination: 'r1' }),
    ]);
    const narrow = world(
      network(STAR.map((cable, i) => (i === 4 ? { ...cable, link: { mtuBytes: Bytes(900) } } : cable))),
    );
    expect(refused(decide(senders('fixedFilter', 1e6), narrow)).reasons).toEqual([
      { reason: 'MTU_TOO_SMALL', link: R2_D, mtuBytes: 900, requestedBytes: 1500 },
    ]);
  });

  it('name an address that is on no node as the caller wrote it', () => {
    const asked = senders('sharedExplicit', 1e6);
    const unknown = (change: Partial<ReservationRequest>) => decide({ ...asked, ...change }, world(network(STAR)));
    expect(unknown({ moreSources: [end('10.0.1.1'), end('10.77.0.1')] })).toMatchObject({
      code: 'UNKNOWN_ENDPOINT',
      fields: [{ field: 'flow.sources[2].address', value: '10.77.0.1' }],
    });
    const flow = { ...asked.flow, source: end('10.77.0.2') };
    expect(unknown({ flow, moreSources: [] })).toMatchObject({ fields: [{ field: 'flow.sources[0].address' }] });
    expect(unknown({ flow, moreSources: [], sourcesListed: false })).toMatchObject({
      fields: [{ field: 'flow.source.address' }],
    });
  });

  it('need an agent that is silent, on whichever path it is', () => {
    const w = world(network(STAR), { unreachable: new Map([['c', null]]) });
    expect(refused(decide(senders('sharedExplicit', 1e6), w)).reasons).toEqual([
      { reason: 'AGENT_UNREACHABLE', node: 'c', lastSeenAt: null },
    ]);
  });

  it('are never led off the routed path: where that is full they are refused, though another has room', () => {
    const round = [...STAR, { ends: ['r1', 'x'], cost: 50 } as const, { ends: ['x', 'r2'], cost: 50 } as const];
    const topology = network(round);
    const steering = new Map(
      topology.nodes.map(({ name }) => [name, { missing: null, strictInterfaces: new Set<string>() }]),
    );
    const w = world(topology, { steering });
    book('other', request(60e6, { destination: '10.0.4.2' }), w);
    expect(decide(request(30e6, { source: '10.0.1.1', destination: '10.0.4.2' }), w)).toMatchObject({
      admitted: true,
      path: { pinning: 'pinned' },
    });
    const { reasons } = refused(decide(senders('sharedExplicit', 30e6), w));
    expect(reasons.map(({ reason }) => reason)).toEqual(['BANDWIDTH_UNAVAILABLE']);
  });
});

describe('a change of what several senders have', () => {
  it.each([
    ['sharedExplicit', 1],
    ['fixedFilter', 2],
  ] as const)(
    'in style %s is decided with %d part(s) on the link where two meet, its own not counted',
    (style, parts) => {
      const w = world(network(STAR));
      const mine = book('mine', senders(style, 10e6), w);
      book('other', request(30e6, { destination: '10.0.4.2' }), w);
      const free = 75e6 - Math.ceil((30e6 * 1214) / 1200);
      const most = Math.floor((free / parts) * (1200 / 1214)) - 16;
      const granted = decideChange(mine, qos(most), w);
      expect(granted).toMatchObject({ admitted: true });
      if (!granted.admitted) return;
      expect(granted.morePaths).toHaveLength(2);
      expect(new Set([granted.path, ...granted.morePaths].map((path) => path.rate)).size).toBe(1);
      const asked = most + 1000;
      expect(refused(decideChange(mine, qos(asked), w)).reasons).toEqual([
        expect.objectContaining({ link: R1_R2, availableBitsPerSecond: free, ...(parts > 1 ? { senders: 2 } : {}) }),
      ]);
      expect(w.ledger.bookedAt(R1_R2, NOW)).toBe(75e6 - free + parts * SHARE);
    },
  );

  it('asks no more where a link was shrunk below what they hold together', () => {
    const w = world(network(STAR));
    const mine = book('mine', senders('fixedFilter', 20e6), w);
    const shrunk = network(STAR.map((cable, i) => (i === 2 ? { ...cable, capacity: 30e6 } : cable)));
    const small = { ...world(shrunk), ledger: w.ledger };
    expect(decideChange(mine, { ...mine.qos, tokenRateBitsPerSecond: BitsPerSecond(19e6) }, small)).toMatchObject({
      admitted: true,
    });
    expect(decideChange(mine, qos(21e6), small)).toMatchObject({ admitted: false });
  });
});
