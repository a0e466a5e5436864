import { BadObjectError, type ObjectCodec } from './object-codec.ts';

/** DCLASS, class 225, C-Type 1 (RFC 2996 2): marks that a network downstream asks for. Class 65 is DIFFSERV (RFC 3270). */
export interface RsvpDclass {
  readonly kind: 'dclass';
  /** At least one, 6 bits each. */
  readonly codePoints: readonly number[];
}

/** A word each: |  Unused (24 bits)  |  DSCP (6 bits)  |  unused (2 bits)  | */
export const dclass: ObjectCodec<RsvpDclass> = {
  classNumber: 225,
  cType: 1,
  bodyLength: null,
  keepBad: true,
  decode: (reader, length) => {
    if (length === 0) throw new BadObjectError('no code point');
    const codePoints: number[] = [];
    while (reader.remaining > 0) {
      reader.reserved(3);
      const last = reader.u8();
      if ((last & 3) !== 0) reader.inexact = true;
      codePoints.push(last >>> 2);
    }
    return { kind: 'dclass', codePoints };
  },
  encode: (writer, value) => {
    for (const codePoint of value.codePoints) writer.u32((codePoint & 0x3f) << 2);
  },
};
