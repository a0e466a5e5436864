import type { Psb, Rsb } from './blocks.ts';
import type { Stands } from './neighbours/neighbour.ts';
import { refreshPath } from './path.ts';
import { refresh } from './resv.ts';
import { leavesBy } from './session.ts';
import type { EngineState } from './state.ts';

/**
 * What a message would do that says of the state just what made it (RFC 2961 5.3). False where nothing of it is left to
 * refresh, or it could not be refreshed so: then the message itself is wanted.
 */
export function refreshState(state: EngineState, block: Stands): boolean {
  return isPath(block) ? refreshPath(state, block) : refreshReservation(state, block as Rsb);
}

const isPath = (block: Stands): block is Psb => 'flow' in block;

function refreshReservation(state: EngineState, rsb: Rsb): boolean {
  const { sender, interface: name } = rsb.tcsb;
  if (sender === null || !leavesBy(sender, name)) return false;
  const { refreshPeriod, requested, scope, forwarded, styleObject } = rsb;
  const arrived = {
    refreshPeriod,
    flowspec: { kind: 'flowspec', flowspec: requested } as const,
    scope,
    confirm: null,
    forwarded,
    styleObject,
  };
  refresh(state, rsb, arrived, [sender]);
  return true;
}
