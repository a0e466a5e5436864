import type { IpAddress } from '../../base/ip.ts';

/** RSVP_HOP, class 3 (RFC 2205 A.2): the interface that sent the message, PHOP downstream and NHOP upstream. */
export interface RsvpHop {
  readonly kind: 'rsvpHop';
  readonly address: IpAddress;
  /** Logical interface handle, 32 bits, returned as it was received. */
  readonly logicalInterfaceHandle: number;
}
