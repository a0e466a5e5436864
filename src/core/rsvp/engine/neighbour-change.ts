import type { IpAddress } from '../../base/ip.ts';
import type { Psb } from './blocks.ts';
import { sendPath } from './path-state.ts';
import type { EngineState } from './state.ts';
import { flushUpstream, repeatUpstream } from './upstream.ts';

/** What Hello messages tell of a neighbour (RFC 3209 5). */
export interface NeighbourChange {
  readonly interface: string;
  readonly address: IpAddress;
  /** `restarted`: it forgot everything. `lost`: nothing is heard of it. `back`: it is heard again and forgot nothing. */
  readonly change: 'restarted' | 'lost' | 'back';
}

/**
 * A neighbour that restarted is told at once of all state that it had from here (RFC 3209 5.3: the state is to be
 * re-established). State that came from a lost one times out by itself unless it is refreshed again.
 */
export function neighbourChanged(state: EngineState, { interface: name, address, change }: NeighbourChange): void {
  if (change !== 'restarted') return;
  for (const psb of state.psbs.values()) {
    if (leadsTo(psb, name, address)) sendPath(state, psb, 'change');
    if (psb.hop?.interface === name && psb.hop.address === address) repeatUpstream(state, psb, null);
  }
  flushUpstream(state);
}

function leadsTo(psb: Psb, name: string, address: IpAddress): boolean {
  const branch = psb.way?.branches.find((each) => each.interface === name);
  if (branch === undefined) return false;
  if (psb.session.multicast || (branch.gateway ?? psb.flow.destination) === address) return true;
  const blocks = psb.reservations.length > 0 ? psb.reservations : psb.session.shared;
  return blocks.some((tcsb) => tcsb.interface === name && tcsb.rsbs.some((rsb) => rsb.nextHop === address));
}
