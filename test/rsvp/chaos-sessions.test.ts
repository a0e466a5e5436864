import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { L, R } from '../core/rsvp/engine/network.ts';
import { ChaosSessions, sessionPlan, type SessionPlan } from './chaos-sessions.ts';

/** As many as `chaos.test.ts`, from the same settings. */
const numRuns = Number(process.env['CHAOS_RUNS'] ?? 150);
const seed =
  process.env['CHAOS_RUNS'] === undefined ? 2209 : Number(process.env['CHAOS_SEED'] ?? Date.now() % 1_000_000);
const timeout = 30_000 + 1_500 * numRuns;

/** State that nobody refreshes is gone after this long, whatever got lost: at every hop it may have been refreshed last by the one before. */
const longestLife = (world: ChaosSessions): number => world.nodes.length * L;

/** What the same applications get in a network that loses nothing. */
function reference(plan: SessionPlan, world: ChaosSessions): string[] {
  const perfect = new ChaosSessions(plan);
  perfect.adopt(world);
  perfect.network.run(5_000);
  return perfect.state();
}

function run(plan: SessionPlan): ChaosSessions {
  const world = new ChaosSessions(plan);
  world.setQuality(plan);
  for (const action of plan.actions) world.act(action);
  for (const node of world.nodes) if (!node.alive) world.restart(node);
  return world;
}

describe(`sessions of all styles to hosts and groups, several senders and receivers each (seed ${seed})`, () => {
  it(
    'come to the state of a run without loss, while messages still get lost',
    () => {
      fc.assert(
        fc.property(sessionPlan, (plan) => {
          const world = run(plan);
          const wanted = reference(plan, world);
          const until = world.network.now + longestLife(world) + 60 * R;
          while (world.network.now < until && String(world.state()) !== String(wanted)) {
            world.network.run(R / 6);
            world.tellAll();
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
        fc.property(sessionPlan, (plan) => {
          const world = run(plan);
          const wanted = reference(plan, world);
          world.setQuality({ loss: 0, duplicates: plan.duplicates, jitter: 0 });
          world.network.run(longestLife(world));
          world.tellAll();
          world.network.run(longestLife(world));
          expect(world.state()).toEqual(wanted);
          const { events } = world;
          world.network.run(2 * L);
          expect(world.state()).toEqual(wanted);
          expect(world.events).toBe(events);
          world.releaseAll();
          world.network.run(5_000);
          expect(world.state().filter((row) => !/^n\d+ (path|journal path) /.test(row))).toEqual([]);
          world.stopAll();
          world.network.run(5_000);
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
        fc.property(sessionPlan, (plan) => {
          const world = run(plan);
          world.releaseAll();
          world.stopAll();
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
