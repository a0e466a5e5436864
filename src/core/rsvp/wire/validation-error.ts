import { ToldError } from '../../base/told-error.ts';

/** Why a decoded message cannot be processed. `detail` is a sentence for people; classes are named as RFC 2205 writes them. */
export type ValidationError = { readonly detail: string } & (
  | { readonly reason: 'unknownMessageType'; readonly type: number }
  | { readonly reason: 'missingObject' | 'duplicateObject' | 'misplacedObject'; readonly className: string }
  | { readonly reason: 'unknownClass' | 'unknownCType'; readonly classNumber: number; readonly cType: number }
  /** The contents of an object that the caller handles contradict its layout. */
  | { readonly reason: 'malformedObject'; readonly classNumber: number; readonly cType: number }
  /** FLOWSPEC for a service other than controlled load and guaranteed. */
  | { readonly reason: 'unsupportedService' }
  | { readonly reason: 'unknownStyle'; readonly optionVector: number }
  /** More or fewer flow descriptors than style and message type allow. */
  | { readonly reason: 'badFlowDescriptors'; readonly flowspecs: number; readonly filters: number }
  /** A source port in a session without a destination port (RFC 2205 3.2). */
  | { readonly reason: 'badSourcePort'; readonly sourcePort: number }
  /** A session to 0.0.0.0 or `::`, or of protocol 0 (RFC 2205 A.1: both non-zero). */
  | { readonly reason: 'badSession' }
  /** A sender with the address 0.0.0.0 or `::` (RFC 2205 A.9: non-zero). */
  | { readonly reason: 'badSender'; readonly className: string }
  /** IPv4 and IPv6 addresses in one message. */
  | { readonly reason: 'mixedFamilies'; readonly className: string }
);

/**
 * The error code and value that go back in a PathErr or ResvErr (RFC 2205 3.10 and appendix B); null for faults that are
 * logged locally and not reported, which is what RFC 2205 appendix B says of malformed messages.
 */
export function reportableError(error: ValidationError): { errorCode: number; errorValue: number } | null {
  switch (error.reason) {
    case 'unknownClass':
      return { errorCode: 13, errorValue: (error.classNumber << 8) | error.cType };
    case 'unknownCType':
      return { errorCode: 14, errorValue: (error.classNumber << 8) | error.cType };
    case 'unsupportedService':
      return { errorCode: 21, errorValue: 2 };
    case 'unknownStyle':
      return { errorCode: 6, errorValue: 0 };
    default:
      return null;
  }
}

/** Carries a ValidationError out of nested checks to `validateMessage`, which alone catches it. */
export class Refused extends ToldError {
  readonly error: ValidationError;
  constructor(error: ValidationError) {
    super(error.detail);
    this.error = error;
  }
}
