/**
 * Why bytes are not an RSVP message. The list is closed and what happens next is always the same: the message is dropped,
 * counted by reason, and nobody is told, since nothing in it can be trusted (RFC 2205 appendix B). `offset` counts from the first byte of the common header;
 * `detail` is a sentence for people.
 */
export type DecodeError = { readonly offset: number; readonly detail: string } & (
  | {
      /** Fewer bytes than a common header. */
      readonly reason: 'tooShort';
      readonly length: number;
    }
  | { readonly reason: 'badVersion'; readonly version: number }
  | {
      /** RSVP Length differs from the bytes that came, or is not a multiple of 4. */
      readonly reason: 'badLength';
      readonly length: number;
      readonly available: number;
    }
  | { readonly reason: 'badChecksum'; readonly received: number; readonly computed: number }
  | {
      /** An object's length is below 4 or not a multiple of 4 (RFC 2205 3.1.2). */
      readonly reason: 'badObjectLength';
      readonly classNumber: number;
      readonly cType: number;
      readonly length: number;
    }
  | {
      /** An object is longer than what is left of the message. */
      readonly reason: 'objectOverrun';
      readonly classNumber: number;
      readonly cType: number;
      readonly length: number;
      readonly available: number;
    }
  | {
      /** A Bundle without a message in it, or with a Bundle in it (RFC 2961 3.2). */
      readonly reason: 'badBundle';
    }
  | {
      /** An object's contents contradict the layout of its class and C-Type. */
      readonly reason: 'badObject';
      readonly classNumber: number;
      readonly cType: number;
      readonly length: number;
    }
);
