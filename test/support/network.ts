import { parseIp, type IpAddress } from '../../src/core/base/ip.ts';
import type { Result } from '../../src/core/base/result.ts';

/** The value of a result that has to be good. @throws Error with the refusal otherwise. */
export function must<T>(result: Result<T, unknown>): T {
  if (result.ok) return result.value;
  throw new Error(JSON.stringify(result.error));
}

/** An address literal. @throws Error when it is none. */
export const ip = (text: string): IpAddress => must(parseIp(text));
