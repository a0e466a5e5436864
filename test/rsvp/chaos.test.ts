import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { L, R } from '../core/rsvp/engine/network.ts';
import { chaos, ChaosNetwork, longestLife, type Chaos } from './chaos-network.ts';

/** A few hundred with the other tests; thousands, from another seed every time, by `npm run chaos:rsvp`. */
const numRuns = Number(process.env['CHAOS_RUNS'] ?? 200);
const seed =
  process.env['CHAOS_RUNS'] === undefined ? 2205 : Number(process.env['CHAOS_SEED'] ?? Date.now() % 1_000_000);
const timeout = 20_000 + 1_000 * numRuns;

/** What the same applications get in a network that loses nothing. */
function reference(plan: Chaos, world: ChaosNetwork): string[] {
  // Without keys, whose handshake costs the first message of each neighbour.
  const perfect = new ChaosNetwork({ ...plan, window: null });
  perfect.adopt(world);
  perfect.network.run(1_000);
  return perfect.state();
}

function run(plan: Chaos): ChaosNetwork {
  const world = new ChaosNetwork(plan);
  world.setQuality(plan);
  world.start();
  for (const action of plan.actions) world.act(action);
  for (const node of world.nodes) if (!node.alive) world.restart(node);
  return world;
}

describe(`networks of 2 to 12 engines that lose, double and reorder messages and restart (seed ${seed})`, () => {
  it(
    'come to the state of a run without loss, while messages still get lost',
    () => {
      fc.assert(
        fc.property(chaos, (plan) => {
          const world = run(plan);
          const wanted = reference(plan, world);
          const until = world.network.now + longestLife(world) + 60 * R;
          while (world.network.now < until && String(world.state()) !== String(wanted)) world.network.run(R / 6);
          expect(world.state()).toEqual(wanted);
        }),
        { numRuns, seed },
      );
    },
    timeout,
  );

  it(
    'stay there without an event once nothing is lost, and are empty after the last tear',
    () => {
      fc.assert(
        fc.property(chaos, (plan) => {
          const world = run(plan);
          const wanted = reference(plan, world);
          world.setQuality({ loss: 0, duplicates: plan.duplicates, jitter: 0 });
          world.network.run(longestLife(world));
          expect(world.state()).toEqual(wanted);
          const { events } = world;
          world.network.run(2 * L);
          expect(world.state()).toEqual(wanted);
          expect(world.events).toBe(events);
          world.closeReceivers();
          world.network.run(1_000);
          expect(world.state().filter((row) => !/^n\d+ (path|journal path) /.test(row))).toEqual([]);
          world.closeAll();
          world.network.run(1_000);
          expect(world.state()).toEqual([]);
          expect(world.nodes.map((node) => node.isEmpty)).toEqual(world.nodes.map(() => true));
        }),
        { numRuns, seed },
      );
    },
    timeout,
  );

  it(
    'are empty a lifetime a hop after the last tear, even if that was lost',
    () => {
      fc.assert(
        fc.property(chaos, (plan) => {
          const world = run(plan);
          world.closeAll();
          world.network.run(longestLife(world) + L);
          expect(world.state()).toEqual([]);
          expect(world.nodes.map((node) => node.isEmpty)).toEqual(world.nodes.map(() => true));
        }),
        { numRuns, seed },
      );
    },
    timeout,
  );
});
