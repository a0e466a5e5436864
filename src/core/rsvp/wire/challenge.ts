import { copyOf } from '../../base/bytes.ts';
import { BadObjectError, type ObjectCodec } from './object-codec.ts';

/** CHALLENGE, class 64, C-Type 1 (RFC 2747 4.3). */
export interface RsvpChallenge {
  readonly kind: 'challenge';
  /** 48 bits: the key that the answer shall be signed with. */
  readonly keyId: number;
  /** What the answer must repeat, whole words; RFC 2747 draws 8 bytes. */
  readonly cookie: Uint8Array;
}

const TWO_TO_32 = 0x1_0000_0000;

/**
 *     +-------------+-------------+-------------+-------------+
 *     |        0 (Reserved)       |                           |
 *     +-------------+-------------+                           +
 *     |                    Key Identifier                     |
 *     +-------------+-------------+-------------+-------------+
 *     //                   Challenge Cookie                  //
 */
export const challenge: ObjectCodec<RsvpChallenge> = {
  classNumber: 64,
  cType: 1,
  bodyLength: null,
  keepBad: true,
  decode: (reader, length) => {
    if (length < 12) throw new BadObjectError(`contents of ${length} bytes have no cookie`);
    reader.reserved(2);
    const keyId = reader.u16() * TWO_TO_32 + reader.u32();
    return { kind: 'challenge', keyId, cookie: copyOf(reader.bytes(reader.remaining)) };
  },
  encode: (writer, value) => {
    writer.reserved(2);
    writer.u16(Math.floor(value.keyId / TWO_TO_32));
    writer.u32(value.keyId % TWO_TO_32);
    writer.bytes(value.cookie);
  },
};
