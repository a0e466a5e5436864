import { IPV4, IPV6, type AddressField } from './address-field.ts';
import type { ObjectCodec } from './object-codec.ts';
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

/**
 *     +-------------+-------------+-------------+-------------+
 *     |   Error Node Address (4 bytes, or 16 with C-Type 2)   |
 *     +-------------+-------------+-------------+-------------+
 *     |    Flags    |  Error Code |        Error Value        |
 *     +-------------+-------------+-------------+-------------+
 */
const errorSpecCodec = (ip: AddressField): ObjectCodec<RsvpErrorSpec> => ({
  classNumber: 6,
  cType: ip.cType,
  bodyLength: ip.length + 4,
  decode: (reader) => ({
    kind: 'errorSpec',
    errorNode: ip.read(reader),
    flags: reader.u8(),
    errorCode: reader.u8(),
    errorValue: reader.u16(),
  }),
  encode: (writer, error) => {
    ip.write(writer, error.errorNode);
    writer.u8(error.flags);
    writer.u8(error.errorCode);
    writer.u16(error.errorValue);
  },
});

export const errorSpecV4 = errorSpecCodec(IPV4);
export const errorSpecV6 = errorSpecCodec(IPV6);
