import { beforeEach, describe, expect, it } from 'vitest';
import type { HostNetwork } from '../../src/agent/netlink/host-network.ts';
import { ROUTES_PLACE, SteeringRoutes, type SteeredTo } from '../../src/agent/steering-routes.ts';
import {
  DEFAULT_STEERING,
  type SteeringRoute,
  type SteeringRule,
  type SteeringStep,
} from '../../src/core/shaping/steering.ts';
import { ip } from '../support/network.ts';

const NOTHING = { disturbances: [], problems: [] };

let rules: SteeringRule[];
let tables: SteeringRoute[];
let up: boolean;
let refusal: string | null;
let logged: string[];
let routes: SteeringRoutes;

beforeEach(() => {
  [rules, tables, up, refusal, logged] = [[], [], true, null, []];
  const network: Pick<HostNetwork, 'interfaces' | 'steering' | 'steer'> = {
    interfaces: () => [
      {
        ...{ name: 'eth2', index: 3, up, addresses: [], mtuBytes: 1500, speedBitsPerSecond: null },
        rpFilter: null,
      },
    ],
    steering: () => ({ rules, routes: tables }),
    steer(steps: readonly SteeringStep[]) {
      if (refusal !== null) return [refusal];
      for (const step of steps) {
        if (step.op === 'addRule') rules.push(step.rule);
        if (step.op === 'deleteRule') rules = rules.filter((rule) => rule !== step.rule);
        if ('route' in step) tables = tables.filter(({ table }) => table !== step.route.table);
        if (step.op === 'setRoute') tables.push(step.route);
      }
      return [];
    },
  };
  routes = new SteeringRoutes({
    network: network as HostNetwork,
    mayRemove: () => true,
    log: (problem) => logged.push(problem),
  });
});

const to = (number: number, ...keys: string[]): [number, SteeredTo] => [
  number,
  { neighbour: { number, interface: 'eth2', nextHop: ip(`10.0.0.${number}`) }, keys },
];
const WANTED = new Map([to(1, 'a', 'b'), to(2, 'c')]);
const reconcile = (wanted = WANTED, numbers = DEFAULT_STEERING): void => routes.reconcile(wanted, numbers);
const gone = (hop: string, ...keys: string[]) => ({
  place: ROUTES_PLACE,
  what: `the rule or route that keeps flows on their path by ${hop} was gone or changed`,
  keys,
});

describe('rules and routes of steered flows', () => {
  it('are no news while they are placed, moved to other bits or dropped by the agent itself', () => {
    reconcile();
    reconcile(WANTED, { ...DEFAULT_STEERING, mask: 0xff });
    reconcile(new Map([to(2, 'c')]), { ...DEFAULT_STEERING, mask: 0xff });
    expect([routes.hasNews, routes.takeNews(), rules.length, logged]).toEqual([false, NOTHING, 1, []]);
  });

  it('are put back where others took a rule, and told once, with the flows that it was for', () => {
    reconcile();
    rules = rules.filter(({ table }) => table !== 42_001);
    expect(routes.inspect(WANTED, DEFAULT_STEERING).disturbances).toEqual([gone('10.0.0.1', 'a', 'b')]);
    expect([routes.hasNews, rules.length]).toEqual([false, 1]);
    reconcile();
    expect([routes.hasNews, rules.length]).toEqual([true, 2]);
    expect(routes.takeNews()).toEqual({ problems: [], disturbances: [gone('10.0.0.1', 'a', 'b')] });
    reconcile();
    expect([routes.hasNews, routes.takeNews()]).toEqual([false, NOTHING]);
  });

  it('are put back where others emptied a table or lead it elsewhere', () => {
    reconcile();
    tables = tables.map((route) => (route.table === 42_002 ? { ...route, gateway: ip('10.9.9.9') } : route));
    reconcile();
    expect(routes.takeNews().disturbances).toEqual([gone('10.0.0.2', 'c')]);
    tables = [];
    reconcile();
    expect(routes.takeNews().disturbances).toEqual([gone('10.0.0.1, 10.0.0.2', 'a', 'b', 'c')]);
  });

  it('are no doing of others where they went with their link', () => {
    reconcile();
    [up, tables] = [false, []];
    reconcile();
    up = true;
    tables = [];
    reconcile();
    expect([routes.takeNews(), tables.length]).toEqual([NOTHING, 2]);
  });

  it('are a problem of their flows for as long as the kernel does not take them back', () => {
    reconcile();
    [rules, refusal] = [[], 'the kernel said no'];
    reconcile();
    const { problems } = routes.takeNews();
    expect(problems.map(({ key }) => key)).toEqual(['a', 'b', 'c']);
    expect(problems[0]!.problem.detail).toMatch(/10\.0\.0\.1 cannot be put back: the kernel said no/);
    expect(routes.takeNews()).toMatchObject({ disturbances: [], problems: [{ key: 'a' }, { key: 'b' }, { key: 'c' }] });
    refusal = null;
    reconcile();
    expect([routes.hasNews, routes.takeNews(), rules.length]).toEqual([true, NOTHING, 2]);
  });
});
