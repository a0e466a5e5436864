/**
 * Mutated messages through decoder, encoder and validators: nothing may throw, hang or grow. Stops at the first fault with
 * the seed that shows it again. Usage: npm run fuzz:wire [-- COUNT [SEED]]; 10,000,000 take a quarter of an hour of one core.
 */
import { seededRandom } from '../../src/core/base/random.ts';
import { exercise, mutated, seedMessages } from '../core/rsvp/wire/mutation.ts';

const count = Number(process.argv[2] ?? 1_000_000);
const seed = Number(process.argv[3] ?? 1);
/** Runs of this many messages have a seed of their own, so that a fault is found again quickly. */
const RUN = 10_000;

const heap = (): number => process.memoryUsage().heapUsed / 2 ** 20;
const seeds = seedMessages(seed);
let read = 0;
let slowestMicros = 0;
let slowestBytes = 0;
let early = 0;
for (let done = 0; done < count; done += RUN) {
  const run = seed + done / RUN;
  const random = seededRandom(run);
  for (let i = 0; i < Math.min(RUN, count - done); i++) {
    const bytes = mutated(seeds, random);
    const start = process.hrtime.bigint();
    try {
      if (exercise(bytes)) read++;
    } catch (cause) {
      console.error(`message ${i} of seed ${run}: ${Buffer.from(bytes).toString('hex')}`);
      throw cause;
    }
    const micros = Number(process.hrtime.bigint() - start) / 1000;
    if (micros > slowestMicros) [slowestMicros, slowestBytes] = [micros, bytes.length];
  }
  if (done === RUN) early = heap();
}
console.log(`${count} messages from seed ${seed}: ${read} read, ${count - read} refused, none threw`);
console.log(`slowest ${slowestMicros.toFixed(0)} us, ${slowestBytes} bytes (collection of garbage included)`);
console.log(`heap ${early.toFixed(0)} MiB after the first runs, ${heap().toFixed(0)} MiB at the end`);
