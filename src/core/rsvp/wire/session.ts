import { IPV4, IPV6, type AddressField } from './address-field.ts';
import type { ObjectCodec } from './object-codec.ts';
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

/**
 *     +-------------+-------------+-------------+-------------+
 *     |      DestAddress (4 bytes, or 16 with C-Type 2)       |
 *     +-------------+-------------+-------------+-------------+
 *     | Protocol Id |    Flags    |          DstPort          |
 *     +-------------+-------------+-------------+-------------+
 */
const sessionCodec = (ip: AddressField): ObjectCodec<RsvpSession> => ({
  classNumber: 1,
  cType: ip.cType,
  bodyLength: ip.length + 4,
  decode: (reader) => ({
    kind: 'session',
    destination: ip.read(reader),
    protocol: reader.u8(),
    flags: reader.u8(),
    destinationPort: reader.u16(),
  }),
  encode: (writer, session) => {
    ip.write(writer, session.destination);
    writer.u8(session.protocol);
    writer.u8(session.flags);
    writer.u16(session.destinationPort);
  },
});

export const sessionV4 = sessionCodec(IPV4);
export const sessionV6 = sessionCodec(IPV6);
