import type { Psb, SparePath } from './blocks.ts';
import { added, without } from './session.ts';
import type { EngineState, EngineTimer } from './state.ts';
import { newTimer } from './timer.ts';
import { lifetime } from './timers.ts';

const EXPIRY: EngineTimer<{ readonly psb: Psb; readonly spare: SparePath }> = {
  name: 'path expiry',
  fire: (_, { psb, spare }) => void (psb.spares = without(psb.spares, spare)),
};

type Path = Pick<SparePath, 'contents' | 'ttl' | 'refreshPeriod'> & { readonly hop: SparePath['hop'] | null };

/** PATH of a group came in by an interface that routing does not name: kept apart (Local_Only of RFC 2209). */
export function keepSpare(state: EngineState, psb: Psb, { hop, contents, ttl, refreshPeriod }: Path): void {
  if (hop === null) return;
  const known = spareOn(psb, hop.interface);
  const spare: SparePath = known ?? {
    hop,
    contents,
    ttl,
    refreshPeriod,
    expiry: newTimer(EXPIRY),
  };
  spare.expiry.subject = { psb, spare };
  Object.assign(spare, { hop, contents, ttl, refreshPeriod });
  if (known === undefined) psb.spares = added(psb.spares, spare);
  state.timers.set(spare.expiry, state.now + lifetime(refreshPeriod, state.settings.refreshPeriod));
}

export const spareOn = (psb: Psb, name: string): SparePath | undefined =>
  psb.spares.find(({ hop }) => hop.interface === name);

export function dropSpare(state: EngineState, psb: Psb, spare: SparePath): void {
  state.timers.cancel(spare.expiry);
  psb.spares = without(psb.spares, spare);
}
