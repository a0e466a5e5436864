import type { ByteReader, ByteWriter } from '../../base/bytes.ts';
import { IPV4, IPV6, type AddressField } from './address-field.ts';
import type { ObjectCodec } from './object-codec.ts';
import type { IpAddress } from '../../base/ip.ts';

/** FILTER_SPEC, class 10, C-Types 1 and 2 (RFC 2205 A.8). */
export interface RsvpFilterSpec {
  readonly kind: 'filterSpec';
  readonly source: IpAddress;
  /** 0 … 65535; 0 = any. */
  readonly sourcePort: number;
}

/** SENDER_TEMPLATE, class 11: same layout (RFC 2205 A.9). */
export interface RsvpSenderTemplate {
  readonly kind: 'senderTemplate';
  readonly source: IpAddress;
  readonly sourcePort: number;
}

/**
 *     +-------------+-------------+-------------+-------------+
 *     |       SrcAddress (4 bytes, or 16 with C-Type 2)       |
 *     +-------------+-------------+-------------+-------------+
 *     |    //////   |    //////   |          SrcPort          |
 *     +-------------+-------------+-------------+-------------+
 */
function readSourcePort(reader: ByteReader): number {
  reader.reserved(2);
  return reader.u16();
}

function writeSource(ip: AddressField, writer: ByteWriter, value: RsvpFilterSpec | RsvpSenderTemplate): void {
  ip.write(writer, value.source);
  writer.u16(0);
  writer.u16(value.sourcePort);
}

const filterSpecCodec = (ip: AddressField): ObjectCodec<RsvpFilterSpec> => ({
  classNumber: 10,
  cType: ip.cType,
  bodyLength: ip.length + 4,
  decode: (reader) => ({ kind: 'filterSpec', source: ip.read(reader), sourcePort: readSourcePort(reader) }),
  encode: (writer, filter) => writeSource(ip, writer, filter),
});

const senderTemplateCodec = (ip: AddressField): ObjectCodec<RsvpSenderTemplate> => ({
  classNumber: 11,
  cType: ip.cType,
  bodyLength: ip.length + 4,
  decode: (reader) => ({ kind: 'senderTemplate', source: ip.read(reader), sourcePort: readSourcePort(reader) }),
  encode: (writer, template) => writeSource(ip, writer, template),
});

export const filterSpecV4 = filterSpecCodec(IPV4);
export const filterSpecV6 = filterSpecCodec(IPV6);
export const senderTemplateV4 = senderTemplateCodec(IPV4);
export const senderTemplateV6 = senderTemplateCodec(IPV6);
