/** One's complement sum of 16-bit words, folded to 16 bits; an odd last byte counts as the high half of a word (RFC 1071 4.1). */
export function onesComplementSum(bytes: Uint8Array): number {
  let sum = 0;
  const even = bytes.length & ~1;
  for (let i = 0; i < even; i += 2) sum += (bytes[i]! << 8) | bytes[i + 1]!;
  if (even < bytes.length) sum += bytes[even]! << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return sum;
}

/** The Internet checksum of RFC 1071, 0 … 65535. Bytes that already hold a right checksum give 0. */
export const internetChecksum = (bytes: Uint8Array): number => ~onesComplementSum(bytes) & 0xffff;
