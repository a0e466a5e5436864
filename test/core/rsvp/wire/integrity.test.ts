import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeMessage, encodeMessage } from '../../../../src/core/rsvp/wire/codec.ts';
import {
  DIGEST_BYTES,
  findIntegrity,
  signMessage,
  unsignedIntegrity,
  verifyMessage,
  type DigestFunction,
  type IntegrityAlgorithm,
} from '../../../../src/core/rsvp/wire/integrity.ts';
import { rsvpMessages } from '../../../support/captures.ts';
import { rsvpMessage } from './arbitrary.ts';

const digest: DigestFunction = (algorithm, key, bytes) =>
  new Uint8Array(createHmac(algorithm.slice('hmac-'.length), key).update(bytes).digest());
const key = (text: string, algorithm: IntegrityAlgorithm = 'hmac-md5') => ({ algorithm, key: Buffer.from(text) });
const algorithms = Object.keys(DIGEST_BYTES) as IntegrityAlgorithm[];

describe('a message that a router signed', () => {
  const [received] = rsvpMessages('john-rsvp-integrity-hmac-md5.pcap');
  const bytes = received!.bytes;

  test('verifies with its key and no other', () => {
    expect(verifyMessage(bytes, key('password12345'), digest)).toMatchObject({
      ok: true,
      value: { keyId: 1, sequenceNumber: 0xd7e9_5bfa_0000_003an, flags: 1 },
    });
    expect(verifyMessage(bytes, key('password12346'), digest)).toMatchObject({ ok: false });
    expect(verifyMessage(bytes, key('password12345', 'hmac-sha1'), digest)).toMatchObject({
      ok: false,
      error: { reason: 'wrongDigest' },
    });
  });

  test('signed again it is the same', () => {
    const decoded = decodeMessage(bytes);
    if (!decoded.ok) return expect.unreachable();
    const objects = decoded.value.message.objects.map((object) =>
      object.kind === 'integrity' ? { ...object, digest: new Uint8Array(16) } : object,
    );
    const again = signMessage(encodeMessage({ ...decoded.value.message, objects }), key('password12345'), digest);
    expect(Buffer.from(again).toString('hex')).toBe(Buffer.from(bytes).toString('hex'));
  });

  test('a checksum computed afterwards does no harm (RFC 2747 4.1)', () => {
    const decoded = decodeMessage(bytes);
    const again = encodeMessage(decoded.ok ? decoded.value.message : expect.unreachable());
    expect(decodeMessage(again)).toMatchObject({ ok: true, value: { checksum: 'valid' } });
    expect(verifyMessage(again, key('password12345'), digest)).toMatchObject({ ok: true });
  });

  test('any other changed bit is noticed', () => {
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      if (bit >> 3 === 2 || bit >> 3 === 3) continue;
      const changed = Uint8Array.from(bytes);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect(verifyMessage(changed, key('password12345'), digest).ok).toBe(false);
    }
  });
});

test.each(algorithms)('%s: what is signed verifies, and does not with one bit changed', (algorithm) => {
  fc.assert(
    fc.property(rsvpMessage, fc.nat(), fc.integer({ min: 0, max: 7 }), (message, at, bit) => {
      const objects = message.objects.filter((object) => (object.kind === 'unknown' ? object.classNumber !== 4 : true));
      const integrity = unsignedIntegrity(algorithm, { flags: 0x80, keyId: 2 ** 48 - 1, sequenceNumber: 7n });
      const others = objects.filter((object) => object.kind !== 'integrity');
      const signed = signMessage(
        encodeMessage({ ...message, objects: [integrity, ...others] }),
        key('k', algorithm),
        digest,
      );
      expect(verifyMessage(signed, key('k', algorithm), digest)).toMatchObject({ ok: true });
      const offset = at % signed.length;
      if (offset === 2 || offset === 3) return;
      signed[offset]! ^= 1 << bit;
      expect(verifyMessage(signed, key('k', algorithm), digest).ok).toBe(false);
    }),
    { numRuns: 100 },
  );
});

describe('what cannot be verified', () => {
  const message = { type: 1, flags: 0, sendTtl: 1, objects: [] };
  const integrity = unsignedIntegrity('hmac-md5', { flags: 0, keyId: 1, sequenceNumber: 1n });
  test.each([
    ['no INTEGRITY', encodeMessage(message), 'noIntegrity'],
    ['two of them', encodeMessage({ ...message, objects: [integrity, integrity] }), 'twoIntegrity'],
    ['a cut header', Uint8Array.of(0x10, 1, 0, 0), 'unreadable'],
    [
      'a digest that is not there',
      Uint8Array.from(Buffer.from('100100000100001000080401000000aa', 'hex')),
      'unreadable',
    ],
    ['an object of length zero', Uint8Array.from(Buffer.from('100100000100000c00000401', 'hex')), 'unreadable'],
  ])('%s', (_name, bytes, reason) => {
    expect(findIntegrity(bytes)).toMatchObject({ ok: false, error: { reason } });
    expect(verifyMessage(bytes, key('k'), digest)).toMatchObject({ ok: false, error: { reason } });
    expect(() => signMessage(bytes, key('k'), digest)).toThrow(RangeError);
  });

  test('a digest of another length is not signed over', () => {
    const bytes = encodeMessage({ ...message, objects: [integrity] });
    expect(() => signMessage(bytes, key('k', 'hmac-sha1'), digest)).toThrow(/20 bytes, not 16/);
  });
});
