import type { Bytes, BytesPerSecond } from '../../base/units.ts';

/** Token-bucket Tspec as it stands on the wire (RFC 2210 3.1, parameter 127). Rates and bucket are IEEE singles there; any of them may be NaN or infinite as received. */
export interface WireTspec {
  readonly tokenRate: BytesPerSecond;
  readonly tokenBucket: Bytes;
  readonly peakRate: BytesPerSecond;
  readonly minPolicedUnit: Bytes;
  readonly maxPacketSize: Bytes;
}
