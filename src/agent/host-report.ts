import { create } from '@bufbuild/protobuf';
import { formatPrefix } from '../core/base/ip.ts';
import { BitsPerSecond, Bytes, BytesPerSecond, Micros } from '../core/base/units.ts';
import type { Route } from '../core/network/topology.ts';
import { hopErrorTerms } from '../core/qos/error-terms.ts';
import type { EngineInterface } from '../core/rsvp/engine/types.ts';
import type { ShapedInterface } from '../core/shaping/desired.ts';
import {
  AgentInterfaceSchema,
  AgentNextHopSchema,
  AgentRouteSchema,
  type AgentInterface,
  type AgentRoute,
} from '../gen/headroom/v1/agent_channel_pb.ts';
import type { InterfaceSettings } from './interface-settings.ts';
import type { HostInterface } from './netlink/host-network.ts';

export const interfaceMessages = (interfaces: readonly HostInterface[]): AgentInterface[] =>
  interfaces.map((one) =>
    create(AgentInterfaceSchema, {
      name: one.name,
      addresses: one.addresses.map(formatPrefix),
      mtuBytes: one.mtuBytes,
      speedBitsPerSecond: BigInt(one.speedBitsPerSecond ?? 0),
      up: one.up,
      ...(one.rpFilter === null ? {} : { rpFilter: one.rpFilter }),
    }),
  );

export const routeMessages = (routes: readonly Route[]): AgentRoute[] =>
  routes.map((route) =>
    create(AgentRouteSchema, {
      destination: formatPrefix(route.destination),
      interface: route.interface,
      gateway: route.gateway ?? '',
      metric: route.metric,
      others: (route.others ?? []).map((hop) =>
        create(AgentNextHopSchema, { interface: hop.interface, gateway: hop.gateway ?? '' }),
      ),
    }),
  );

/** The interfaces that RSVP can speak on, with what it advertises of them: the same error terms as the books use. */
export function engineInterfaces(
  host: readonly HostInterface[],
  settings: readonly InterfaceSettings[],
): EngineInterface[] {
  return host.flatMap((one) => {
    const first = one.addresses[0];
    if (!first || !one.up) return [];
    const known = settings.find((s) => s.name === one.name);
    const capacity = known?.capacityBitsPerSecond ?? one.speedBitsPerSecond;
    const mtu = Bytes(one.mtuBytes);
    const link = {
      capacityBitsPerSecond: capacity === null || capacity === 0 ? null : BitsPerSecond(capacity),
      overheadBytes: Bytes(known?.overheadBytes ?? 0),
      errorCBytes: known?.errorCBytes == null ? null : Bytes(known.errorCBytes),
      errorDMicros: known?.errorDMicros == null ? null : Micros(known.errorDMicros),
    };
    return [
      {
        name: one.name,
        address: first.address,
        addresses: one.addresses.map((prefix) => prefix.address),
        mtu,
        bandwidth: BytesPerSecond((capacity ?? 0) / 8),
        latency: Micros(known?.delayMicros ?? 0),
        errorC: link.errorCBytes,
        overhead: link.overheadBytes,
        errorD: hopErrorTerms(link, mtu).rateIndependent,
      },
    ];
  });
}

/** The interfaces that the topology has links on and this host has: these are shaped, also while nothing is reserved. */
export const shapedInterfaces = (
  host: readonly HostInterface[],
  settings: readonly InterfaceSettings[],
): ShapedInterface[] =>
  settings.flatMap((known) => {
    const one = host.find((h) => h.name === known.name);
    if (!one || known.capacityBitsPerSecond === 0) return [];
    return [
      {
        name: one.name,
        capacityBitsPerSecond: BitsPerSecond(known.capacityBitsPerSecond),
        mtuBytes: Bytes(one.mtuBytes),
        overheadBytes: Bytes(known.overheadBytes),
      },
    ];
  });
