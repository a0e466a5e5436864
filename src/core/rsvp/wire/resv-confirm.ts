import type { IpAddress } from '../../base/ip.ts';

/** RESV_CONFIRM, class 15 (RFC 2205 A.14): who wants to hear of success. */
export interface RsvpResvConfirm {
  readonly kind: 'resvConfirm';
  readonly receiver: IpAddress;
}
