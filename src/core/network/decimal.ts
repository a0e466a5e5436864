/** A decimal number, with or without exponent; undefined for anything else (no hexadecimal, no blanks, no `10 Gbps`). */
export function decimal(text: string | undefined): number | undefined {
  if (text === undefined || !/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}
