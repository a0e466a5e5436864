import type { Branch, Psb } from './blocks.ts';
import { followInterfaces } from './neighbours/links.ts';
import { emitPathUp, leaveBranch, sendPath } from './path-state.ts';
import { becomeOtherHop } from './previous-hop.ts';
import { askRoute } from './route.ts';
import type { EngineState } from './state.ts';
import { removeReservationsOn, tellDown } from './traffic-control.ts';
import type { EngineInterface } from './types.ts';
import { flushUpstream, leaveUpstream, reviewUpstream } from './upstream.ts';

/**
 * A new set of interfaces. Reservations on one that vanished go at once, and the route is asked again. Path state that
 * came in through one stays until it is refreshed by another way or times out, so that a repaired path finds its
 * reservations in place (RFC 2205 3.6). A new address of an interface is a new previous hop for the next node, and what
 * ADSPEC says of it goes on at once.
 */
export function replaceInterfaces(state: EngineState, interfaces: readonly EngineInterface[]): void {
  const before = state.interfaces;
  state.interfaces = new Map(interfaces.map((each) => [each.name, each]));
  state.localAddresses = new Set(interfaces.flatMap((each) => [each.address, ...each.addresses]));
  followInterfaces(state);
  for (const psb of state.psbs.values()) {
    if (!psb.routed) continue;
    if (psb.way === null) {
      if (psb.queryId === null) askRoute(state, psb);
      continue;
    }
    const gone = psb.way.branches.filter((branch) => !state.interfaces.has(branch.interface));
    if (gone.length > 0) loseBranches(state, psb, gone);
    else if (psb.way.branches.some((branch) => isOther(before, state.interfaces, branch)))
      sendPath(state, psb, 'change');
  }
  flushUpstream(state);
}

function loseBranches(state: EngineState, psb: Psb, gone: readonly Branch[]): void {
  if (psb.way === null) return;
  for (const { interface: name } of gone) {
    removeReservationsOn(state, psb, name, 'interface');
    becomeOtherHop(state, psb);
    leaveBranch(state, psb, name, false);
  }
  const branches = psb.way.branches.filter((branch) => !gone.includes(branch));
  if (psb.session.multicast) {
    psb.way = { ...psb.way, branches };
    emitPathUp(state, psb);
    reviewUpstream(state, psb);
  } else {
    psb.way = null;
    leaveUpstream(state, psb, false);
  }
  // A share for all senders may have stayed for those whose branch is still to be lost.
  tellDown(state, psb, 'interface');
  if (branches.length === 0) state.timers.cancel(psb.refresh);
  askRoute(state, psb);
}

const isOther = (
  before: ReadonlyMap<string, EngineInterface>,
  now: ReadonlyMap<string, EngineInterface>,
  { interface: name }: Branch,
): boolean => {
  const [a, b] = [before.get(name), now.get(name)];
  if (a === undefined || b === undefined) return a !== b;
  return (['address', 'mtu', 'bandwidth', 'latency', 'errorC', 'errorD', 'overhead'] as const).some(
    (field) => a[field] !== b[field],
  );
};
