/** An object of a class or C-Type that is not decoded, or damaged; kept for forwarding (RFC 2205 3.10). */
export interface RsvpUnknown {
  readonly kind: 'unknown';
  readonly classNumber: number;
  readonly cType: number;
  readonly body: Uint8Array;
}

/** Classes that RFC 2205 3.1.2 requires every implementation to recognise, be it to pass over them. */
const NULL_OBJECT = 0;
const INTEGRITY = 4;
const SCOPE = 7;
export const POLICY_DATA = 14;

/**
 * What becomes of an object whose class nobody here handles, decoded or not, by its two high bits (RFC 2205 3.10):
 * `0bbbbbbb` the whole message is rejected with error 13, `10bbbbbb` it is ignored, `11bbbbbb` ignored but forwarded unchanged.
 * NULL, INTEGRITY and SCOPE are recognised and need no action; POLICY_DATA is opaque and passed on (RFC 2205 2.7).
 */
export function unknownObjectAction(classNumber: number): 'reject' | 'ignore' | 'forward' {
  if (classNumber === NULL_OBJECT || classNumber === INTEGRITY || classNumber === SCOPE) return 'ignore';
  if (classNumber === POLICY_DATA) return 'forward';
  if (classNumber < 0x80) return 'reject';
  return classNumber < 0xc0 ? 'ignore' : 'forward';
}
