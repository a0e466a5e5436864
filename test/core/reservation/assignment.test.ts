import { describe, expect, it } from 'vitest';
import { BitsPerSecond, BytesPerSecond, EpochMs } from '../../../src/core/base/units.ts';
import { assignmentFor } from '../../../src/core/reservation/assignment.ts';
import { reservation } from './fixtures.ts';

describe('assignment', () => {
  it('tells each node its part', () => {
    expect(assignmentFor(reservation(), 'host-a')).toEqual({
      reservationId: reservation().id,
      revision: expect.any(Number),
      flow: reservation().flow,
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
      of({ flow: { ...flow, protocol: 'tcp' } }),
      of({ flow: { ...flow, source: { ...flow.source, port: null } } }),
    ];
    expect(new Set([base, ...others]).size).toBe(others.length + 1);
  });
});
