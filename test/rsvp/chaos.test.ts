import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { L, R } from '../core/rsvp/engine/network.ts';
import { ChaosNetwork } from './chaos-network.ts';
import { flowPlan, sessionPlan, type Plan } from './chaos-plan.ts';

/** A few hundred with the other tests; thousands, from another seed every time, by `npm run chaos:rsvp`. */
const numRuns = Number(process.env['CHAOS_RUNS'] ?? 200);
const seed =
  process.env['CHAOS_RUNS'] === undefined ? 2205 : Number(process.env['CHAOS_SEED'] ?? Date.now() % 1_000_000);
const timeout = 30_000 + 1_500 * numRuns;

/** What the same applications get in a network that loses nothing. */
function reference(plan: Plan, world: ChaosNetwork): string[] {
  // Without keys, whose handshake costs the first message of each neighbour.
  const perfect = new ChaosNetwork({ ...plan, window: null });
  perfect.adopt(world);
  perfect.network.run(perfect.settlingTime);
  return perfect.state();
}

function run(plan: Plan): ChaosNetwork {
  const world = new ChaosNetwork(plan);
  world.setQuality(plan);
  world.tellAll();
  for (const action of plan.actions) world.act(action);
  for (const node of world.nodes) if (!node.alive) world.restart(node);
  return world;
}

const emptiness = (world: ChaosNetwork): boolean[] => world.nodes.map((node) => node.isEmpty);

describe.each([
  ['flows among 2 to 12 engines', flowPlan],
  ['sessions of all styles to hosts and groups, with several senders and receivers', sessionPlan],
])(`%s, that lose, double and reorder messages and restart (seed ${seed})`, (_, plans) => {
  it(
    'come to the state of a run without loss, while messages still get lost',
    () => {
      fc.assert(
        fc.property(plans, (plan) => {
          const world = run(plan);
          const wanted = reference(plan, world);
          const until = world.network.now + world.longestLife + 60 * R;
          while (world.network.now < until && String(world.state()) !== String(wanted)) {
            world.network.run(R / 6);
            world.tellRefused();
          }
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
        fc.property(plans, (plan) => {
          const world = run(plan);
          const wanted = reference(plan, world);
          world.setQuality({ loss: 0, duplicates: plan.duplicates, jitter: 0 });
          world.network.run(world.longestLife);
          if (world.tellRefused()) world.network.run(world.longestLife);
          expect(world.state()).toEqual(wanted);
          const { events } = world;
          world.network.run(2 * L);
          expect(world.state()).toEqual(wanted);
          expect(world.events).toBe(events);
          world.releaseAll();
          world.network.run(world.settlingTime);
          expect(world.state().filter((row) => !/^n\d+ (path|journal path) /.test(row))).toEqual([]);
          world.stopAll();
          world.network.run(world.settlingTime);
          expect(world.state()).toEqual([]);
          expect(emptiness(world)).toEqual(world.nodes.map(() => true));
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
        fc.property(plans, (plan) => {
          const world = run(plan);
          world.releaseAll();
          world.stopAll();
          world.network.run(world.longestLife + L);
          expect(world.state()).toEqual([]);
          expect(emptiness(world)).toEqual(world.nodes.map(() => true));
        }),
        { numRuns, seed },
      );
    },
    timeout,
  );
});
