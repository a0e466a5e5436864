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
