export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

/** JSON has no infinity and no NaN, and both arrive on the wire: they become the strings that JavaScript prints. */
export const numberJson = (value: number): Json => (Number.isFinite(value) ? value : String(value));

export const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
