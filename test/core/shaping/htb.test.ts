import { describe, expect, it } from 'vitest';
import { BitsPerSecond, Bytes } from '../../../src/core/base/units.ts';
import { classQuantumBytes, hopErrorTerms } from '../../../src/core/qos/error-terms.ts';
import { flowClass } from '../../../src/core/shaping/htb.ts';
import { ip } from '../../support/network.ts';

const eth0 = { name: 'eth0', capacityBitsPerSecond: BitsPerSecond(1e8), mtuBytes: Bytes(1500) };

const quantumOf = (maxPacket: number, overhead: number): number =>
  flowClass(
    {
      name: 'a0',
      capacityBitsPerSecond: BitsPerSecond(100_000_000),
      mtuBytes: Bytes(1500),
      overheadBytes: Bytes(overhead),
    },
    {
      key: 'k',
      classMinor: 16,
      interface: 'a0',
      filters: [{ protocol: 17, source: null, sourcePort: null, destination: ip('10.0.0.1'), destinationPort: null }],
      rateBitsPerSecond: BitsPerSecond(1_000_000),
      burstBytes: Bytes(15_000),
      peakBitsPerSecond: null,
      maxFrameBytes: Bytes(maxPacket + overhead),
    },
  ).class.quantumBytes;

describe('the quantum of a class', () => {
  it.each([
    [64, 0],
    [200, 14],
    [1500, 14],
    [1500, 38],
    [9000, 38],
    [65_535, 38],
  ])('is what the advertised C of a hop counts (M %i, overhead %i)', (maxPacket, overhead) => {
    const link = {
      capacityBitsPerSecond: BitsPerSecond(100_000_000),
      overheadBytes: Bytes(overhead),
      errorCBytes: null,
      errorDMicros: null,
    };
    expect(quantumOf(maxPacket, overhead)).toBe(hopErrorTerms(link, Bytes(maxPacket)).rateDependent - Bytes(maxPacket));
  });

  it('stays within what HTB takes', () => {
    expect(classQuantumBytes(Bytes(300_000), Bytes(14))).toBe(200_000);
  });
});

describe('the queue of a class', () => {
  const leafOf = (burst: number, peak: number | null, rate = 10_000_000, overhead = 14, mtu = 1500) =>
    flowClass(
      { ...eth0, mtuBytes: Bytes(mtu), overheadBytes: Bytes(overhead) },
      {
        ...{ key: 'a', classMinor: 16, interface: 'eth0', filters: [], maxFrameBytes: Bytes(1500 + overhead) },
        rateBitsPerSecond: BitsPerSecond(rate),
        burstBytes: Bytes(burst),
        peakBitsPerSecond: peak === null ? null : BitsPerSecond(peak),
      },
    ).leaf!;

  it('holds 100 ms of excess', () => {
    expect(leafOf(15_000, null)).toMatchObject({ peak: null, limitBytes: 125_000 });
  });

  it('holds four packets where these are more than 100 ms', () => {
    for (const overhead of [0, 14, 38]) expect(leafOf(1500, null, 64_000, overhead).limitBytes).toBe(4 * 1514);
  });

  it('counts the overhead that only the books see as time too', () => {
    const { limitBytes } = leafOf(15_000, null, 10_000_000, 38);
    expect(limitBytes).toBe(Math.floor((125_000 * 1514) / 1538));
  });

  it('takes apart what is longer than a frame of the interface, be the packets of the flow smaller or not', () => {
    expect(leafOf(15_000, null)).toMatchObject({ kind: 'tbf', largestFrameBytes: 1518 });
    expect(leafOf(15_000, 20_000_000, 10_000_000, 38)).toMatchObject({ largestFrameBytes: 1538 });
    expect(leafOf(15_000, null, 10_000_000, 14, 9000)).toMatchObject({ largestFrameBytes: 9018 });
  });

  it('holds a peak rate that is finite, and none that no interface reaches', () => {
    expect(leafOf(15_000, 20_000_000)).toMatchObject({ peak: { rateBitsPerSecond: 20_000_000, burstBytes: 4018 } });
    expect(leafOf(15_000, 999_999_999_001)).toMatchObject({ peak: null });
    expect(leafOf(15_000, Infinity)).toMatchObject({ peak: null });
  });

  it('holds the bucket, which may come at once by a faster link and is within the promise (RFC 2212 5)', () => {
    for (const peak of [null, 20_000_000]) expect(leafOf(250_000, peak).limitBytes).toBe(250_000);
  });
});
