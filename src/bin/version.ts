import { readFileSync } from 'node:fs';

/** Of the package, read from its package.json beside dist/ (or src/). */
export const VERSION = (
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
).version;
