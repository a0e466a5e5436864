import { describe, expect, it } from 'vitest';
import { BitsPerSecond, BytesPerSecond, EpochMs } from '../../../src/core/base/units.ts';
import type { IpAddress } from '../../../src/core/base/ip.ts';
import type { Reservation } from '../../../src/core/reservation/reservation.ts';
import { assignmentFromMessage, assignmentToMessage } from '../../../src/rpc/assignment.ts';
import { assignmentFor } from '../../../src/core/reservation/assignment.ts';
import { reservation } from './fixtures.ts';

const pinnedPath: Reservation['path'] = {
  ...reservation().path,
  pinning: 'pinned',
  explicitRoute: ['10.0.0.1', '10.0.0.2'] as IpAddress[],
};

describe('assignment', () => {
  it('tells each node of a pinned path its neighbour, and the sender where PATH has to go', () => {
    const of = (path: Reservation['path'], node: string) => {
      const { nextHop, pinned, explicitRoute } = assignmentFor(reservation({ path }), node)!;
      return { nextHop, pinned, explicitRoute };
    };
    expect(of(pinnedPath, 'host-a')).toEqual({
      nextHop: '10.0.0.1',
      pinned: true,
      explicitRoute: ['10.0.0.1', '10.0.0.2'],
    });
    expect(of(pinnedPath, 'r1')).toEqual({ nextHop: '10.0.0.2', pinned: true, explicitRoute: [] });
    expect(of(pinnedPath, 'host-b')).toEqual({ nextHop: null, pinned: false, explicitRoute: [] });
    // Somebody else's routers would take an explicit route for an error; agents do what they can.
    const unpinned: Reservation['path'] = {
      ...pinnedPath,
      pinning: 'unpinned',
      explicitRoute: ['10.0.0.1' as IpAddress, null],
    };
    expect(of(unpinned, 'host-a')).toEqual({ nextHop: '10.0.0.1', pinned: false, explicitRoute: [] });
    expect(of(unpinned, 'r1')).toEqual({ nextHop: null, pinned: false, explicitRoute: [] });
  });

  it('survives the channel', () => {
    for (const path of [reservation().path, pinnedPath]) {
      for (const node of path.nodes) {
        const assignment = assignmentFor(reservation({ path }), node)!;
        expect(assignmentFromMessage(assignmentToMessage(assignment))).toEqual({ ok: true, value: assignment });
      }
    }
    const message = assignmentToMessage(assignmentFor(reservation({ path: pinnedPath }), 'r1')!);
    expect(assignmentFromMessage({ ...message, nextHop: '' })).toMatchObject({ ok: false });
    expect(assignmentFromMessage({ ...message, explicitRoute: ['r2'] })).toMatchObject({ ok: false });
  });

  it('carries several sources, those of the host and the style over the channel', () => {
    const other = { address: '10.3.0.2' as IpAddress, port: null };
    const plain = assignmentFor(reservation(), 'host-a')!;
    const shared = { ...plain, sources: [plain.flow.source, other], ownSources: [1], style: 'sharedExplicit' as const };
    const message = assignmentToMessage(shared);
    expect(message.flow).toMatchObject({ sources: [{ address: '10.1.0.2', port: 5004 }, { address: '10.3.0.2' }] });
    expect(message.flow?.source).toBeUndefined();
    expect(assignmentFromMessage(message)).toEqual({ ok: true, value: shared });
    const alone = { ...plain, style: 'wildcardFilter' as const };
    expect(assignmentFromMessage(assignmentToMessage(alone))).toEqual({ ok: true, value: alone });
    expect(assignmentFromMessage({ ...message, style: 'shared' })).toEqual({
      ok: false,
      error: 'style "shared" is none of fixedFilter, sharedExplicit, wildcardFilter',
    });
    expect(assignmentFromMessage({ ...message, ownSources: [2] })).toEqual({
      ok: false,
      error: 'own_sources has 2, but there are 2 sources',
    });
    message.flow!.sources[1]!.address = 'r9';
    expect(assignmentFromMessage(message)).toMatchObject({ ok: false, error: expect.stringContaining('flow.sources') });
  });

  it('tells each node its part', () => {
    expect(assignmentFor(reservation(), 'host-a')).toEqual({
      reservationId: reservation().id,
      revision: expect.any(Number),
      flow: reservation().flow,
      sources: [reservation().flow.source],
      ownSources: [0],
      style: 'fixedFilter',
      tspec: {
        tokenRate: 3_125_000,
        tokenBucket: 15_000,
        peakRate: Infinity,
        minPolicedUnit: 128,
        maxPacketSize: 1500,
      },
      rspec: { rate: 4_000_000, slack: 0 },
      isSender: true,
      isReceiver: false,
      outgoingInterface: 'eth1',
      bookedBitsPerSecond: 27_734_375,
      nextHop: null,
      pinned: false,
      explicitRoute: [],
      validFrom: 1000,
      validUntil: 9000,
    });
    expect(assignmentFor(reservation(), 'r1')).toMatchObject({ isSender: false, isReceiver: false });
    expect(assignmentFor(reservation(), 'host-b')).toMatchObject({
      isSender: false,
      isReceiver: true,
      outgoingInterface: null,
      bookedBitsPerSecond: 0,
    });
  });

  it('has no Rspec for controlled load', () => {
    const { qos } = reservation();
    const plain = reservation({ qos: { ...qos, serviceType: 'controlledLoad', maxDelayMicros: null } });
    expect(assignmentFor(plain, 'r1')?.rspec).toBeNull();
  });

  it('is nothing where there is nothing to hold', () => {
    expect(assignmentFor(reservation(), 'r9')).toBeNull();
    for (const state of ['held', 'releasing', 'ended'] as const) {
      expect(assignmentFor(reservation({ state }), 'r1')).toBeNull();
    }
    for (const state of ['scheduled', 'establishing', 'active', 'degraded'] as const) {
      expect(assignmentFor(reservation({ state }), 'r1')).not.toBeNull();
    }
  });

  it('has another revision exactly when an agent would have to do something', () => {
    const of = (more: Parameters<typeof reservation>[0], node = 'r1') =>
      assignmentFor(reservation(more), node)!.revision;
    const base = of({});
    expect(Number.isSafeInteger(base) && base >= 0).toBe(true);
    expect(of({ state: 'active', revision: 7, confirmedAt: EpochMs(3), stateReason: 'x', labels: { a: 'b' } })).toBe(
      base,
    );
    const { flow, qos, path, window } = reservation();
    const others = [
      of({}, 'host-a'),
      of({}, 'host-b'),
      of({ id: '0193a8e2-0000-7000-8000-000000000002' }),
      of({ window: { ...window, end: null } }),
      of({ window: { ...window, start: EpochMs(1001) } }),
      of({ path: { ...path, rate: BytesPerSecond(5_000_000) } }),
      of({ path: { ...path, hops: path.hops.map((hop) => ({ ...hop, bookedBitsPerSecond: BitsPerSecond(1) })) } }),
      of({ path: { ...path, hops: path.hops.map((hop) => ({ ...hop, interface: 'eth2' })) } }),
      of({ qos: { ...qos, peakRateBitsPerSecond: BitsPerSecond(30_000_000) } }),
      of({ qos: { ...qos, serviceType: 'controlledLoad', maxDelayMicros: null } }),
      of({ path: pinnedPath }),
      of({ path: { ...pinnedPath, pinning: 'unpinned' } }),
      of({ path: { ...pinnedPath, explicitRoute: ['10.0.0.1', '10.0.0.3'] as IpAddress[] } }),
      of({ flow: { ...flow, protocol: 'tcp' } }),
      of({ flow: { ...flow, source: { ...flow.source, port: null } } }),
    ];
    expect(new Set([base, ...others]).size).toBe(others.length + 1);
  });
});
