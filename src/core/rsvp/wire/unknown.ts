/** An object of a class or C-Type that is not decoded; kept for forwarding (RFC 2205 3.10). */
export interface RsvpUnknown {
  readonly kind: 'unknown';
  readonly classNumber: number;
  readonly cType: number;
  readonly body: Uint8Array;
}
