import type { ObjectCodec } from './object-codec.ts';

/** STYLE, class 8 (RFC 2205 A.7). */
export interface RsvpStyle {
  readonly kind: 'style';
  readonly flags: number;
  /** 24-bit option vector; unknown vectors are kept. */
  readonly optionVector: number;
}

/** Option vectors of RFC 2205 A.7. */
export const STYLE_WF = 0x11;
export const STYLE_FF = 0x0a;
export const STYLE_SE = 0x12;

/**
 *     +-------------+-------------+-------------+-------------+
 *     |   Flags     |              Option Vector              |
 *     +-------------+-------------+-------------+-------------+
 */
export const style: ObjectCodec<RsvpStyle> = {
  classNumber: 8,
  cType: 1,
  bodyLength: 4,
  decode: (reader) => ({ kind: 'style', flags: reader.u8(), optionVector: (reader.u8() << 16) | reader.u16() }),
  encode: (writer, value) => {
    writer.u8(value.flags);
    writer.u8(value.optionVector >>> 16);
    writer.u16(value.optionVector & 0xffff);
  },
};
