import { readFileSync } from 'node:fs';
import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { ERROR_CATALOGUE } from '../../../src/server/control/errors.ts';

const documented = new Map(
  [
    ...readFileSync('docs/errors.md', 'utf8').matchAll(/^\| `(\w+)` +\| (\d+) +\| (\w+) +\| (yes|no) +\| (.+?) +\|$/gm),
  ].map(([, code, http, grpc, retryable, title]) => [
    code!,
    { http: Number(http), grpc: status[grpc as keyof typeof status], retryable: retryable === 'yes', title },
  ]),
);

describe('docs/errors.md', () => {
  it.each(Object.entries(ERROR_CATALOGUE))('tells the truth about %s', (code, entry) => {
    expect(documented.get(code)).toEqual(entry);
  });

  it('has no code that the catalogue does not have, each once and in its order', () => {
    expect([...documented.keys()]).toEqual(Object.keys(ERROR_CATALOGUE));
  });
});
