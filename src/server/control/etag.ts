import { badRequest } from './bad-request.ts';

/** The control speaks of entity tags as If-Match writes them, in quotes; bodies and messages carry them bare. */
export const bareEtag = (etag: string): string => etag.replace(/^"(.*)"$/, '$1');

/**
 * `*` stays: it matches whatever is stored.
 * @throws ControlError INVALID_ARGUMENT for what no entity tag can be (RFC 9110 8.8.3); `field` is the caller's name for it.
 */
export function quotedEtag(bare: string, field: string): string {
  if (bare === '*') return bare;
  if (/^[\x21\x23-\x7e]+$/.test(bare)) return `"${bare}"`;
  const problem = 'must be an entity tag as it was given, without quotes, or *';
  throw badRequest([{ field, value: bare, code: 'INVALID_ARGUMENT', problem }]);
}
