import type { BytesPerSecond, Micros } from '../../base/units.ts';
import type { WireTspec } from './tspec.ts';

/** FLOWSPEC, class 9, C-Type 2 (RFC 2210 3.2). */
export interface RsvpFlowspec {
  readonly kind: 'flowspec';
  readonly flowspec:
    | { readonly service: 'controlledLoad'; readonly tspec: WireTspec }
    | {
        readonly service: 'guaranteed';
        readonly tspec: WireTspec;
        readonly rspec: { readonly rate: BytesPerSecond; readonly slack: Micros };
      };
}
