/**
 * What a transit node's engine costs with 1,000 to 200,000 unicast fixed-filter reservations, each in a session of its own and
 * of one of 32 rates: bytes of memory a reservation, set-up and teardown a second, share of a core that a refresh period of
 * 30 s takes, without and with summary refresh (RFC 2961). Only processor time within `handle` counts. The cost a
 * reservation must not depend on how many there are: the last lines are the ratios to the first size. Sizes are measured
 * with new nodes until 20,000 reservations were, so that a small one is not a matter of luck.
 * Usage: npm run bench:rsvp -- engine [NUMBER …]
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { IDS_A_SUMMARY, R, Transit } from './rsvp-transit.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const SIZES = [1_000, 10_000, 50_000, 200_000];
/** Reservations that are measured of each size at least. */
const ENOUGH = 20_000;
const STEPS_A_PERIOD = 30;

/** One refresh period of everything, from both sides. */
function refreshAll(node: Transit): void {
  const { flows, reducing, now: start } = node;
  for (let step = 0; step < STEPS_A_PERIOD; step++) {
    const from = Math.floor((step * flows) / STEPS_A_PERIOD);
    const to = Math.floor(((step + 1) * flows) / STEPS_A_PERIOD);
    if (reducing) {
      for (let i = from; i < to; i += IDS_A_SUMMARY) node.summaries(i, Math.min(IDS_A_SUMMARY, to - i));
    } else {
      for (let i = from; i < to; i++) {
        node.path(i);
        node.resv(i);
      }
    }
    node.passTime(start + ((step + 1) * R) / STEPS_A_PERIOD);
    node.acknowledgeAll();
  }
}

/** Per reservation. */
interface Cost {
  readonly bytes: number;
  readonly setUpMs: number;
  readonly tearMs: number;
  /** Of one refresh period. */
  readonly refreshMs: number;
  readonly sentAPeriod: number;
}

/** Heap, and the memory of typed arrays, which is not in it and is given back by the collection after the one that finds it. */
function memory(): number {
  collectGarbage();
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** `weigh`: memory, too. That collects garbage, which goes on for a while beside a small node's work and slows it. */
function measureOnce(flows: number, reducing: boolean, weigh: boolean): Cost {
  const before = weigh ? memory() : 0;
  const node = new Transit(flows, reducing);
  const setUp = node.spend(() => {
    for (let i = 0; i < flows; i++) {
      node.path(i);
      node.resv(i);
      if (i % 1_000 === 999) node.acknowledgeAll();
    }
    node.acknowledgeAll();
  });
  // The first period is fast start; the state is measured, and the next period, once all is calm.
  refreshAll(node);
  refreshAll(node);
  const bytes = weigh ? memory() - before : 0;
  if (node.reservations !== flows) throw new Error(`${node.reservations} reservations stand, not ${flows}`);
  node.sent = 0;
  const refresh = node.spend(() => refreshAll(node));
  const { sent } = node;
  const tear = node.spend(() => {
    for (let i = 0; i < flows; i++) {
      node.pathTear(i);
      if (i % 1_000 === 999) node.acknowledgeAll();
    }
  });
  if (node.reservations !== 0) throw new Error(`${node.reservations} reservations are left`);
  return {
    bytes: bytes / flows,
    setUpMs: setUp / flows,
    tearMs: tear / flows,
    refreshMs: refresh / flows,
    sentAPeriod: sent,
  };
}

function measure(flows: number, reducing: boolean): Cost {
  const weighed = measureOnce(flows, reducing, true);
  const others = Array.from({ length: Math.floor(ENOUGH / flows) }, () => measureOnce(flows, reducing, false));
  const costs = others.length > 0 ? others : [weighed];
  const mean = (of: (cost: Cost) => number): number => costs.reduce((sum, cost) => sum + of(cost), 0) / costs.length;
  return {
    bytes: weighed.bytes,
    setUpMs: mean((cost) => cost.setUpMs),
    tearMs: mean((cost) => cost.tearMs),
    refreshMs: mean((cost) => cost.refreshMs),
    sentAPeriod: weighed.sentAPeriod,
  };
}

const numbers = process.argv.slice(2).map(Number);
const sizes = numbers.length > 0 ? numbers : SIZES;
const grouped = (n: number): string => Math.round(n).toLocaleString('en');

function report(flows: number, { bytes, setUpMs, tearMs, refreshMs, sentAPeriod }: Cost): void {
  console.log(
    `  ${grouped(flows).padStart(8)} reservations: ${grouped(bytes)} bytes each, ` +
      `${grouped(1_000 / setUpMs)} set up/s, ${grouped(1_000 / tearMs)} torn/s, ` +
      `${((100 * flows * refreshMs) / R).toFixed(2)} % of a core to refresh (${(1_000 * refreshMs).toFixed(1)} µs each), ` +
      `${grouped(sentAPeriod)} messages sent a period`,
  );
}

// Code that runs for the first time is slow: not what is measured.
for (const reducing of [false, true, false, true]) measureOnce(10_000, reducing, false);
for (const reducing of [false, true]) {
  console.log(`a transit node, R = 30 s, ${reducing ? 'with' : 'without'} summary refresh`);
  const costs = sizes.map((flows) => {
    const cost = measure(flows, reducing);
    report(flows, cost);
    return cost;
  });
  for (const [i, cost] of costs.entries()) {
    if (i === 0) continue;
    const ratio = (of: (cost: Cost) => number): string => (of(cost) / of(costs[0]!)).toFixed(2);
    console.log(
      `  cost a reservation, ${grouped(sizes[i]!)} to ${grouped(sizes[0]!)}: memory ${ratio((c) => c.bytes)}, ` +
        `set-up ${ratio((c) => c.setUpMs)}, teardown ${ratio((c) => c.tearMs)}, refresh ${ratio((c) => c.refreshMs)}`,
    );
  }
}
