import type { WireTspec } from './tspec.ts';

/** SENDER_TSPEC, class 12, C-Type 2 (RFC 2210 3.1). */
export interface RsvpSenderTspec {
  readonly kind: 'senderTspec';
  readonly tspec: WireTspec;
}
