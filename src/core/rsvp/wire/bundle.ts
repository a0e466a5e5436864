import { err, ok, type Result } from '../../base/result.ts';
import type { DecodeError } from './decode-error.ts';
import { MESSAGE_TYPE } from './message.ts';

const HEADER_BYTES = 8;

/**
 * The messages in a Bundle as views on it, each whole with its header (RFC 2961 3.2); the Bundle's own header is not judged
 * here. Every one is to be decoded, verified and judged as if it had come by itself, with the Bundle's Send_TTL.
 * A Bundle in a Bundle is refused, so that the work stays linear.
 */
export function splitBundle(bytes: Uint8Array): Result<Uint8Array[], DecodeError> {
  const parts: Uint8Array[] = [];
  for (let at = HEADER_BYTES; at < bytes.length;) {
    const left = bytes.length - at;
    if (left < HEADER_BYTES) {
      const detail = `${left} bytes are left of the Bundle, a common header has ${HEADER_BYTES}`;
      return err({ reason: 'tooShort', offset: at, detail, length: left });
    }
    const length = (bytes[at + 6]! << 8) | bytes[at + 7]!;
    if (length < HEADER_BYTES || length % 4 !== 0 || length > left) {
      const detail = `a message in the Bundle has length ${length}, ${left} bytes are left`;
      return err({ reason: 'badLength', offset: at + 6, detail, length, available: left });
    }
    if (bytes[at + 1] === MESSAGE_TYPE.bundle) {
      return err({ reason: 'badBundle', offset: at + 1, detail: 'a Bundle in a Bundle' });
    }
    parts.push(bytes.subarray(at, at + length));
    at += length;
  }
  if (parts.length > 0) return ok(parts);
  return err({ reason: 'badBundle', offset: bytes.length, detail: 'a Bundle without a message' });
}
