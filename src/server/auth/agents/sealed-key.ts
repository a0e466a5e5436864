import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from 'node:crypto';

const FORMAT = 1;
const SALT_BYTES = 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEADER_BYTES = 1 + SALT_BYTES + NONCE_BYTES + TAG_BYTES;
/** RFC 7914: 32 MiB and some 0.1 s, once at a start. */
const SCRYPT = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 };

/**
 * Encrypts a private key with AES-256-GCM under a secret (key by scrypt), bound to the id of what it belongs to.
 * Layout: format (1 byte), salt (16), nonce (12), tag (16), ciphertext.
 */
export function sealKey(plain: Uint8Array, secret: string, id: string): Uint8Array {
  const salt = randomBytes(SALT_BYTES);
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', keyOf(secret, salt), nonce).setAAD(Buffer.from(id));
  const ciphertext = Buffer.concat([cipher.update(plain), cipher.final()]);
  return Buffer.concat([Buffer.from([FORMAT]), salt, nonce, cipher.getAuthTag(), ciphertext]);
}

/** The key again; null where the secret is another one, or the bytes were changed. */
export function openKey(sealed: Uint8Array, secret: string, id: string): Uint8Array | null {
  const bytes = Buffer.from(sealed);
  if (bytes.length <= HEADER_BYTES || bytes[0] !== FORMAT) return null;
  const salt = bytes.subarray(1, 1 + SALT_BYTES);
  const nonce = bytes.subarray(1 + SALT_BYTES, 1 + SALT_BYTES + NONCE_BYTES);
  const decipher = createDecipheriv('aes-256-gcm', keyOf(secret, salt), nonce, { authTagLength: TAG_BYTES })
    .setAAD(Buffer.from(id))
    .setAuthTag(bytes.subarray(HEADER_BYTES - TAG_BYTES, HEADER_BYTES));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(HEADER_BYTES)), decipher.final()]);
  } catch {
    return null;
  }
}

const keyOf = (secret: string, salt: Uint8Array): Buffer => scryptSync(secret, salt, 32, SCRYPT);
