import { describe, expect, it } from 'vitest';
import { EpochMs } from '../../../../../src/core/base/units.ts';
import { acceptedKey, nextKey, signingKey } from '../../../../../src/core/rsvp/engine/neighbours/keys.ts';
import type { LivingKey } from '../../../../../src/core/rsvp/engine/neighbours/settings.ts';

const key = (keyId: number, notBefore: number | null, notAfter: number | null): LivingKey => ({
  keyId,
  algorithm: 'hmac-md5',
  key: Uint8Array.of(keyId),
  notBefore: notBefore === null ? null : EpochMs(notBefore),
  notAfter: notAfter === null ? null : EpochMs(notAfter),
});
const signs = (keys: readonly LivingKey[], now: number) => {
  const used = signingKey(keys, EpochMs(now));
  return used && `${used.key.keyId}${used.expired ? ' expired' : ''}`;
};

describe('keys with a life (RFC 2747 5.1, 5.3)', () => {
  const rollOver = [key(1, null, 1_000), key(2, 600, 2_000)];

  it.each([
    [599, '1', [1]],
    [600, '1', [1, 2]],
    [799, '1', [1, 2]],
    [800, '2', [1, 2]],
    [999, '2', [1, 2]],
    [1_000, '2', [2]],
    [1_999, '2', [2]],
    [2_000, '2 expired', [2]],
    [9_000, '2 expired', [2]],
  ])('at %i signs with %s and believes %j', (now, used, believed) => {
    expect(signs(rollOver, now)).toBe(used);
    const accepted = rollOver.map(({ keyId }) => acceptedKey(rollOver, keyId, EpochMs(now))?.keyId);
    expect(accepted.filter((keyId) => keyId !== undefined)).toEqual(believed);
  });

  it('uses a new key at once where the old one has no end', () => {
    expect(signs([key(1, null, null), key(2, 600, null)], 600)).toBe('2');
  });

  it('has none before the first begins, and believes none', () => {
    expect(signs([key(1, 600, null)], 599)).toBeNull();
    expect(acceptedKey([key(1, 600, null)], 1, EpochMs(599))).toBeNull();
  });

  it('does not go back to an expired key while a later one has not begun', () => {
    expect(signs([key(1, null, 100), key(2, 200, null)], 150)).toBe('1 expired');
    expect(signs([key(1, null, 100), key(2, 200, null)], 200)).toBe('2');
  });

  it('knows which key comes next', () => {
    expect(nextKey(rollOver, 1, EpochMs(599))).toBeNull();
    expect(nextKey(rollOver, 1, EpochMs(600))?.keyId).toBe(2);
    expect(nextKey(rollOver, 2, EpochMs(600))).toBeNull();
    expect(nextKey(rollOver, 7, EpochMs(600))).toBeNull();
  });
});
