import { Millis } from '../../base/units.ts';
import type { Psb, Rsb } from './blocks.ts';
import { carriedBy } from './carried.ts';
import { sameFlowspec } from './merge.ts';
import { neighbourRows } from './neighbours/rows.ts';
import { recordedAddresses } from './route-objects.ts';
import { leavesBy } from './session.ts';
import type { EngineState } from './state.ts';
import { isArmed } from './timer.ts';
import type { EngineSnapshot } from './types.ts';

type PathRow = EngineSnapshot['paths'][number];
type ReservationRow = EngineSnapshot['reservations'][number];

/** The state as plain data, for people and tests. */
export function takeSnapshot(state: EngineState, now: number): EngineSnapshot {
  const psbs = [...state.psbs.values()];
  return {
    paths: psbs.map((psb) => pathRow(psb, now)),
    reservations: psbs.flatMap((psb) => reservationRows(psb, now)),
    timers: [...state.timers.armed()].map(([kind, { count, next }]) => ({
      kind,
      count,
      nextInMs: remaining(next, now),
    })),
    neighbours: neighbourRows(state, now),
    counters: state.counters.snapshot(),
  };
}

function pathRow(psb: Psb, now: number): PathRow {
  const outgoingInterfaces = psb.way?.branches.map((branch) => branch.interface) ?? [];
  return {
    flow: psb.flow,
    previousHop: psb.hop?.address ?? null,
    incomingInterface: psb.hop?.interface ?? null,
    outgoingInterfaces,
    tspec: psb.contents.tspec,
    adspec: psb.contents.adspec,
    ...routeOf(psb),
    ...carriedBy(psb.contents.forwarded),
    local: psb.hop === null ? 'sender' : psb.way?.local ? 'receiver' : null,
    expiresInMs: isArmed(psb.expiry) ? remaining(psb.expiry.at, now) : null,
  };
}

/** Only where the way is prescribed or on record. */
function routeOf({ contents }: Psb): Pick<PathRow, 'explicitRoute' | 'recordedRoute'> {
  const recordedRoute = recordedAddresses(contents);
  const ahead = contents.explicitRoute?.flatMap((hop) => (hop.hop === 'address' ? [hop.address] : []));
  return { ...(ahead && { explicitRoute: ahead }), ...(recordedRoute && { recordedRoute }) };
}

function reservationRows(psb: Psb, now: number): ReservationRow[] {
  const shared = psb.session.shared.filter((tcsb) => leavesBy(psb, tcsb.interface));
  const rsbs = [...psb.reservations, ...shared].flatMap((tcsb) => tcsb.rsbs);
  return rsbs
    .filter((rsb) => rsb.filters === null || rsb.filters.has(psb.key))
    .map((rsb) => ({
      flow: psb.flow,
      style: rsb.tcsb.style,
      interface: rsb.tcsb.interface,
      nextHop: rsb.nextHop,
      flowspec: rsb.accepted ?? rsb.requested,
      ...carriedBy(rsb.forwarded),
      state: reservationState(rsb, psb),
      expiresInMs: remaining((rsb.filters?.get(psb.key) ?? rsb).expiry.at, now),
    }));
}

function reservationState(rsb: Rsb, psb: Psb): ReservationRow['state'] {
  const held = rsb.accepted !== null && (rsb.filters === null || rsb.filters.get(psb.key)?.accepted === true);
  if (rsb.refusal !== null) return held ? 'installed' : 'refused';
  return held && sameFlowspec(rsb.accepted!, rsb.requested) ? 'installed' : 'installing';
}

const remaining = (at: number, now: number): Millis => Millis(Math.max(0, at - now));
