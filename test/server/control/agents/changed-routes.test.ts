import { expect, it } from 'vitest';
import { changedRoutes } from '../../../../src/server/control/agents/changed-routes.ts';
import type { Route } from '../../../../src/core/network/topology.ts';
import { ip } from '../../../support/network.ts';

const route = (third: number, more: Partial<Route> = {}): Route => ({
  destination: { address: ip(`10.0.${third}.0`), length: 24 },
  ...{ interface: 'eth0', gateway: ip('10.0.0.1'), metric: 0 },
  ...more,
});

it('reported differences change what was reported before, and only that', () => {
  const several = route(1, { others: [{ interface: 'eth1', gateway: null }] });
  expect(changedRoutes([route(1), route(2)], [several], [route(1)])).toEqual([route(2), several]);
  expect(changedRoutes([several], [route(1)], [route(7)])).toEqual([several, route(1)]);
  expect(changedRoutes([route(1)], [route(1)], [])).toEqual([route(1)]);
});
