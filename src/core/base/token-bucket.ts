/** Tokens that come back with time: one is taken for each thing done. */
export interface TokenBucket {
  tokens: number;
  /** When it was looked at last, ms. */
  at: number;
}

export interface TokenRate {
  readonly burst: number;
  readonly perSecond: number;
}

export const fullBucket = ({ burst }: TokenRate): TokenBucket => ({ tokens: burst, at: 0 });

/** True, and one less, where there is one. */
export function takeToken(bucket: TokenBucket, { burst, perSecond }: TokenRate, now: number): boolean {
  const back = Math.max(0, ((now - bucket.at) * perSecond) / 1_000);
  bucket.tokens = Math.min(burst, bucket.tokens + back);
  bucket.at = now;
  if (bucket.tokens < 1) return false;
  bucket.tokens--;
  return true;
}
