import { copyOf } from '../../base/bytes.ts';
import { BadObjectError, type ObjectCodec } from './object-codec.ts';

/** INTEGRITY, class 4, C-Type 1 (RFC 2747 2.1). */
export interface RsvpIntegrity {
  readonly kind: 'integrity';
  /** See `isHandshakeOffered`. */
  readonly flags: number;
  /** 48 bits. */
  readonly keyId: number;
  /** 64 bits. */
  readonly sequenceNumber: bigint;
  /** As long as the algorithm makes it, whole words: 16 bytes with HMAC-MD5. */
  readonly digest: Uint8Array;
}

/** The Handshake Flag of RFC 2747 2.1: bit 0, which is the highest of the byte. */
export const INTEGRITY_HANDSHAKE = 0x80;
/** Where routers in the field have it: bit 0 counted from the other end. */
const INTEGRITY_HANDSHAKE_LOW = 0x01;

/** The sender answers an integrity challenge (RFC 2747 4.3). */
export const isHandshakeOffered = (integrity: RsvpIntegrity): boolean =>
  (integrity.flags & (INTEGRITY_HANDSHAKE | INTEGRITY_HANDSHAKE_LOW)) !== 0;

/** Bytes of an INTEGRITY object before its digest, object header included. */
export const INTEGRITY_DIGEST_OFFSET = 20;
const TWO_TO_32 = 0x1_0000_0000;

/**
 *     +-------------+-------------+-------------+-------------+
 *     |    Flags    | 0 (Reserved)|                           |
 *     +-------------+-------------+                           +
 *     |                    Key Identifier                     |
 *     +-------------+-------------+-------------+-------------+
 *     |                    Sequence Number (8 bytes)          |
 *     +-------------+-------------+-------------+-------------+
 *     //                 Keyed Message Digest                //
 */
export const integrity: ObjectCodec<RsvpIntegrity> = {
  classNumber: 4,
  cType: 1,
  bodyLength: null,
  keepBad: true,
  decode: (reader, length) => {
    if (length < INTEGRITY_DIGEST_OFFSET) throw new BadObjectError(`contents of ${length} bytes have no digest`);
    const flags = reader.u8();
    reader.reserved(1);
    const keyId = reader.u16() * TWO_TO_32 + reader.u32();
    const sequenceNumber = reader.u64();
    return { kind: 'integrity', flags, keyId, sequenceNumber, digest: copyOf(reader.bytes(reader.remaining)) };
  },
  encode: (writer, value) => {
    writer.u8(value.flags);
    writer.u8(0);
    writer.u16(Math.floor(value.keyId / TWO_TO_32));
    writer.u32(value.keyId % TWO_TO_32);
    writer.u64(value.sequenceNumber);
    writer.bytes(value.digest);
  },
};
