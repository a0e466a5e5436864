import { buildResv, NEIGHBOUR_TTL } from './messages.ts';
import type { Psb } from './psb.ts';
import type { Rsb } from './rsb.ts';
import { encode } from './send.ts';
import { pathJournalKey, resvJournalKey, type EngineState } from './state.ts';
import type { EngineInput } from './types.ts';

type Packet = EngineInput & { readonly type: 'packet' };

/** The PATH that made or changed the state, as it came. */
export function rememberPath(state: EngineState, psb: Psb, input: Packet): void {
  state.out.push({ type: 'remember', key: pathJournalKey(psb.key), input: { ...input, remembered: true } });
}

export function forgetPath(state: EngineState, psb: Psb): void {
  if (psb.hop !== null) state.out.push({ type: 'forget', key: pathJournalKey(psb.key) });
}

/**
 * A RESV that asks for just this reservation. The one that came may have had more descriptors, whose state may go
 * earlier, and a flowspec that was refused; neither may come back.
 */
export function rememberResv(state: EngineState, psb: Psb, rsb: Rsb): void {
  const destination = state.interfaces.get(rsb.interface)?.address;
  if (rsb.accepted === null || destination === undefined) return;
  const { forwarded, refreshPeriod, nextHop } = rsb;
  const parts = { flowspec: rsb.accepted, confirm: null, forwarded, refreshPeriod };
  const bytes = encode(state, buildResv(psb.flow, parts, nextHop, 0));
  if (bytes === null) return;
  const input: Packet = {
    type: 'packet',
    interface: rsb.interface,
    source: nextHop,
    destination,
    ttl: NEIGHBOUR_TTL,
    bytes,
    remembered: true,
  };
  state.out.push({ type: 'remember', key: resvJournalKey(psb.key, nextHop), input });
}

export function forgetResv(state: EngineState, psb: Psb, rsb: Rsb): void {
  state.out.push({ type: 'forget', key: resvJournalKey(psb.key, rsb.nextHop) });
}
