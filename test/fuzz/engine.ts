/**
 * Mutated messages into live engines of a network in use (see fuzzing.ts): nothing may throw, hang or grow, and the network
 * heals. Stops at the first fault with the seed that shows it again. Usage: npm run fuzz:engine [-- COUNT [SEED]]
 */
import { fuzzEngine } from '../core/rsvp/engine/fuzzing.ts';

const count = Number(process.argv[2] ?? 200_000);
const seed = Number(process.argv[3] ?? 1);
/** Runs of so many have a network and a seed of their own. */
const RUN = 20_000;

const heap = (): number => process.memoryUsage().heapUsed / 2 ** 20;
const dropped: Record<string, number> = {};
const most: Record<string, number> = {};
let early = 0;
for (let done = 0; done < count; done += RUN) {
  const run = seed + done / RUN;
  try {
    const result = fuzzEngine(Math.min(RUN, count - done), run);
    for (const [reason, n] of Object.entries(result.dropped)) dropped[reason] = (dropped[reason] ?? 0) + n;
    for (const [name, n] of Object.entries(result.most)) most[name] = Math.max(most[name] ?? 0, n);
  } catch (cause) {
    console.error(`seed ${run}`);
    throw cause;
  }
  if (done === RUN) early = heap();
}
console.log(`${count} messages from seed ${seed}: none threw, every network healed`);
console.log(
  `dropped: ${Object.entries(dropped)
    .sort()
    .map(([reason, n]) => `${reason} ${n}`)
    .join(', ')}`,
);
console.log(
  `most held by a node at a time: ${Object.entries(most)
    .map(([name, n]) => `${name} ${n}`)
    .join(', ')}`,
);
console.log(`heap ${early.toFixed(0)} MiB after the first runs, ${heap().toFixed(0)} MiB at the end`);
