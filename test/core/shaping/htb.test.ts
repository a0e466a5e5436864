import { describe, expect, it } from 'vitest';
import { BitsPerSecond, Bytes } from '../../../src/core/base/units.ts';
import { classQuantumBytes, hopErrorTerms } from '../../../src/core/qos/error-terms.ts';
import { flowClass } from '../../../src/core/shaping/htb.ts';
import { ip } from '../../support/network.ts';

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
  const leafOf = (burst: number, peak: number | null) =>
    flowClass(
      { name: 'eth0', capacityBitsPerSecond: BitsPerSecond(1e8), mtuBytes: Bytes(1500), overheadBytes: Bytes(14) },
      {
        ...{ key: 'a', classMinor: 16, interface: 'eth0', filters: [], maxFrameBytes: Bytes(1514) },
        rateBitsPerSecond: BitsPerSecond(10_000_000),
        burstBytes: Bytes(burst),
        peakBitsPerSecond: peak === null ? null : BitsPerSecond(peak),
      },
    ).leaf!;

  it('holds 100 ms of excess', () => {
    expect(leafOf(15_000, null)).toEqual({ kind: 'bfifo', limitBytes: 125_000 });
  });

  it('holds the bucket, which may come at once by a faster link and is within the promise (RFC 2212 5)', () => {
    expect(leafOf(250_000, null)).toEqual({ kind: 'bfifo', limitBytes: 250_000 });
    expect(leafOf(250_000, 20_000_000)).toMatchObject({ kind: 'tbf', limitBytes: 250_000 });
  });
});
