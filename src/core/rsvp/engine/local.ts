import { Millis } from '../../base/units.ts';
import { rawObject } from '../wire/codec.ts';
import { initialAdspec } from './adspec.ts';
import { NONE, type PathContents, type Psb } from './blocks.ts';
import { sameTspec } from './merge.ts';
import { FIRST_TTL } from './messages.ts';
import { createPsb, emitPathUp, removePath, sendPath } from './path-state.ts';
import { askRoute, turn } from './route.ts';
import { sameRouteObjects, strictHop, strictNext, type RouteObjects } from './route-objects.ts';
import { drop, type EngineState, type EngineTimer } from './state.ts';
import { sameObjects } from './unknown-objects.ts';
import { flowKeyText, type EngineInput, type FlowKey } from './types.ts';

type OpenSender = EngineInput & { readonly type: 'openSender' };

/** This host sends: PATH goes out when the route is known. Again with another Tspec: at once. */
export function openSender(
  state: EngineState,
  { flow, tspec, explicitRoute, recordRoute, policyData }: OpenSender,
): void {
  const psb = state.psbs.get(flowKeyText(flow));
  const route: RouteObjects = {
    explicitRoute: explicitRoute === undefined || explicitRoute.length === 0 ? null : explicitRoute.map(strictHop),
    recordedRoute: recordRoute === true ? NONE : null,
  };
  const forwarded = policyData === undefined || policyData.length === 0 ? NONE : policyData.map(rawObject);
  if (psb !== undefined && psb.hop === null) {
    const same = sameTspec(psb.contents.tspec, tspec) && sameRouteObjects(psb.contents, route);
    if (same && sameObjects(psb.contents.forwarded, forwarded)) return;
    const otherWay = strictNext(psb.contents) !== (explicitRoute?.[0] ?? null);
    psb.contents = { ...psb.contents, tspec, forwarded, ...route };
    if (otherWay) turn(state, psb);
    if (!psb.routed || psb.turning) return;
    emitPathUp(state, psb);
    return sendPath(state, psb, 'change');
  }
  // A flow whose source was believed elsewhere until now: what the network said of it is worth nothing.
  if (psb !== undefined) removePath(state, psb, 'closed', false);
  if (state.psbs.size >= state.settings.maxFlows) return drop(state, 'tooManyFlows');
  const contents: PathContents = {
    sessionFlags: 0,
    tspec,
    adspec: initialAdspec,
    forwarded,
    nonRsvpHop: false,
    ...route,
  };
  const { refreshPeriod } = state.settings;
  const created = createPsb(state, flow, contents, null, FIRST_TTL, Millis(refreshPeriod), EXPIRY);
  askRoute(state, created);
}

/** Never armed: a sender on this host stays until it is closed. */
const EXPIRY: EngineTimer<Psb> = { name: 'path expiry', fire: () => undefined };

export function closeSender(state: EngineState, flow: FlowKey): void {
  const psb = state.psbs.get(flowKeyText(flow));
  if (psb !== undefined && psb.hop === null) removePath(state, psb, 'closed', true);
}
