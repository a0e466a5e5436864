/**
 * What RSVP costs: first the codec (`rsvp-codec.ts`), then a node's engine (`rsvp-engine.ts`), each in a process of its own,
 * since what one has left in memory and in the compiler changes what is measured of the other.
 * Usage: npm run bench:rsvp                               both
 *        npm run bench:rsvp -- codec [SECONDS_A_ROUND]
 *        npm run bench:rsvp -- engine [NUMBER …]          so many reservations: 1000 10000 50000 200000
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const PARTS: Readonly<Record<string, string>> = { codec: 'rsvp-codec.ts', engine: 'rsvp-engine.ts' };
/** 200,000 reservations, and as much again that is garbage, are more than Node takes of a small machine by itself. */
const HEAP_MIB = 4_096;

const [part, ...rest] = process.argv.slice(2);
if (part !== undefined && !(part in PARTS)) {
  console.error(`"${part}" is none of ${Object.keys(PARTS).join(', ')}`);
  process.exit(2);
}
for (const file of part === undefined ? Object.values(PARTS) : [PARTS[part]!]) {
  const loader = join(import.meta.dirname, '../scripts/register-typescript.mjs');
  const options = ['--import', loader, `--max-old-space-size=${HEAP_MIB}`];
  const { status } = spawnSync(process.execPath, [...options, join(import.meta.dirname, file), ...rest], {
    stdio: 'inherit',
  });
  if (status !== 0) process.exit(status ?? 1);
}
