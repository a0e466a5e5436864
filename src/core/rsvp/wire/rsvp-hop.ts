import { IPV4, IPV6, type AddressField } from './address-field.ts';
import type { ObjectCodec } from './object-codec.ts';
import type { IpAddress } from '../../base/ip.ts';

/** RSVP_HOP, class 3 (RFC 2205 A.2): the interface that sent the message, PHOP downstream and NHOP upstream. */
export interface RsvpHop {
  readonly kind: 'rsvpHop';
  readonly address: IpAddress;
  /** Logical interface handle, 32 bits, returned as it was received. */
  readonly logicalInterfaceHandle: number;
}

/**
 *     +-------------+-------------+-------------+-------------+
 *     |  Next/Previous Hop Address (4 bytes, or 16 with C-Type 2) |
 *     +-------------+-------------+-------------+-------------+
 *     |                 Logical Interface Handle              |
 *     +-------------+-------------+-------------+-------------+
 */
const hopCodec = (ip: AddressField): ObjectCodec<RsvpHop> => ({
  classNumber: 3,
  cType: ip.cType,
  bodyLength: ip.length + 4,
  decode: (reader) => ({ kind: 'rsvpHop', address: ip.read(reader), logicalInterfaceHandle: reader.u32() }),
  encode: (writer, hop) => {
    ip.write(writer, hop.address);
    writer.u32(hop.logicalInterfaceHandle);
  },
});

export const hopV4 = hopCodec(IPV4);
export const hopV6 = hopCodec(IPV6);
