import { roundUpToFloat32 } from '../base/float32.ts';
import { type BitsPerSecond, Bytes, BytesPerSecond } from '../base/units.ts';
import type { Flowspec, Tspec } from './flowspec.ts';
import type { Qos } from './request.ts';

/** A rate as it goes on the wire: bytes per second, an IEEE 754 single, rounded up so that nobody gets less than was asked. */
export const wireRate = (rate: BitsPerSecond): BytesPerSecond => BytesPerSecond(roundUpToFloat32(rate / 8));

/** The token bucket that the sender announces (RFC 2210 3.1). r, b and p are IEEE 754 singles, each rounded up. */
export const toTspec = (qos: Qos): Tspec => ({
  tokenRate: wireRate(qos.tokenRateBitsPerSecond),
  tokenBucket: Bytes(roundUpToFloat32(qos.tokenBucketBytes)),
  peakRate: qos.peakRateBitsPerSecond === null ? BytesPerSecond(Infinity) : wireRate(qos.peakRateBitsPerSecond),
  minPolicedUnit: qos.minPolicedUnitBytes,
  maxPacketSize: qos.maxPacketBytes,
});

/** What the receiver asks of every hop (RFC 2210 3.2). `rate` is R of guaranteed service; controlled load has none and ignores it. */
export function toFlowspec(qos: Qos, rate: BytesPerSecond): Flowspec {
  const tspec = toTspec(qos);
  return qos.serviceType === 'guaranteed'
    ? { service: 'guaranteed', tspec, rspec: { rate, slack: qos.slackMicros } }
    : { service: 'controlledLoad', tspec };
}
