import type { IpAddress } from '../../base/ip.ts';
import { seededRandom, type Random } from '../../base/random.ts';
import { MonotonicMs } from '../../base/units.ts';
import type { Flowspec } from '../../qos/flowspec.ts';
import { Counters } from './counters.ts';
import { createNeighbours, type Neighbours } from './neighbours/neighbour.ts';
import { PortUse } from './port-use.ts';
import type { Psb } from './psb.ts';
import type { ArrivedResv } from './rsb.ts';
import { TimerQueue, type Timer } from './timers.ts';
import type { EngineEvent, EngineInterface, EngineOutput, EngineSettings } from './types.ts';

/** A receiver that this host opened. */
export interface LocalReceiver {
  readonly flowspec: Flowspec;
  /** A ResvConf is still wanted: RESV asks for it until it or an error comes. */
  awaitsConfirm: boolean;
}

/** Everything an engine knows. Functions of this folder take it and change it; only `engine.ts` makes one. */
export interface EngineState {
  readonly settings: EngineSettings;
  readonly random: Random;
  readonly timers: TimerQueue;
  readonly counters: Counters;
  /** The instant of the input being handled. */
  now: MonotonicMs;
  /** The instant of the first input. */
  startedAt: MonotonicMs | null;
  interfaces: ReadonlyMap<string, EngineInterface>;
  localAddresses: ReadonlySet<IpAddress>;
  /** By flowKeyText. */
  readonly psbs: Map<string, Psb>;
  readonly ports: PortUse;
  readonly receivers: Map<string, LocalReceiver>;
  /** RESVs for senders of this host that are not open yet, by flowKeyText. */
  readonly held: Map<string, { readonly arrived: ArrivedResv; readonly timer: Timer }>;
  readonly queries: Map<number, Psb>;
  readonly installs: Map<number, Psb>;
  readonly neighbours: Neighbours;
  lastId: number;
  out: EngineOutput[];
}

export function createState(settings: EngineSettings): EngineState {
  return {
    settings,
    random: seededRandom(settings.seed),
    timers: new TimerQueue(),
    counters: new Counters(),
    now: MonotonicMs(0),
    startedAt: null,
    interfaces: new Map(),
    localAddresses: new Set(),
    psbs: new Map(),
    ports: new PortUse(),
    receivers: new Map(),
    held: new Map(),
    queries: new Map(),
    installs: new Map(),
    neighbours: createNeighbours(settings.neighbours?.instance ?? 1),
    lastId: 0,
    out: [],
  };
}

export const emit = (state: EngineState, event: EngineEvent): void => void state.out.push({ type: 'event', event });
/** Counts a message that is dropped, also for the neighbour whose message is being handled. */
export function drop(state: EngineState, reason: string): void {
  state.counters.dropped(reason);
  const dropped = state.neighbours.current?.dropped;
  dropped?.set(reason, (dropped.get(reason) ?? 0) + 1);
}
export const newId = (state: EngineState): number => ++state.lastId;

/**
 * Journal keys. Sorted as text, paths come before reservations: played in that order, every RESV finds its path state.
 */
export const pathJournalKey = (flowKey: string): string => `path ${flowKey}`;
export const resvJournalKey = (flowKey: string, nextHop: IpAddress): string => `resv ${flowKey} via ${nextHop}`;
