import { followInterfaces } from './neighbours/links.ts';
import { sendPath } from './path-state.ts';
import { askRoute } from './route.ts';
import type { EngineState } from './state.ts';
import { removeAllRsbs } from './traffic-control.ts';
import type { EngineInterface } from './types.ts';
import { stopUpstream } from './upstream.ts';

/**
 * A new set of interfaces. Reservations on one that vanished go at once, and the route is asked again. Path state that
 * came in through one stays until it is refreshed by another way or times out, so that a repaired path finds its
 * reservations in place (RFC 2205 3.6). A new address of an interface is a new previous hop for the next node.
 */
export function replaceInterfaces(state: EngineState, interfaces: readonly EngineInterface[]): void {
  const before = state.interfaces;
  state.interfaces = new Map(interfaces.map((each) => [each.name, each]));
  state.localAddresses = new Set(interfaces.flatMap((each) => [each.address, ...each.addresses]));
  followInterfaces(state);
  for (const psb of state.psbs.values()) {
    if (!psb.routed) continue;
    if (psb.route === null) {
      if (psb.queryId === null) askRoute(state, psb);
      continue;
    }
    if (psb.route.local) continue;
    const now = state.interfaces.get(psb.route.interface);
    if (now === undefined) {
      removeAllRsbs(state, psb, 'interface');
      stopUpstream(state, psb);
      state.timers.cancel(psb.refresh);
      psb.route = null;
      askRoute(state, psb);
    } else if (now.address !== before.get(now.name)?.address) {
      sendPath(state, psb, 'change');
    }
  }
}
