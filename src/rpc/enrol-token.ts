import { createHash, randomBytes } from 'node:crypto';
import { err, ok, type Result } from '../core/base/result.ts';

const PREFIX = 'hr1_';
const FINGERPRINT_BYTES = 32;
const SECRET_BYTES = 32;

/** A one-time token for an agent's enrolment, read. */
export interface EnrolToken {
  readonly text: string;
  /** SHA-256 of the authority's certificate (DER), hexadecimal: what the agent compares before it sends the token. */
  readonly authorityFingerprint: string;
}

/** @param authorityFingerprint SHA-256 of the certificate's DER, hexadecimal. */
export function newEnrolToken(authorityFingerprint: string): EnrolToken {
  const bytes = Buffer.concat([Buffer.from(authorityFingerprint, 'hex'), randomBytes(SECRET_BYTES)]);
  return { text: PREFIX + bytes.toString('base64url'), authorityFingerprint };
}

/** The error is a sentence; it does not repeat the token. */
export function parseEnrolToken(text: string): Result<EnrolToken, string> {
  const bytes = /^hr1_[A-Za-z0-9_-]{86}$/.test(text) ? Buffer.from(text.slice(PREFIX.length), 'base64url') : null;
  if (bytes?.length !== FINGERPRINT_BYTES + SECRET_BYTES) {
    return err('the enrolment token is not one: it starts with "hr1_" and has 90 characters');
  }
  return ok({ text, authorityFingerprint: bytes.subarray(0, FINGERPRINT_BYTES).toString('hex') });
}

/** What a server keeps of a token. */
export const hashEnrolToken = (text: string): Uint8Array => createHash('sha256').update(text).digest();
