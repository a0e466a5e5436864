import type { IpAddress } from '../../base/ip.ts';
import { seededRandom, type Random } from '../../base/random.ts';
import { MonotonicMs } from '../../base/units.ts';
import type { DigestFunction } from '../wire/integrity.ts';
import type { LocalRequest, Psb, Session, Tcsb, Upstream } from './blocks.ts';
import { Counters } from './counters.ts';
import type { SharedValues } from './shared.ts';
import { createNeighbours, type Neighbours } from './neighbours/neighbour.ts';
import { PLAIN_NEIGHBOURS } from './neighbours/settings.ts';
import { TimerQueue } from './timer-queue.ts';
import type { TimerKind } from './timer.ts';
import type { EngineEvent, EngineInterface, EngineOutput, EngineSettings } from './types.ts';

/** Everything an engine knows. Functions of this folder take it and change it; only `engine.ts` makes one. */
export interface EngineState {
  readonly settings: EngineSettings;
  readonly digest: DigestFunction | null;
  readonly random: Random;
  readonly timers: TimerQueue<EngineState>;
  readonly counters: Counters;
  /** The instant of the input being handled. */
  now: MonotonicMs;
  /** The instant of the first input. */
  startedAt: MonotonicMs | null;
  interfaces: ReadonlyMap<string, EngineInterface>;
  localAddresses: ReadonlySet<IpAddress>;
  /** By sessionKeyText. */
  readonly sessions: Map<string, Session>;
  /** By flowKeyText. */
  readonly psbs: Map<string, Psb>;
  /** How many sessions have path state, by destination. */
  readonly destinations: Map<IpAddress, number>;
  /** How many sessions with a port have path state, by protocol and destination. */
  readonly sessionsWithPort: Map<number, Map<IpAddress, number>>;
  /** What receivers on this host ask of a sender by name, by flowKeyText. */
  readonly requests: Map<string, readonly LocalRequest[]>;
  receivers: number;
  /** RESVs that wait. */
  pending: number;
  readonly queries: Map<number, Psb>;
  readonly installs: Map<number, Tcsb>;
  /** RESVs with something to say that is not said yet; empty between inputs. */
  readonly unsent: Set<Upstream>;
  readonly neighbours: Neighbours;
  readonly shared: SharedValues;
  lastId: number;
  out: EngineOutput[];
}

/** What a timer of the engine is for. */
export type EngineTimer<S> = TimerKind<EngineState, S>;

export function createState(
  settings: EngineSettings,
  digest: DigestFunction | null,
  shared: SharedValues,
): EngineState {
  return {
    settings,
    digest,
    random: seededRandom(settings.seed),
    timers: new TimerQueue(),
    counters: new Counters(),
    now: MonotonicMs(0),
    startedAt: null,
    interfaces: new Map(),
    localAddresses: new Set(),
    sessions: new Map(),
    psbs: new Map(),
    destinations: new Map(),
    sessionsWithPort: new Map(),
    requests: new Map(),
    receivers: 0,
    pending: 0,
    queries: new Map(),
    installs: new Map(),
    unsent: new Set(),
    neighbours: createNeighbours(settings.neighbours ?? PLAIN_NEIGHBOURS),
    shared,
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
