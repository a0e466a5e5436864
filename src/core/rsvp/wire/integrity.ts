import { copyOf } from '../../base/bytes.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { decodeHeader, decodeObjects } from './codec.ts';
import { INTEGRITY_DIGEST_OFFSET, type RsvpIntegrity } from './integrity-object.ts';
import type { RsvpObject } from './objects.ts';

/** HMAC-MD5 is what RFC 2747 demands of everybody, HMAC-SHA1 what it names beside it; SHA-256 is a local algorithm. */
export type IntegrityAlgorithm = 'hmac-md5' | 'hmac-sha1' | 'hmac-sha256';

/** Length of the digest in bytes. */
export const DIGEST_BYTES: Readonly<Record<IntegrityAlgorithm, number>> = {
  'hmac-md5': 16,
  'hmac-sha1': 20,
  'hmac-sha256': 32,
};

/** Computes a keyed digest of the algorithm's length; the caller brings it, since core has no cryptography. */
export type DigestFunction = (algorithm: IntegrityAlgorithm, key: Uint8Array, bytes: Uint8Array) => Uint8Array;

export interface IntegrityKey {
  readonly algorithm: IntegrityAlgorithm;
  readonly key: Uint8Array;
}

/** Why a message is not proved to be from who has the key. All are discarded without an answer (RFC 2747 4, 4.2). */
export interface IntegrityError {
  /** `unreadable`: no INTEGRITY object can be found, since the message is damaged before it or the object itself is. */
  readonly reason: 'unreadable' | 'noIntegrity' | 'twoIntegrity' | 'wrongDigest';
  readonly detail: string;
}

const CHECKSUM_OFFSET = 2;
const HEADER_BYTES = 8;
const INTEGRITY_CLASS = 4;

/** The object to put into a message that will be signed: its digest is zero and as long as the algorithm's. */
export const unsignedIntegrity = (
  algorithm: IntegrityAlgorithm,
  fields: Pick<RsvpIntegrity, 'flags' | 'keyId' | 'sequenceNumber'>,
): RsvpIntegrity => ({ kind: 'integrity', ...fields, digest: new Uint8Array(DIGEST_BYTES[algorithm]) });

/**
 * The INTEGRITY object of a message as received, by which the key is chosen. Of a Bundle it is asked message by message,
 * see `splitBundle`. Nothing is verified yet, the checksum neither.
 */
export function findIntegrity(bytes: Uint8Array): Result<RsvpIntegrity, IntegrityError> {
  const found = locate(bytes);
  return found.ok ? ok(found.value.integrity) : found;
}

/**
 * A copy of an encoded message with the digest written into its INTEGRITY object (RFC 2747 4.1). The RSVP checksum becomes
 * zero, none: the digest is much stronger, and it is computed over a zero checksum anyway.
 * @throws RangeError for a message without exactly one INTEGRITY object with a digest of the algorithm's length.
 */
export function signMessage(bytes: Uint8Array, key: IntegrityKey, digest: DigestFunction): Uint8Array {
  const found = locate(bytes);
  if (!found.ok) throw new RangeError(found.error.detail);
  const { integrity, digestOffset } = found.value;
  if (integrity.digest.length !== DIGEST_BYTES[key.algorithm]) {
    throw new RangeError(`${key.algorithm} makes ${DIGEST_BYTES[key.algorithm]} bytes, not ${integrity.digest.length}`);
  }
  const signed = blank(bytes, digestOffset, integrity.digest.length);
  signed.set(digest(key.algorithm, key.key, signed), digestOffset);
  return signed;
}

/** Whether the digest of a received message is the key's (RFC 2747 4.2, 1 to 5); sequence numbers are the caller's affair. */
export function verifyMessage(
  bytes: Uint8Array,
  key: IntegrityKey,
  digest: DigestFunction,
): Result<RsvpIntegrity, IntegrityError> {
  const found = locate(bytes);
  if (!found.ok) return found;
  const { integrity, digestOffset } = found.value;
  const computed = digest(key.algorithm, key.key, blank(bytes, digestOffset, integrity.digest.length));
  if (sameBytes(computed, integrity.digest)) return ok(integrity);
  return err({ reason: 'wrongDigest', detail: `digest is not that of the key with ${key.algorithm}` });
}

function locate(bytes: Uint8Array): Result<{ integrity: RsvpIntegrity; digestOffset: number }, IntegrityError> {
  const header = decodeHeader(bytes);
  if (!header.ok) return err({ reason: 'unreadable', detail: header.error.detail });
  let found: { integrity: RsvpIntegrity; digestOffset: number } | null = null;
  for (let at = HEADER_BYTES; at < bytes.length;) {
    const length = (bytes[at]! << 8) | bytes[at + 1]!;
    if (length < 4 || length % 4 !== 0 || length > bytes.length - at) {
      return err({ reason: 'unreadable', detail: `an object of length ${length} at offset ${at}` });
    }
    if (bytes[at + 2] === INTEGRITY_CLASS) {
      if (found) return err({ reason: 'twoIntegrity', detail: 'two INTEGRITY objects' });
      const integrity = decodeIntegrity(bytes.subarray(at, at + length));
      if (!integrity) return err({ reason: 'unreadable', detail: `INTEGRITY of length ${length} at offset ${at}` });
      found = { integrity, digestOffset: at + INTEGRITY_DIGEST_OFFSET };
    }
    at += length;
  }
  return found ? ok(found) : err({ reason: 'noIntegrity', detail: 'no INTEGRITY object' });
}

function decodeIntegrity(object: Uint8Array): RsvpIntegrity | null {
  const message = new Uint8Array(HEADER_BYTES + object.length);
  message.set(object, HEADER_BYTES);
  const objects: RsvpObject[] = [];
  decodeObjects(message, objects);
  const [first] = objects;
  return first?.kind === 'integrity' ? first : null;
}

/** A copy with checksum and digest zero, over which the digest is computed. */
function blank(bytes: Uint8Array, digestOffset: number, digestLength: number): Uint8Array {
  const copy = copyOf(bytes);
  copy.fill(0, CHECKSUM_OFFSET, CHECKSUM_OFFSET + 2);
  copy.fill(0, digestOffset, digestOffset + digestLength);
  return copy;
}

/** In a time that does not tell where they differ. */
function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ b[i]!;
  return difference === 0;
}
