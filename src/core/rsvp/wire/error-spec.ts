import type { IpAddress } from '../../base/ip.ts';

/** ERROR_SPEC, class 6 (RFC 2205 A.5). */
export interface RsvpErrorSpec {
  readonly kind: 'errorSpec';
  /** The node that found the error. */
  readonly errorNode: IpAddress;
  /** 0x01 InPlace, 0x02 NotGuilty. */
  readonly flags: number;
  /** RFC 2205 appendix B. */
  readonly errorCode: number;
  /** 16 bits, meaning by code. */
  readonly errorValue: number;
}
