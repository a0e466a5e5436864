import { IPV4, IPV6, type AddressField } from './address-field.ts';
import type { ObjectCodec } from './object-codec.ts';
import type { IpAddress } from '../../base/ip.ts';

/** SESSION for flows without ports, such as IPsec: C-Types 3 and 4 (RFC 2207 3.1). */
export interface RsvpGpiSession {
  readonly kind: 'gpiSession';
  readonly destination: IpAddress;
  /** IP protocol number, 50 (ESP) or 51 (AH). */
  readonly protocol: number;
  /** 0x01 = E_Police. */
  readonly flags: number;
  /** Not in the packets; tells sessions to one address apart. 1 … 65535. */
  readonly virtualDestinationPort: number;
}

/** SESSION of an LSP tunnel: C-Types 7 and 8 (RFC 3209 4.6.1). */
export interface RsvpLspSession {
  readonly kind: 'lspSession';
  /** The egress. */
  readonly endPoint: IpAddress;
  /** 0 … 65535. */
  readonly tunnelId: number;
  /** 32 or 128 bits, written as an address of the end point's family since that is what ingresses put there; else zero. */
  readonly extendedTunnelId: IpAddress;
}

/** The layout of C-Types 1 and 2, see session.ts. */
const gpiSessionCodec = (ip: AddressField, cType: number): ObjectCodec<RsvpGpiSession> => ({
  classNumber: 1,
  cType,
  bodyLength: ip.length + 4,
  keepBad: true,
  decode: (reader) => ({
    kind: 'gpiSession',
    destination: ip.read(reader),
    protocol: reader.u8(),
    flags: reader.u8(),
    virtualDestinationPort: reader.u16(),
  }),
  encode: (writer, session) => {
    ip.write(writer, session.destination);
    writer.u8(session.protocol);
    writer.u8(session.flags);
    writer.u16(session.virtualDestinationPort);
  },
});

/**
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |     tunnel end point address (4 bytes, or 16 with C-Type 8)   |
 *     |  MUST be zero                 |      Tunnel ID                |
 *     |       Extended Tunnel ID     (4 bytes, or 16 with C-Type 8)   |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
const lspSessionCodec = (ip: AddressField, cType: number): ObjectCodec<RsvpLspSession> => ({
  classNumber: 1,
  cType,
  bodyLength: 2 * ip.length + 4,
  keepBad: true,
  decode: (reader) => {
    const endPoint = ip.read(reader);
    reader.reserved(2);
    return { kind: 'lspSession', endPoint, tunnelId: reader.u16(), extendedTunnelId: ip.read(reader) };
  },
  encode: (writer, session) => {
    ip.write(writer, session.endPoint);
    writer.reserved(2);
    writer.u16(session.tunnelId);
    ip.write(writer, session.extendedTunnelId);
  },
});

export const gpiSessionV4 = gpiSessionCodec(IPV4, 3);
export const gpiSessionV6 = gpiSessionCodec(IPV6, 4);
export const lspSessionV4 = lspSessionCodec(IPV4, 7);
export const lspSessionV6 = lspSessionCodec(IPV6, 8);
