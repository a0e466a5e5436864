const PRIME = 0x0100_0193;

/** 53 bits of a message: equal messages have equal ones, and two that differ practically never (two rounds of FNV-1a). */
export function fingerprint(bytes: Uint8Array): number {
  let a = 0x811c_9dc5;
  let b = 0x1234_5678;
  for (let i = 0; i < bytes.length; i++) {
    a = Math.imul(a ^ bytes[i]!, PRIME);
    b = Math.imul(b ^ bytes[i]!, PRIME + 2);
  }
  return (a >>> 0) * 0x20_0000 + (b >>> 11);
}
