import { copyOf, type ByteReader, type ByteWriter } from '../../base/bytes.ts';
import { ipFamily, type IpAddress } from '../../base/ip.ts';
import { IPV4, IPV6, type AddressField } from './address-field.ts';
import { BadObjectError, type ObjectCodec } from './object-codec.ts';

/** A piece of the path that EXPLICIT_ROUTE prescribes (RFC 3209 4.3.3, RFC 3477 4.1). */
export type ExplicitHop =
  | {
      readonly hop: 'address';
      /** The way from the hop before is not prescribed. */
      readonly loose: boolean;
      readonly address: IpAddress;
      /** 0 … 32 or 128. */
      readonly prefixLength: number;
    }
  | { readonly hop: 'asNumber'; readonly loose: boolean; readonly asNumber: number }
  | {
      readonly hop: 'unnumbered';
      readonly loose: boolean;
      readonly routerId: IpAddress;
      /** 32 bits. */
      readonly interfaceId: number;
    }
  /** A type that is not decoded, kept as it came. */
  | { readonly hop: 'other'; readonly loose: boolean; readonly type: number; readonly data: Uint8Array };

/** EXPLICIT_ROUTE, class 20, C-Type 1 (RFC 3209 4.3). */
export interface RsvpExplicitRoute {
  readonly kind: 'explicitRoute';
  /** From the next node on. */
  readonly hops: readonly ExplicitHop[];
}

const LOOSE = 0x80;
const TYPE_IPV4 = 1;
const TYPE_IPV6 = 2;
const TYPE_UNNUMBERED = 4;
const TYPE_AS_NUMBER = 32;

/**
 * Sub-objects one after the other (RFC 3209 4.3.3):
 *
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-------------//----------------+
 *     |L|    Type     |     Length    | contents                      |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-------------//----------------+
 */
export const explicitRoute: ObjectCodec<RsvpExplicitRoute> = {
  classNumber: 20,
  cType: 1,
  bodyLength: null,
  keepBad: true,
  decode: (reader) => {
    const hops: ExplicitHop[] = [];
    while (reader.remaining > 0) hops.push(readHop(reader));
    return { kind: 'explicitRoute', hops };
  },
  encode: (writer, value) => {
    for (const hop of value.hops) writeHop(writer, hop);
  },
};

/** @throws BadObjectError for a length that no sub-object can have. @returns the length of the contents. */
export function readSubObjectLength(reader: ByteReader, type: number): number {
  const length = reader.u8();
  // "The Length MUST be at least 4, and MUST be a multiple of 4" (RFC 3209 4.3.3).
  if (length < 4 || length % 4 !== 0) throw new BadObjectError(`sub-object of type ${type} has length ${length}`);
  if (length - 2 > reader.remaining) {
    throw new BadObjectError(`sub-object of type ${type} has length ${length}, ${reader.remaining + 2} bytes are left`);
  }
  return length - 2;
}

/** @throws RangeError for contents that fit no sub-object. */
export function subObjectLength(contents: number): number {
  if (contents > 253 || contents % 4 !== 2) throw new RangeError(`a sub-object with ${contents} bytes of contents`);
  return contents + 2;
}

/** @throws BadObjectError */
export function expectContents(type: number, actual: number, wanted: number): void {
  if (actual !== wanted)
    throw new BadObjectError(`sub-object of type ${type} has length ${actual + 2}, not ${wanted + 2}`);
}

function readHop(reader: ByteReader): ExplicitHop {
  const first = reader.u8();
  const loose = (first & LOOSE) !== 0;
  const type = first & 0x7f;
  const length = readSubObjectLength(reader, type);
  if (type === TYPE_IPV4 || type === TYPE_IPV6) {
    const ip = type === TYPE_IPV4 ? IPV4 : IPV6;
    expectContents(type, length, ip.length + 2);
    const address = ip.read(reader);
    const prefixLength = reader.u8();
    reader.reserved(1);
    return { hop: 'address', loose, address, prefixLength };
  }
  if (type === TYPE_AS_NUMBER) {
    expectContents(type, length, 2);
    return { hop: 'asNumber', loose, asNumber: reader.u16() };
  }
  if (type === TYPE_UNNUMBERED) {
    expectContents(type, length, 10);
    reader.reserved(2);
    return { hop: 'unnumbered', loose, routerId: IPV4.read(reader), interfaceId: reader.u32() };
  }
  return { hop: 'other', loose, type, data: copyOf(reader.bytes(length)) };
}

function writeHop(writer: ByteWriter, hop: ExplicitHop): void {
  const header = (type: number, contents: number): void => {
    writer.u8((hop.loose ? LOOSE : 0) | type);
    writer.u8(subObjectLength(contents));
  };
  if (hop.hop === 'address') {
    const [type, ip] = addressForm(hop.address);
    header(type, ip.length + 2);
    ip.write(writer, hop.address);
    writer.u8(hop.prefixLength);
    writer.u8(0);
  } else if (hop.hop === 'asNumber') {
    header(TYPE_AS_NUMBER, 2);
    writer.u16(hop.asNumber);
  } else if (hop.hop === 'unnumbered') {
    header(TYPE_UNNUMBERED, 10);
    writer.reserved(2);
    IPV4.write(writer, hop.routerId);
    writer.u32(hop.interfaceId);
  } else {
    header(hop.type, hop.data.length);
    writer.bytes(hop.data);
  }
}

/** Sub-object type and layout of an address, the same in both kinds of route. */
export const addressForm = (address: IpAddress): [type: number, ip: AddressField] =>
  ipFamily(address) === 4 ? [TYPE_IPV4, IPV4] : [TYPE_IPV6, IPV6];
