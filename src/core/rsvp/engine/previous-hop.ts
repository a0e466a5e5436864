import type { Psb } from './blocks.ts';
import type { EngineState } from './state.ts';

/**
 * What this node had reserved for the flow is gone here while the next node may still believe it in place and repeat its RESV
 * only with its next refresh. PATH that names another previous hop is answered at once (RFC 2205 3.6), and a previous hop is its
 * address together with its logical interface handle: so PATH names another one from now on, which no earlier run of this
 * node has named.
 */
export function becomeOtherHop(state: EngineState, psb: Psb): void {
  if (psb.session.multicast) return;
  const instance = state.settings.neighbours?.instance ?? 0;
  psb.handle = (instance + Math.floor(state.now) + 1) >>> 0;
}
