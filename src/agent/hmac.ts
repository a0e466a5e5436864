import { createHmac } from 'node:crypto';
import type { DigestFunction } from '../core/rsvp/wire/integrity.ts';

/** The keyed digests of RFC 2747 and 2104 by the platform. */
export const hmac: DigestFunction = (algorithm, key, bytes) =>
  new Uint8Array(createHmac(algorithm.slice('hmac-'.length), key).update(bytes).digest());
