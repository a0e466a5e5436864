import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { flowKeyText } from '../../../../src/core/rsvp/engine/types.ts';
import { controlledLoad, flow, lab, L, tspec, type Lab, type Node } from './network.ts';

const flows = [flow(1), flow(2), flow(3, 1), flow(3, 2)];
const any = fc.oneof(
  fc.record({ do: fc.constant('openSender' as const), flow: fc.nat(3), rate: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ do: fc.constant('openReceiver' as const), flow: fc.nat(3), rate: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ do: fc.constantFrom('closeSender' as const, 'closeReceiver' as const), flow: fc.nat(3) }),
  fc.record({ do: fc.constantFrom('link' as const), which: fc.nat(4), up: fc.boolean() }),
  fc.record({ do: fc.constantFrom('loss' as const), which: fc.nat(4), share: fc.constantFrom(0, 0.3, 1) }),
  fc.record({ do: fc.constantFrom('route' as const), direct: fc.boolean() }),
  fc.record({ do: fc.constantFrom('kill' as const, 'restart' as const), which: fc.nat(4) }),
  fc.record({
    do: fc.constant('verdict' as const),
    which: fc.nat(4),
    verdict: fc.constantFrom('install', 'hold', 'no'),
  }),
  fc.record({ do: fc.constant('run' as const), ms: fc.constantFrom(1, 3, 50, 2_500, 40_000, 100_000) }),
);
type Step = typeof any extends fc.Arbitrary<infer T> ? T : never;

function apply(world: Lab, step: Step, direct: Lab['throughR3']): void {
  const { network, hostA, hostB, r1, nodes } = world;
  switch (step.do) {
    case 'openSender':
      return void hostA.input({ type: 'openSender', flow: flows[step.flow]!, tspec: tspec(step.rate * 1_000) });
    case 'openReceiver': {
      const flowspec = controlledLoad(step.rate * 1_000);
      return void hostB.input({ type: 'openReceiver', flow: flows[step.flow]!, flowspec, confirm: true });
    }
    case 'closeSender':
      return void hostA.input({ type: 'closeSender', flow: flows[step.flow]! });
    case 'closeReceiver':
      return void hostB.input({ type: 'closeReceiver', flow: flows[step.flow]! });
    case 'link':
      return network.setLink(network.links[step.which]!, step.up);
    case 'loss':
      network.links[step.which]!.loss = step.share;
      return;
    case 'route':
      r1.routes.set('10.2.0.2', step.direct ? direct : world.throughR3);
      return void r1.input({ type: 'routesChanged' });
    case 'kill':
      return nodes[step.which]!.kill();
    case 'restart':
      return nodes[step.which]!.alive ? undefined : nodes[step.which]!.restart();
    case 'verdict': {
      const verdict = step.verdict === 'no' ? { errorCode: 1, errorValue: 2 } : step.verdict;
      nodes[step.which]!.verdict = () => verdict;
      return;
    }
    case 'run':
      return network.run(step.ms);
  }
}

/** What must hold at any instant: what is installed is in the kernel, and in the journal. */
function check(node: Node): void {
  for (const each of node.reservations.filter(({ state }) => state === 'installed')) {
    expect([...node.kernel.keys()]).toContain(`${flowKeyText(each.flow)} on ${each.interface}`);
    expect([...node.journal.keys()]).toContain(`resv ${flowKeyText(each.flow)} via ${each.nextHop}`);
  }
}

describe('any sequence of events', () => {
  it('leaves nothing behind once everything is closed and a lifetime a hop has passed', () => {
    fc.assert(
      fc.property(fc.array(any, { maxLength: 60 }), fc.integer({ min: 1, max: 1_000 }), (steps, seed) => {
        const world = lab({ seed });
        const direct = world.r1.routes.get('10.2.0.2')!;
        for (const step of steps) {
          apply(world, step, direct);
          for (const node of world.nodes) if (node.alive) check(node);
        }
        for (const node of world.nodes) {
          if (!node.alive) node.restart();
          node.verdict = () => 'install';
        }
        for (const each of flows) {
          world.hostA.input({ type: 'closeSender', flow: each });
          world.hostB.input({ type: 'closeReceiver', flow: each });
        }
        world.network.run(8 * L);
        expect(
          world.nodes.map((node) => [node.name, node.isEmpty, [...node.kernel.keys()], [...node.journal.keys()]]),
        ).toEqual(world.nodes.map((node) => [node.name, true, [], []]));
      }),
      { numRuns: 120, seed: 20_26 },
    );
  }, 60_000);

  it('ends in a working reservation once the network is whole again', () => {
    fc.assert(
      fc.property(fc.array(any, { maxLength: 40 }), fc.integer({ min: 1, max: 1_000 }), (steps, seed) => {
        const world = lab({ seed });
        const direct = world.r1.routes.get('10.2.0.2')!;
        for (const step of steps) apply(world, step, direct);
        for (const node of world.nodes) {
          if (!node.alive) node.restart();
          node.verdict = () => 'install';
        }
        for (const link of world.network.links) {
          link.loss = 0;
          world.network.setLink(link, true);
        }
        world.r1.routes.set('10.2.0.2', direct);
        for (const node of world.nodes) node.input({ type: 'routesChanged' });
        for (const each of flows) {
          world.hostA.input({ type: 'openSender', flow: each, tspec: tspec(9_000) });
          world.hostB.input({ type: 'openReceiver', flow: each, flowspec: controlledLoad(9_000), confirm: true });
        }
        world.network.run(3 * L);
        for (const node of [world.hostA, world.r1, world.r2]) {
          expect([...node.kernel.values()], node.name).toEqual(Array(4).fill(controlledLoad(9_000)));
        }
      }),
      { numRuns: 50, seed: 7 },
    );
  }, 60_000);
});
