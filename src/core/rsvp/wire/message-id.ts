import type { ByteReader, ByteWriter } from '../../base/bytes.ts';
import type { ObjectCodec } from './object-codec.ts';

interface MessageIdFields {
  /** In MESSAGE_ID see MESSAGE_ID_ACK_DESIRED; zero in the others. */
  readonly flags: number;
  /** 24 bits, another after each restart of the one who counts. */
  readonly epoch: number;
  /** 32 bits, growing within an epoch. */
  readonly messageId: number;
}

/** MESSAGE_ID, class 23, C-Type 1 (RFC 2961 4.2). */
export interface RsvpMessageId extends MessageIdFields {
  readonly kind: 'messageId';
}
/** MESSAGE_ID_ACK, class 24, C-Type 1 (RFC 2961 4.3). */
export interface RsvpMessageIdAck extends MessageIdFields {
  readonly kind: 'messageIdAck';
}
/** MESSAGE_ID_NACK, class 24, C-Type 2 (RFC 2961 4.3). */
export interface RsvpMessageIdNack extends MessageIdFields {
  readonly kind: 'messageIdNack';
}

/** The sender repeats the message until it is acknowledged (RFC 2961 4.2). */
export const MESSAGE_ID_ACK_DESIRED = 0x01;

/**
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |     Flags     |                      Epoch                    |
 *     |                       Message_Identifier                      |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
export const readEpoch = (reader: ByteReader): number => (reader.u8() << 16) | reader.u16();
export function writeEpoch(writer: ByteWriter, { flags, epoch }: { flags: number; epoch: number }): void {
  writer.u8(flags);
  writer.u8(epoch >>> 16);
  writer.u16(epoch & 0xffff);
}
const encode = (writer: ByteWriter, value: MessageIdFields): void => {
  writeEpoch(writer, value);
  writer.u32(value.messageId);
};

export const messageId: ObjectCodec<RsvpMessageId> = {
  classNumber: 23,
  cType: 1,
  bodyLength: 8,
  keepBad: true,
  decode: (reader) => ({
    kind: 'messageId',
    flags: reader.u8(),
    epoch: readEpoch(reader),
    messageId: reader.u32(),
  }),
  encode,
};

export const messageIdAck: ObjectCodec<RsvpMessageIdAck> = {
  classNumber: 24,
  cType: 1,
  bodyLength: 8,
  keepBad: true,
  decode: (reader) => ({
    kind: 'messageIdAck',
    flags: reader.u8(),
    epoch: readEpoch(reader),
    messageId: reader.u32(),
  }),
  encode,
};

export const messageIdNack: ObjectCodec<RsvpMessageIdNack> = {
  classNumber: 24,
  cType: 2,
  bodyLength: 8,
  keepBad: true,
  decode: (reader) => ({
    kind: 'messageIdNack',
    flags: reader.u8(),
    epoch: readEpoch(reader),
    messageId: reader.u32(),
  }),
  encode,
};
