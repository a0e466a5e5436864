import { badField } from './problem.ts';

/**
 * The entity tag of If-Match with its quotes; null when absent, `*` as it is.
 * @throws ControlError INVALID_ARGUMENT for several tags, weak ones (RFC 9110 13.1.1: they never match) and broken ones.
 */
export function readIfMatch(header: string | undefined): string | null {
  if (header === undefined) return null;
  const text = header.trim();
  if (text === '*') return text;
  if (!/^"[\x21\x23-\x7e]*"$/.test(text))
    throw badField('If-Match', header, 'must be one strong entity tag in quotes, or *');
  return text;
}

/**
 * Idempotency-Key, quoted or bare; null when absent.
 * @throws ControlError INVALID_ARGUMENT unless it is 1 to 255 printable ASCII characters without blanks.
 */
export function readIdempotencyKey(header: string | string[] | undefined): string | null {
  if (header === undefined) return null;
  const text = String(header).trim();
  const key = text.startsWith('"') ? /^"((?:[^"\\]|\\["\\])*)"$/.exec(text)?.[1]?.replace(/\\(.)/g, '$1') : text;
  if (key === undefined || !/^[\x21-\x7e]{1,255}$/.test(key)) {
    throw badField(
      'Idempotency-Key',
      text,
      'must be 1 to 255 printable ASCII characters without blanks, quoted or bare',
    );
  }
  return key;
}
