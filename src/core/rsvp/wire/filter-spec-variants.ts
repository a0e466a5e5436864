import type { ByteReader, ByteWriter } from '../../base/bytes.ts';
import { IPV4, IPV6, type AddressField } from './address-field.ts';
import type { ObjectCodec } from './object-codec.ts';
import type { IpAddress } from '../../base/ip.ts';

interface FlowLabelSource {
  /** IPv6. */
  readonly source: IpAddress;
  /** 24 bits on the wire, of which IPv6 has 20. */
  readonly flowLabel: number;
}
interface GpiSource {
  readonly source: IpAddress;
  /** Generalized port identifier, 32 bits: the SPI of ESP and AH. */
  readonly gpi: number;
}
interface LspSource {
  /** The ingress. */
  readonly source: IpAddress;
  /** 0 … 65535. */
  readonly lspId: number;
}

/** FILTER_SPEC, class 10, C-Type 3 (RFC 2205 A.8). */
export interface RsvpFlowLabelFilterSpec extends FlowLabelSource {
  readonly kind: 'flowLabelFilterSpec';
}
/** SENDER_TEMPLATE, class 11, C-Type 3. */
export interface RsvpFlowLabelSenderTemplate extends FlowLabelSource {
  readonly kind: 'flowLabelSenderTemplate';
}
/** FILTER_SPEC, C-Types 4 and 5 (RFC 2207 3.2). */
export interface RsvpGpiFilterSpec extends GpiSource {
  readonly kind: 'gpiFilterSpec';
}
/** SENDER_TEMPLATE, C-Types 4 and 5 (RFC 2207 3.3). */
export interface RsvpGpiSenderTemplate extends GpiSource {
  readonly kind: 'gpiSenderTemplate';
}
/** FILTER_SPEC of an LSP tunnel, C-Types 7 and 8 (RFC 3209 4.6.3). */
export interface RsvpLspFilterSpec extends LspSource {
  readonly kind: 'lspFilterSpec';
}
/** SENDER_TEMPLATE of an LSP tunnel, C-Types 7 and 8 (RFC 3209 4.6.2). */
export interface RsvpLspSenderTemplate extends LspSource {
  readonly kind: 'lspSenderTemplate';
}

const FILTER_SPEC = 10;
const SENDER_TEMPLATE = 11;

/** An address (4 or 16 bytes) and a word whose meaning the C-Type tells. */
function sourceCodec<T extends { readonly source: IpAddress }>(
  classNumber: number,
  cType: number,
  ip: AddressField,
  read: (reader: ByteReader, source: IpAddress) => T,
  write: (writer: ByteWriter, value: T) => void,
): ObjectCodec<T> {
  return {
    classNumber,
    cType,
    bodyLength: ip.length + 4,
    keepBad: true,
    decode: (reader) => read(reader, ip.read(reader)),
    encode: (writer, value) => {
      ip.write(writer, value.source);
      write(writer, value);
    },
  };
}

/** |  //////  |  Flow Label (24 bits)  | */
const readFlowLabel = (reader: ByteReader): number => {
  reader.reserved(1);
  return (reader.u8() << 16) | reader.u16();
};
const writeFlowLabel = (writer: ByteWriter, value: FlowLabelSource): void => writer.u32(value.flowLabel & 0xff_ffff);
const writeGpi = (writer: ByteWriter, value: GpiSource): void => writer.u32(value.gpi);
/** |  MUST be zero (16 bits)  |  LSP ID (16 bits)  | */
const readLspId = (reader: ByteReader): number => {
  reader.reserved(2);
  return reader.u16();
};
const writeLspId = (writer: ByteWriter, value: LspSource): void => {
  writer.reserved(2);
  writer.u16(value.lspId);
};

export const flowLabelFilterSpec = sourceCodec<RsvpFlowLabelFilterSpec>(
  FILTER_SPEC,
  3,
  IPV6,
  (reader, source) => ({ kind: 'flowLabelFilterSpec', source, flowLabel: readFlowLabel(reader) }),
  writeFlowLabel,
);
export const flowLabelSenderTemplate = sourceCodec<RsvpFlowLabelSenderTemplate>(
  SENDER_TEMPLATE,
  3,
  IPV6,
  (reader, source) => ({ kind: 'flowLabelSenderTemplate', source, flowLabel: readFlowLabel(reader) }),
  writeFlowLabel,
);

const gpiFilterSpecCodec = (cType: number, ip: AddressField): ObjectCodec<RsvpGpiFilterSpec> =>
  sourceCodec(
    FILTER_SPEC,
    cType,
    ip,
    (reader, source) => ({ kind: 'gpiFilterSpec', source, gpi: reader.u32() }),
    writeGpi,
  );
const gpiSenderTemplateCodec = (cType: number, ip: AddressField): ObjectCodec<RsvpGpiSenderTemplate> =>
  sourceCodec(
    SENDER_TEMPLATE,
    cType,
    ip,
    (reader, source) => ({ kind: 'gpiSenderTemplate', source, gpi: reader.u32() }),
    writeGpi,
  );
const lspFilterSpecCodec = (cType: number, ip: AddressField): ObjectCodec<RsvpLspFilterSpec> =>
  sourceCodec(
    FILTER_SPEC,
    cType,
    ip,
    (reader, source) => ({ kind: 'lspFilterSpec', source, lspId: readLspId(reader) }),
    writeLspId,
  );
const lspSenderTemplateCodec = (cType: number, ip: AddressField): ObjectCodec<RsvpLspSenderTemplate> =>
  sourceCodec(
    SENDER_TEMPLATE,
    cType,
    ip,
    (reader, source) => ({ kind: 'lspSenderTemplate', source, lspId: readLspId(reader) }),
    writeLspId,
  );

export const gpiFilterSpecV4 = gpiFilterSpecCodec(4, IPV4);
export const gpiFilterSpecV6 = gpiFilterSpecCodec(5, IPV6);
export const gpiSenderTemplateV4 = gpiSenderTemplateCodec(4, IPV4);
export const gpiSenderTemplateV6 = gpiSenderTemplateCodec(5, IPV6);
export const lspFilterSpecV4 = lspFilterSpecCodec(7, IPV4);
export const lspFilterSpecV6 = lspFilterSpecCodec(8, IPV6);
export const lspSenderTemplateV4 = lspSenderTemplateCodec(7, IPV4);
export const lspSenderTemplateV6 = lspSenderTemplateCodec(8, IPV6);
