import { Millis } from '../../base/units.ts';
import type { Psb } from './psb.ts';
import type { Rsb } from './rsb.ts';
import type { EngineState } from './state.ts';
import type { EngineSnapshot } from './types.ts';
import { sameFlowspec } from './merge.ts';

type PathRow = EngineSnapshot['paths'][number];
type ReservationRow = EngineSnapshot['reservations'][number];

/** The state as plain data, for people and tests. */
export function takeSnapshot(state: EngineState, now: number): EngineSnapshot {
  const psbs = [...state.psbs.values()];
  return {
    paths: psbs.map((psb) => pathRow(psb, now)),
    reservations: psbs.flatMap((psb) => [...psb.rsbs.values()].map((rsb) => reservationRow(psb, rsb, now))),
    timers: [...state.timers.armed()].map(([kind, { count, next }]) => ({
      kind,
      count,
      nextInMs: remaining(next, now),
    })),
    counters: state.counters.snapshot(),
  };
}

function pathRow(psb: Psb, now: number): PathRow {
  return {
    flow: psb.flow,
    previousHop: psb.hop?.address ?? null,
    incomingInterface: psb.hop?.interface ?? null,
    outgoingInterface: psb.route === null || psb.route.local ? null : psb.route.interface,
    tspec: psb.contents.tspec,
    adspec: psb.contents.adspec,
    local: psb.hop === null ? 'sender' : psb.route?.local ? 'receiver' : null,
    expiresInMs: psb.expiry.at === null ? null : remaining(psb.expiry.at, now),
  };
}

function reservationRow(psb: Psb, rsb: Rsb, now: number): ReservationRow {
  return {
    flow: psb.flow,
    interface: rsb.interface,
    nextHop: rsb.nextHop,
    flowspec: rsb.accepted ?? rsb.requested,
    state: reservationState(rsb),
    expiresInMs: remaining(rsb.expiry.at ?? now, now),
  };
}

function reservationState(rsb: Rsb): ReservationRow['state'] {
  if (rsb.refusal !== null) return rsb.accepted === null ? 'refused' : 'installed';
  return rsb.accepted !== null && sameFlowspec(rsb.accepted, rsb.requested) ? 'installed' : 'installing';
}

const remaining = (at: number, now: number): Millis => Millis(Math.max(0, at - now));
