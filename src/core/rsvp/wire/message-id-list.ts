import type { IpAddress } from '../../base/ip.ts';
import { IPV4, IPV6, type AddressField } from './address-field.ts';
import { readEpoch, writeEpoch } from './message-id.ts';
import { BadObjectError, type ObjectCodec } from './object-codec.ts';

interface ListFields {
  /** Zero. */
  readonly flags: number;
  /** 24 bits, of all the identifiers. */
  readonly epoch: number;
}

/** MESSAGE_ID LIST, class 25, C-Type 1 (RFC 2961 5.1). */
export interface RsvpMessageIdList extends ListFields {
  readonly kind: 'messageIdList';
  /** At least one, 32 bits each. */
  readonly messageIds: readonly number[];
}

/** MESSAGE_ID SRC_LIST, class 25, C-Types 2 and 3: path state in messages to a multicast group. */
export interface RsvpMessageIdSourceList extends ListFields {
  readonly kind: 'messageIdSourceList';
  /** At least one; addresses of one family. */
  readonly entries: readonly { readonly messageId: number; readonly source: IpAddress }[];
}

/** MESSAGE_ID MCAST_LIST, class 25, C-Types 4 and 5: path state of multicast sessions in messages to a neighbour. */
export interface RsvpMessageIdMulticastList extends ListFields {
  readonly kind: 'messageIdMulticastList';
  /** At least one; addresses of one family. */
  readonly entries: readonly {
    readonly messageId: number;
    readonly source: IpAddress;
    readonly destination: IpAddress;
  }[];
}

/** Flags and epoch as in MESSAGE_ID, then what is listed, of one size each. @throws BadObjectError */
function expectEntries(length: number, size: number): void {
  const listed = length - 4;
  if (listed < size || listed % size !== 0) throw new BadObjectError(`${listed} bytes of entries of ${size} bytes`);
}

export const messageIdList: ObjectCodec<RsvpMessageIdList> = {
  classNumber: 25,
  cType: 1,
  bodyLength: null,
  keepBad: true,
  decode: (reader, length) => {
    expectEntries(length, 4);
    const flags = reader.u8();
    const epoch = readEpoch(reader);
    const messageIds: number[] = [];
    while (reader.remaining > 0) messageIds.push(reader.u32());
    return { kind: 'messageIdList', flags, epoch, messageIds };
  },
  encode: (writer, value) => {
    writeEpoch(writer, value);
    for (const messageId of value.messageIds) writer.u32(messageId);
  },
};

const sourceListCodec = (ip: AddressField, cType: number): ObjectCodec<RsvpMessageIdSourceList> => ({
  classNumber: 25,
  cType,
  bodyLength: null,
  keepBad: true,
  decode: (reader, length) => {
    expectEntries(length, 4 + ip.length);
    const flags = reader.u8();
    const epoch = readEpoch(reader);
    const entries: { messageId: number; source: IpAddress }[] = [];
    while (reader.remaining > 0) entries.push({ messageId: reader.u32(), source: ip.read(reader) });
    return { kind: 'messageIdSourceList', flags, epoch, entries };
  },
  encode: (writer, value) => {
    writeEpoch(writer, value);
    for (const { messageId, source } of value.entries) {
      writer.u32(messageId);
      ip.write(writer, source);
    }
  },
});

const multicastListCodec = (ip: AddressField, cType: number): ObjectCodec<RsvpMessageIdMulticastList> => ({
  classNumber: 25,
  cType,
  bodyLength: null,
  keepBad: true,
  decode: (reader, length) => {
    expectEntries(length, 4 + 2 * ip.length);
    const flags = reader.u8();
    const epoch = readEpoch(reader);
    const entries: { messageId: number; source: IpAddress; destination: IpAddress }[] = [];
    while (reader.remaining > 0) {
      entries.push({ messageId: reader.u32(), source: ip.read(reader), destination: ip.read(reader) });
    }
    return { kind: 'messageIdMulticastList', flags, epoch, entries };
  },
  encode: (writer, value) => {
    writeEpoch(writer, value);
    for (const { messageId, source, destination } of value.entries) {
      writer.u32(messageId);
      ip.write(writer, source);
      ip.write(writer, destination);
    }
  },
});

export const messageIdSourceListV4 = sourceListCodec(IPV4, 2);
export const messageIdSourceListV6 = sourceListCodec(IPV6, 3);
export const messageIdMulticastListV4 = multicastListCodec(IPV4, 4);
export const messageIdMulticastListV6 = multicastListCodec(IPV6, 5);
