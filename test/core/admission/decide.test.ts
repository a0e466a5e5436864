import { describe, expect, it } from 'vitest';
import { Bytes, EpochMs, Micros } from '../../../src/core/base/units.ts';
import { decide } from '../../../src/core/admission/decide.ts';
import type { AdmittedPath, Decision, RefusalReason } from '../../../src/core/admission/decision.ts';
import type { World } from '../../../src/core/admission/world.ts';
import type { ReservationRequest } from '../../../src/core/qos/request.ts';
import { booking, LAB, network, NOW, request, world } from './fixtures.ts';

const A_R1 = 'host-a:host-a-r1-0';
const R1_R2 = 'r1:r1-r2-1';
const R2_B = 'r2:r2-host-b-2';
const R1_R3 = 'r1:r1-r3-3';
const R3_R2 = 'r3:r3-r2-4';
const ROUTED = [A_R1, R1_R2, R2_B];

function admitted(asked: ReservationRequest, w: World): AdmittedPath {
  const decision = decide(asked, w);
  if (!decision.admitted) throw new Error(`refused: ${JSON.stringify(decision)}`);
  return decision.path;
}

function refused(asked: ReservationRequest, w: World): Extract<Decision, { admitted: false }> {
  const decision = decide(asked, w);
  if (decision.admitted || decision.code === 'UNKNOWN_ENDPOINT') throw new Error(JSON.stringify(decision));
  return decision;
}

function book(id: string, asked: ReservationRequest, w: World): void {
  w.ledger.add(booking(id, asked, admitted(asked, w)));
}

const bandwidth = (reasons: readonly RefusalReason[]): Extract<RefusalReason, { reason: 'BANDWIDTH_UNAVAILABLE' }>[] =>
  reasons.filter((r) => r.reason === 'BANDWIDTH_UNAVAILABLE');

describe('a decision on the lab', () => {
  it('books the routed path, overhead included', () => {
    const decision = decide(request(25e6, { qos: { minPolicedUnitBytes: Bytes(128) } }), world(network(LAB)));
    expect(decision).toEqual({
      admitted: true,
      morePaths: [],
      touched: ROUTED,
      path: {
        hops: [
          { node: 'host-a', interface: 'host-a-r1-0', link: A_R1, bookedBitsPerSecond: 27_734_375 },
          { node: 'r1', interface: 'r1-r2-1', link: R1_R2, bookedBitsPerSecond: 27_734_375 },
          { node: 'r2', interface: 'r2-host-b-2', link: R2_B, bookedBitsPerSecond: 27_734_375 },
        ],
        nodes: ['host-a', 'r1', 'r2', 'host-b'],
        rate: 3_125_000,
        delayBoundMicros: null,
        pinning: 'routed',
        explicitRoute: [],
      },
    });
  });

  it('admits three flows of 20 Mbit/s on 75, and says of the fourth who is in the way and what would fit', () => {
    const w = world(network(LAB));
    for (const id of ['one', 'two', 'three']) book(id, request(20e6), w);
    const each = Math.ceil((20e6 * 1214) / 1200);
    const decision = refused(request(20e6), w);
    expect(decision.code).toBe('BANDWIDTH_UNAVAILABLE');
    expect(bandwidth(decision.reasons)).toEqual([
      {
        reason: 'BANDWIDTH_UNAVAILABLE',
        link: R1_R2,
        requestedBitsPerSecond: each,
        availableBitsPerSecond: 75e6 - 3 * each,
        interval: { start: NOW, end: null },
        conflicting: ['one', 'three', 'two'],
      },
    ]);
    const [path, rate] = decision.alternatives;
    expect(path).toMatchObject({ kind: 'path', needs: 'PINNING' });
    expect(path!.kind === 'path' && path!.hops.map((hop) => hop.link)).toEqual([A_R1, R1_R3, R3_R2, R2_B]);
    expect([...decision.touched].sort()).toEqual([...ROUTED, R1_R3, R3_R2].sort());

    if (rate?.kind !== 'rate') throw new Error('no rate is offered');
    expect(decide(request(rate.tokenRateBitsPerSecond), w).admitted).toBe(true);
    expect(decide(request(rate.tokenRateBitsPerSecond + 1), w).admitted).toBe(false);

    w.ledger.remove('two');
    expect(decide(request(20e6), w).admitted).toBe(true);
  });

  it('names every full link, the first stretch that is too full, and the largest booking first', () => {
    const w = world(network(LAB.map((cable) => ({ ...cable, capacity: 100e6 }))));
    const at = (start: number, end: number) => ({ start: EpochMs(NOW + start), end: EpochMs(NOW + end) });
    book('small', request(20e6, { window: at(1000, 3000) }), w);
    book('large', request(40e6, { window: at(2000, 4000) }), w);
    const decision = refused(request(30e6, { window: at(0, 9000) }), w);
    const reasons = bandwidth(decision.reasons);
    expect(reasons.map((r) => r.link)).toEqual(ROUTED);
    for (const reason of reasons) {
      // 20 + 30 fits, 60 + 30 does not, 40 + 30 does.
      expect(reason.interval).toEqual(at(2000, 3000));
      expect(reason.conflicting).toEqual(['large', 'small']);
      expect(reason.availableBitsPerSecond).toBe(
        75e6 - Math.ceil((20e6 * 1214) / 1200) - Math.ceil((40e6 * 1214) / 1200),
      );
    }
    expect(decide(request(30e6, { window: at(4000, 5000) }), w).admitted).toBe(true);
  });

  it('offers nothing where nothing fits', () => {
    const w = world(network(LAB.map((cable) => ({ ...cable, capacity: null }))));
    const decision = refused(request(8), w);
    expect(bandwidth(decision.reasons).map((r) => r.availableBitsPerSecond)).toEqual([0, 0, 0]);
    expect(decision.alternatives).toEqual([]);
  });

  it('puts nothing new on what is draining, and blames nobody for it', () => {
    for (const w of [
      world(network(LAB.map((c, i) => (i === 1 ? { ...c, link: { adminState: 'draining' } } : c)))),
      world(network(LAB, { r1: { adminState: 'draining' } })),
    ]) {
      w.ledger.add(booking('older', request(1e6), admitted(request(1e6), world(network(LAB)))));
      const reason = bandwidth(refused(request(1e6), w).reasons).find((r) => r.link === R1_R2);
      expect(reason).toMatchObject({ availableBitsPerSecond: 0, conflicting: [], interval: { start: NOW, end: null } });
    }
  });

  it('leaves what the kernel sets aside where agents enforce, however large the share', () => {
    const whole = (agent: 'required' | 'none') =>
      world(
        network(
          LAB.map((cable) => ({ ...cable, link: { ...cable.link, reservableShare: 1, overheadBytes: Bytes(0) } })),
          Object.fromEntries(['host-a', 'r1', 'r2', 'r3', 'host-b'].map((name) => [name, { agent }])),
        ),
      );
    const reasons = bandwidth(refused(request(98e6 + 8000), whole('required')).reasons);
    expect(reasons.find(({ link }) => link === R1_R2)).toMatchObject({ availableBitsPerSecond: 98_000_000 });
    admitted(request(98e6), whole('required'));
    admitted(request(98e6 + 8000), whole('none'));
  });

  it('routes around a link that is down, and has no path when none is left', () => {
    const down = (...cables: number[]) =>
      world(network(LAB.map((c, i) => (cables.includes(i) ? { ...c, link: { adminState: 'down' } } : c))));
    expect(admitted(request(1e6), down(1)).nodes).toEqual(['host-a', 'r1', 'r3', 'r2', 'host-b']);
    const decision = refused(request(1e6), down(1, 3));
    expect(decision.code).toBe('NO_PATH');
    expect(decision.reasons).toMatchObject([{ reason: 'NO_PATH', source: 'host-a', destination: 'host-b' }]);
    expect(decision.touched).toEqual([]);
  });

  it('takes the way that reported kernel routes take, not the cheapest', () => {
    const topology = network(LAB);
    const destination = topology.nodes.find((n) => n.name === 'host-b')!.interfaces[0]!.addresses[0]!;
    const gateway = topology.nodes.find((n) => n.name === 'r3')!.interfaces[0]!.addresses[0]!.address;
    const routes = new Map([['r1', [{ destination, interface: 'r1-r3-3', gateway, metric: 10 }]]]);
    expect(admitted(request(1e6), world(topology, { routes })).nodes).toEqual(['host-a', 'r1', 'r3', 'r2', 'host-b']);
  });

  it('refuses ends on one node and addresses on none', () => {
    const w = world(network(LAB));
    const local = refused(request(1e6, { source: '10.0.0.2', destination: '10.0.1.1' }), w);
    expect(local.reasons).toMatchObject([{ reason: 'NO_PATH', source: 'r1', destination: 'r1' }]);
    const nowhere = decide(request(1e6, { source: '192.0.2.1', destination: '192.0.2.2' }), w);
    expect(nowhere).toMatchObject({
      code: 'UNKNOWN_ENDPOINT',
      fields: [
        { field: 'flow.source.address', value: '192.0.2.1' },
        { field: 'flow.destination.address', value: '192.0.2.2' },
      ],
    });
  });

  it('needs silent agents only for windows that start within a minute', () => {
    const unreachable = new Map([['r1', EpochMs(7)]]);
    const w = world(network(LAB), { unreachable });
    const soon = refused(request(1e6, { window: { start: EpochMs(NOW + 60_000), end: null } }), w);
    expect(soon).toMatchObject({
      code: 'AGENT_UNREACHABLE',
      reasons: [{ reason: 'AGENT_UNREACHABLE', node: 'r1', lastSeenAt: 7 }],
      alternatives: [],
    });
    expect(decide(request(1e6, { window: { start: EpochMs(NOW + 60_001), end: null } }), w).admitted).toBe(true);
  });

  it('refuses packets that a link or an interface cannot carry, and offers the way that can', () => {
    const small = LAB.map((c, i) => (i === 1 ? { ...c, link: { mtuBytes: Bytes(1400) } } : c));
    const decision = refused(request(1e6), world(network(small)));
    expect(decision.code).toBe('MTU_TOO_SMALL');
    expect(decision.reasons.filter((r) => r.reason !== 'PINNING_UNAVAILABLE')).toEqual([
      { reason: 'MTU_TOO_SMALL', link: R1_R2, mtuBytes: 1400, requestedBytes: 1500 },
    ]);
    expect(decision.alternatives.map((a) => a.kind)).toEqual(['path']);

    const topology = network(LAB);
    const narrow = topology.nodes.map((node) =>
      node.name === 'host-b'
        ? { ...node, interfaces: node.interfaces.map((i) => ({ ...i, mtuBytes: Bytes(1280) })) }
        : node,
    );
    const other = refused(request(1e6), world({ ...topology, nodes: narrow }));
    expect(other.reasons).toMatchObject([{ reason: 'MTU_TOO_SMALL', link: R2_B, mtuBytes: 1280 }]);
    expect(other.alternatives).toEqual([]);
  });

  it('gives all reasons at once, the code being the one that waiting cures least', () => {
    const topology = network(LAB.map((c, i) => (i === 1 ? { ...c, link: { mtuBytes: Bytes(1400) } } : c)));
    const w = world(topology, { unreachable: new Map([['r2', null]]) });
    const guaranteed = { serviceType: 'guaranteed', maxDelayMicros: Micros(500) } as const;
    const decision = refused(request(200e6, { qos: guaranteed }), w);
    expect(decision.code).toBe('MTU_TOO_SMALL');
    expect(decision.reasons.map((r) => r.reason)).toEqual([
      'MTU_TOO_SMALL',
      'DELAY_BOUND_UNREACHABLE',
      'BANDWIDTH_UNAVAILABLE',
      'AGENT_UNREACHABLE',
    ]);
    expect(decision.alternatives).toEqual([]);
  });

  it('books IPv6 flows only where no agent would have to signal them', () => {
    const topology = network(LAB, Object.fromEntries(['host-a', 'r1', 'r2', 'r3', 'host-b'].map((n) => [n, {}])));
    const v6 = (agent: 'required' | 'none') =>
      world({
        ...topology,
        nodes: topology.nodes.map((node) => ({
          ...node,
          agent,
          interfaces: node.interfaces.map((i) => ({
            ...i,
            addresses: i.addresses.map((a) => ({
              address: a.address.replace(/^10\.0\.(\d)\.(\d)$/, '2001:db8:$1::$2') as typeof a.address,
              length: 64,
            })),
          })),
        })),
      });
    const asked = request(1e6, { source: '2001:db8::1', destination: '2001:db8:2::2' });
    const named = { ...asked, flow: { ...asked.flow, source: { ...asked.flow.source } } };
    const fix = (w: World): ReservationRequest => ({
      ...named,
      flow: {
        ...named.flow,
        source: { ...named.flow.source, address: w.graph.nodes[0]!.interfaces[0]!.addresses[0]!.address },
      },
    });
    expect(decide(fix(v6('none')), v6('none')).admitted).toBe(true);
    expect(refused(fix(v6('required')), v6('required'))).toMatchObject({ code: 'NO_PATH' });
  });
});

describe('guaranteed service', () => {
  const guaranteed = (maxDelay: number, more: object = {}) => ({
    serviceType: 'guaranteed' as const,
    maxDelayMicros: Micros(maxDelay),
    ...more,
  });
  // Ctot = 3 · (1500 + 1514); Dtot = 2 · (525 + 1000) + 6243; three links of 100 µs.
  const C = 9042;
  const D = 9293;

  it('books the smallest rate that keeps the bound', () => {
    const path = admitted(request(5e6, { qos: guaranteed(25_000) }), world(network(LAB)));
    const needed = (15_000 + C) / ((25_000 - D - 300) / 1e6);
    expect(path.rate).toBeGreaterThanOrEqual(needed);
    expect(path.rate).toBeLessThan(needed * (1 + 2 ** -22));
    expect(path.delayBoundMicros).toBe(25_000);
    expect(path.hops[0]!.bookedBitsPerSecond).toBe(Math.ceil((path.rate * 8 * 1214) / 1200));
  });

  it('books the token rate where that is enough or no bound is asked, and tells the bound', () => {
    const bound = Math.ceil(((15_000 + C) / 1_250_000) * 1e6 + D + 300);
    for (const qos of [guaranteed(100_000), { serviceType: 'guaranteed' as const }]) {
      const path = admitted(request(10e6, { qos }), world(network(LAB)));
      expect(path).toMatchObject({ rate: 1_250_000, delayBoundMicros: bound });
    }
  });

  it('leaves the slack to the hops', () => {
    const path = admitted(
      request(5e6, { qos: guaranteed(26_000, { slackMicros: Micros(1000) }) }),
      world(network(LAB)),
    );
    expect(path.delayBoundMicros).toBe(25_000);
  });

  it('says what remains at any rate where the bound is too tight', () => {
    const decision = refused(request(5e6, { qos: guaranteed(9593) }), world(network(LAB)));
    expect(decision.code).toBe('DELAY_BOUND_UNREACHABLE');
    expect(decision.reasons).toEqual([
      { reason: 'DELAY_BOUND_UNREACHABLE', requestedMicros: 9593, smallestMicros: D + 300 },
    ]);
  });

  it('lacks bandwidth, not delay, where a faster rate would do', () => {
    const decision = refused(request(5e6, { qos: guaranteed(11_000) }), world(network(LAB)));
    expect(decision.code).toBe('BANDWIDTH_UNAVAILABLE');
    expect(decision.reasons.map((r) => r.reason)).toEqual(['BANDWIDTH_UNAVAILABLE']);
  });

  it('finds a faster way where the routed one is too slow', () => {
    const slow = LAB.map((c, i) => (i === 1 ? { ...c, link: { delayMicros: Micros(50_000) } } : c));
    const decision = refused(request(5e6, { qos: guaranteed(40_000) }), world(network(slow)));
    expect(decision.code).toBe('DELAY_BOUND_UNREACHABLE');
    expect(decision.alternatives).toMatchObject([
      { kind: 'path', hops: [A_R1, R1_R3, R3_R2, R2_B].map((link) => ({ link })) },
    ]);
  });
});
