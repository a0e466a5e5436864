import type { EpochMs } from '../../../base/units.ts';
import type { LivingKey } from './settings.ts';

const lives = ({ notBefore, notAfter }: LivingKey, now: EpochMs): boolean =>
  (notBefore === null || notBefore <= now) && (notAfter === null || now < notAfter);

const begin = ({ notBefore }: LivingKey): number => notBefore ?? -Infinity;
const end = ({ notAfter }: LivingKey): number => notAfter ?? Infinity;

/**
 * The key to sign with: of those that live the one that began last. While the one before still lives, it is used up to the
 * middle of the time that both live, so that clocks may differ by half of that (RFC 2747 5.1). `expired`: none lives any
 * more, and the one that ended last goes on (5.3). null: none has begun yet.
 */
export function signingKey(
  keys: readonly LivingKey[],
  now: EpochMs,
): { readonly key: LivingKey; readonly expired: boolean } | null {
  const living = keys.filter((key) => lives(key, now)).sort((a, b) => begin(b) - begin(a));
  for (const [i, key] of living.entries()) {
    const before = living[i + 1];
    if (before === undefined || end(before) === Infinity || now >= (begin(key) + end(before)) / 2) {
      return { key, expired: false };
    }
  }
  const last = lastExpired(keys, now);
  return last === null ? null : { key: last, expired: true };
}

/** The key that a message may be signed with by the other side: one with its id that lives, or the last one that did. */
export function acceptedKey(keys: readonly LivingKey[], keyId: number, now: EpochMs): LivingKey | null {
  const living = keys.filter((key) => lives(key, now));
  if (living.length > 0) return living.find((key) => key.keyId === keyId) ?? null;
  const last = lastExpired(keys, now);
  return last?.keyId === keyId ? last : null;
}

/** Another key that lives and began after the one with the id: the other side will change over to it. */
export const nextKey = (keys: readonly LivingKey[], keyId: number, now: EpochMs): LivingKey | null => {
  const current = keys.find((key) => key.keyId === keyId);
  if (current === undefined) return null;
  return keys.find((key) => key !== current && lives(key, now) && begin(key) > begin(current)) ?? null;
};

function lastExpired(keys: readonly LivingKey[], now: EpochMs): LivingKey | null {
  let last: LivingKey | null = null;
  for (const key of keys) if (end(key) <= now && (last === null || end(key) > end(last))) last = key;
  return last;
}
