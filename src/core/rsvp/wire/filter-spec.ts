import type { IpAddress } from '../../base/ip.ts';

/** FILTER_SPEC, class 10, C-Types 1 and 2 (RFC 2205 A.8). */
export interface RsvpFilterSpec {
  readonly kind: 'filterSpec';
  readonly source: IpAddress;
  /** 0 … 65535; 0 = any. */
  readonly sourcePort: number;
}

/** SENDER_TEMPLATE, class 11: same layout (RFC 2205 A.9). */
export interface RsvpSenderTemplate {
  readonly kind: 'senderTemplate';
  readonly source: IpAddress;
  readonly sourcePort: number;
}
