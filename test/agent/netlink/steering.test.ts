import { expect, it } from 'vitest';
import { NLM_F_CREATE, NLM_F_REPLACE, RTM_NEWROUTE } from '../../../src/agent/netlink/message.ts';
import { steeringRequest, steeringRouteOf } from '../../../src/agent/netlink/steering.ts';
import { DEFAULT_STEERING } from '../../../src/core/shaping/steering.ts';
import { ip } from '../../support/network.ts';

it.each(['10.12.0.2', 'fe80::2'])('a table whose route leads to %s is read back as it was made', (address) => {
  const route = { table: 42_007, interface: 'eth1', gateway: ip(address) };
  const request = steeringRequest({ op: 'setRoute', route }, () => 3)!;
  expect(request).toMatchObject({ type: RTM_NEWROUTE, flags: NLM_F_CREATE | NLM_F_REPLACE });
  const message = { ...request, sequence: 1, port: 0 };
  expect(steeringRouteOf(message, DEFAULT_STEERING, new Map([[3, 'eth1']]))).toEqual([route]);
});
