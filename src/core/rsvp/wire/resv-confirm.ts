import { IPV4, IPV6, type AddressField } from './address-field.ts';
import type { ObjectCodec } from './object-codec.ts';
import type { IpAddress } from '../../base/ip.ts';

/** RESV_CONFIRM, class 15 (RFC 2205 A.14): who wants to hear of success. */
export interface RsvpResvConfirm {
  readonly kind: 'resvConfirm';
  readonly receiver: IpAddress;
}

/** The contents are the receiver's address alone: 4 bytes, or 16 with C-Type 2. */
const resvConfirmCodec = (ip: AddressField): ObjectCodec<RsvpResvConfirm> => ({
  classNumber: 15,
  cType: ip.cType,
  bodyLength: ip.length,
  decode: (reader) => ({ kind: 'resvConfirm', receiver: ip.read(reader) }),
  encode: (writer, confirm) => ip.write(writer, confirm.receiver),
});

export const resvConfirmV4 = resvConfirmCodec(IPV4);
export const resvConfirmV6 = resvConfirmCodec(IPV6);
