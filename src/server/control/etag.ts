/** The control speaks of entity tags as If-Match writes them, in quotes; bodies and messages carry them bare. */
export const bareEtag = (etag: string): string => etag.replace(/^"(.*)"$/, '$1');

/** `*` stays: it matches whatever is stored. */
export const quotedEtag = (bare: string): string => (bare === '*' ? bare : `"${bare}"`);
