import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  DEFAULT_STEERING,
  markOf,
  neighbourLimit,
  planRoutes,
  steeringProblem,
  tableOf,
  type Neighbour,
  type SteeringRoute,
  type SteeringRule,
} from '../../../src/core/shaping/steering.ts';
import {
  absentSteering,
  applySteering,
  parseSteering,
  planSteering,
  renderSteering,
} from '../../../src/core/shaping/steering-nft.ts';
import { ip } from '../../support/network.ts';

const neighbour = (number: number, change: Partial<Neighbour> = {}): Neighbour => ({
  number,
  interface: `eth${number}`,
  nextHop: ip(`10.0.${number}.1`),
  ...change,
});

describe('the numbers of steering', () => {
  it('are values of the mask, one table each', () => {
    expect(neighbourLimit(DEFAULT_STEERING)).toBe(255);
    expect(markOf(DEFAULT_STEERING, 1)).toBe(0x00010000);
    expect(markOf(DEFAULT_STEERING, 255)).toBe(0x00ff0000);
    expect(tableOf(DEFAULT_STEERING, 255)).toBe(42_255);
    // The highest bits, which are negative to the bit operators.
    expect(markOf({ mask: 0xf0000000, firstTable: 300 }, 15)).toBe(0xf0000000);
    expect(neighbourLimit({ mask: 0xffffffff, firstTable: 300 })).toBe(0xffffffff);
  });

  it.each([
    [{ mask: 0x00ff0000, firstTable: 42_000 }, null],
    [{ mask: 0x80000000, firstTable: 255 }, null],
    [{ mask: 1, firstTable: 255 }, null],
    [{ mask: 0, firstTable: 42_000 }, /mask 0 is not within/],
    [{ mask: 0x1_0000_0000, firstTable: 42_000 }, /is not within 1/],
    [{ mask: 0x00fd0000, firstTable: 42_000 }, /not contiguous/],
    [{ mask: 0x00ff0000, firstTable: 254 }, /first table 254 is not within/],
    [{ mask: 0x00ff0000, firstTable: 0xffffffff }, /first table/],
  ])('%o', (numbers, problem) => {
    if (problem === null) expect(steeringProblem(numbers)).toBeNull();
    else expect(steeringProblem(numbers)).toMatch(problem);
  });
});

describe('rules and routes', () => {
  it('a table is filled before its rule, a rule goes before its table is emptied', () => {
    const added = planRoutes([neighbour(1)], { rules: [], routes: [] }, DEFAULT_STEERING);
    const rule = { mark: 0x10000, mask: 0xff0000, table: 42_001 };
    const route = { table: 42_001, interface: 'eth1', gateway: '10.0.1.1' };
    expect(added).toEqual([
      { op: 'setRoute', route },
      { op: 'addRule', rule },
    ]);
    const there = { rules: [rule], routes: [route as SteeringRoute] };
    expect(planRoutes([neighbour(1)], there, DEFAULT_STEERING)).toEqual([]);
    expect(planRoutes([], there, DEFAULT_STEERING)).toEqual([
      { op: 'deleteRule', rule },
      { op: 'deleteRoute', route },
    ]);
  });

  it('come to what is wanted from whatever there is, and stay', () => {
    const anyNeighbours = fc.uniqueArray(
      fc.record({ number: fc.integer({ min: 1, max: 5 }), interface: fc.constantFrom('eth1', 'eth2') }),
      { selector: (each) => each.number },
    );
    const anyRule = fc.record({
      mark: fc.constantFrom(0x10000, 0x20000, 0x30000, 7),
      mask: fc.constantFrom(0xff0000, 0xff),
      table: fc.integer({ min: 42_001, max: 42_005 }),
    });
    const anyRoute = fc.record({
      table: fc.integer({ min: 42_001, max: 42_005 }),
      interface: fc.constantFrom('eth1', 'eth2'),
      gateway: fc.constantFrom(ip('10.0.1.1'), ip('10.0.9.9')),
    });
    const routes = fc.uniqueArray(anyRoute, { selector: (each) => each.table });
    fc.assert(
      fc.property(anyNeighbours, fc.array(anyRule), routes, (some, rules, found) => {
        const wanted = some.map((each) => neighbour(each.number, { interface: each.interface }));
        const kernel = { rules: [...rules] as SteeringRule[], routes: [...found] as SteeringRoute[] };
        for (const step of planRoutes(wanted, kernel, DEFAULT_STEERING)) {
          if (step.op === 'addRule') kernel.rules.push(step.rule);
          else if (step.op === 'deleteRule') kernel.rules.splice(kernel.rules.indexOf(step.rule), 1);
          else if (step.op === 'setRoute' || step.op === 'deleteRoute') {
            kernel.routes = kernel.routes.filter((each) => each.table !== step.route.table);
            if (step.op === 'setRoute') kernel.routes.push(step.route);
          }
        }
        expect(planRoutes(wanted, kernel, DEFAULT_STEERING)).toEqual([]);
        expect(kernel.rules.map((each) => each.table).sort()).toEqual(
          wanted.map((each) => tableOf(DEFAULT_STEERING, each.number)).sort(),
        );
        for (const { number, interface: name, nextHop } of wanted) {
          expect(kernel.routes).toContainEqual({ table: 42_000 + number, interface: name, gateway: nextHop });
          expect(kernel.rules).toContainEqual({ mark: number * 0x10000, mask: 0xff0000, table: 42_000 + number });
        }
      }),
    );
  });
});

describe('the table of marks', () => {
  const FLOW = 'v4_full|17 . 10.1.0.2 . 5004 . 10.2.0.2 . 5004';
  const OTHER = 'v4_to|17 . 10.2.0.2';

  it('writes only the bits of the mask, for what passes through and for what is sent here', () => {
    expect(renderSteering(planSteering(new Map([[FLOW, 3]]), absentSteering()), DEFAULT_STEERING))
      .toMatchInlineSnapshot(`
      "add table inet headroom_steering
      add map inet headroom_steering v4_full { type inet_proto . ipv4_addr . inet_service . ipv4_addr . inet_service : verdict; }
      add map inet headroom_steering v4_from_to_port { type inet_proto . ipv4_addr . ipv4_addr . inet_service : verdict; }
      add map inet headroom_steering v4_from_to { type inet_proto . ipv4_addr . ipv4_addr : verdict; }
      add map inet headroom_steering v4_to_port { type inet_proto . ipv4_addr . inet_service : verdict; }
      add map inet headroom_steering v4_to { type inet_proto . ipv4_addr : verdict; }
      add chain inet headroom_steering prerouting { type filter hook prerouting priority -149; policy accept; }
      add chain inet headroom_steering output { type route hook output priority -149; policy accept; }
      add chain inet headroom_steering to_3
      add rule inet headroom_steering to_3 meta mark set meta mark & 0xff00ffff | 0x00030000
      add element inet headroom_steering v4_full { 17 . 10.1.0.2 . 5004 . 10.2.0.2 . 5004 : goto to_3 }
      flush chain inet headroom_steering prerouting
      add rule inet headroom_steering prerouting meta l4proto . ip saddr . th sport . ip daddr . th dport vmap @v4_full
      flush chain inet headroom_steering output
      add rule inet headroom_steering output meta l4proto . ip saddr . th sport . ip daddr . th dport vmap @v4_full
      "
    `);
  });

  it('goes with the last flow', () => {
    let observed = absentSteering();
    const bring = (wanted: ReadonlyMap<string, number>): string => {
      const steps = planSteering(wanted, observed);
      for (const step of steps) observed = applySteering(observed, step);
      return renderSteering(steps, DEFAULT_STEERING);
    };
    bring(new Map([[FLOW, 1]]));
    expect(bring(new Map([[FLOW, 2], [OTHER, 2]]))).toMatchInlineSnapshot(`
      "delete element inet headroom_steering v4_full { 17 . 10.1.0.2 . 5004 . 10.2.0.2 . 5004 }
      add chain inet headroom_steering to_2
      add rule inet headroom_steering to_2 meta mark set meta mark & 0xff00ffff | 0x00020000
      add element inet headroom_steering v4_full { 17 . 10.1.0.2 . 5004 . 10.2.0.2 . 5004 : goto to_2 }
      add element inet headroom_steering v4_to { 17 . 10.2.0.2 : goto to_2 }
      flush chain inet headroom_steering prerouting
      add rule inet headroom_steering prerouting meta l4proto . ip saddr . th sport . ip daddr . th dport vmap @v4_full
      add rule inet headroom_steering prerouting meta l4proto . ip daddr vmap @v4_to
      flush chain inet headroom_steering output
      add rule inet headroom_steering output meta l4proto . ip saddr . th sport . ip daddr . th dport vmap @v4_full
      add rule inet headroom_steering output meta l4proto . ip daddr vmap @v4_to
      flush chain inet headroom_steering to_1
      delete chain inet headroom_steering to_1
      "
    `); // prettier-ignore
    expect(bring(new Map([[FLOW, 2]]))).toMatchInlineSnapshot(`
      "delete element inet headroom_steering v4_to { 17 . 10.2.0.2 }
      flush chain inet headroom_steering prerouting
      add rule inet headroom_steering prerouting meta l4proto . ip saddr . th sport . ip daddr . th dport vmap @v4_full
      flush chain inet headroom_steering output
      add rule inet headroom_steering output meta l4proto . ip saddr . th sport . ip daddr . th dport vmap @v4_full
      "
    `);
    expect(bring(new Map([[FLOW, 2]]))).toBe('');
    expect(bring(new Map())).toBe('delete table inet headroom_steering\n');
    expect(bring(new Map())).toBe('');
  });

  it.each([
    ['nothing', '{}'],
    [
      'a table that is not ours',
      '{"nftables":[{"chain":{"name":"output","hook":"output","type":"filter","prio":-149}}]}',
    ],
    ['a foreign set', '{"nftables":[{"set":{"name":"x"}}]}'],
  ])('is unsound with %s', (_, json) => {
    const observed = parseSteering(json, DEFAULT_STEERING);
    expect(observed.sound).toBe(false);
    expect(planSteering(new Map([[FLOW, 1]]), observed)).toMatchObject([{ op: 'rebuild', replace: true }]);
  });
});
