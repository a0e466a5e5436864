import { copyOf, type ByteReader, type ByteWriter } from '../../base/bytes.ts';
import type { IpAddress } from '../../base/ip.ts';
import { IPV4, IPV6 } from './address-field.ts';
import { addressForm, expectContents, readSubObjectLength, subObjectLength } from './explicit-route.ts';
import type { ObjectCodec } from './object-codec.ts';

/** A piece of the path that RECORD_ROUTE tells of (RFC 3209 4.4.1, RFC 3477 5.1). */
export type RecordedHop =
  | {
      readonly hop: 'address';
      readonly address: IpAddress;
      readonly prefixLength: number;
      /** 0x01 local protection available, 0x02 in use. */
      readonly flags: number;
    }
  | {
      readonly hop: 'label';
      /** 0x01: the label is for the whole platform. */
      readonly flags: number;
      /** C-Type of the LABEL object whose contents follow. */
      readonly cType: number;
      readonly contents: Uint8Array;
    }
  | { readonly hop: 'unnumbered'; readonly flags: number; readonly routerId: IpAddress; readonly interfaceId: number }
  /** A type that is not decoded, kept as it came. */
  | { readonly hop: 'other'; readonly type: number; readonly data: Uint8Array };

/** RECORD_ROUTE, class 21, C-Type 1 (RFC 3209 4.4). */
export interface RsvpRecordRoute {
  readonly kind: 'recordRoute';
  /** The node added last comes first. */
  readonly hops: readonly RecordedHop[];
}

const TYPE_IPV4 = 1;
const TYPE_IPV6 = 2;
const TYPE_LABEL = 3;
const TYPE_UNNUMBERED = 4;

/** Sub-objects as in EXPLICIT_ROUTE, but the type has all 8 bits (RFC 3209 4.4.1). */
export const recordRoute: ObjectCodec<RsvpRecordRoute> = {
  classNumber: 21,
  cType: 1,
  bodyLength: null,
  keepBad: true,
  decode: (reader) => {
    const hops: RecordedHop[] = [];
    while (reader.remaining > 0) hops.push(readHop(reader));
    return { kind: 'recordRoute', hops };
  },
  encode: (writer, value) => {
    for (const hop of value.hops) writeHop(writer, hop);
  },
};

function readHop(reader: ByteReader): RecordedHop {
  const type = reader.u8();
  const length = readSubObjectLength(reader, type);
  if (type === TYPE_IPV4 || type === TYPE_IPV6) {
    const ip = type === TYPE_IPV4 ? IPV4 : IPV6;
    expectContents(type, length, ip.length + 2);
    return { hop: 'address', address: ip.read(reader), prefixLength: reader.u8(), flags: reader.u8() };
  }
  if (type === TYPE_LABEL) {
    return { hop: 'label', flags: reader.u8(), cType: reader.u8(), contents: copyOf(reader.bytes(length - 2)) };
  }
  if (type === TYPE_UNNUMBERED) {
    expectContents(type, length, 10);
    const flags = reader.u8();
    reader.reserved(1);
    return { hop: 'unnumbered', flags, routerId: IPV4.read(reader), interfaceId: reader.u32() };
  }
  return { hop: 'other', type, data: copyOf(reader.bytes(length)) };
}

function writeHop(writer: ByteWriter, hop: RecordedHop): void {
  const header = (type: number, contents: number): void => {
    writer.u8(type);
    writer.u8(subObjectLength(contents));
  };
  if (hop.hop === 'address') {
    const [type, ip] = addressForm(hop.address);
    header(type, ip.length + 2);
    ip.write(writer, hop.address);
    writer.u8(hop.prefixLength);
    writer.u8(hop.flags);
  } else if (hop.hop === 'label') {
    header(TYPE_LABEL, hop.contents.length + 2);
    writer.u8(hop.flags);
    writer.u8(hop.cType);
    writer.bytes(hop.contents);
  } else if (hop.hop === 'unnumbered') {
    header(TYPE_UNNUMBERED, 10);
    writer.u8(hop.flags);
    writer.u8(0);
    IPV4.write(writer, hop.routerId);
    writer.u32(hop.interfaceId);
  } else {
    header(hop.type, hop.data.length);
    writer.bytes(hop.data);
  }
}
