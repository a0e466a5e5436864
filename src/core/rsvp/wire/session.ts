import type { IpAddress } from '../../base/ip.ts';

/** SESSION, class 1 (RFC 2205 A.1). C-Type 1 for an IPv4 destination, 2 for IPv6. */
export interface RsvpSession {
  readonly kind: 'session';
  readonly destination: IpAddress;
  /** IP protocol number, 1 … 255. */
  readonly protocol: number;
  /** 0x01 = E_Police. */
  readonly flags: number;
  /** 0 … 65535; 0 = no port. */
  readonly destinationPort: number;
}
