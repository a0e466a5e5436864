import type { LinkId, Topology } from '../../core/network/topology.ts';
import type { ReservationRequest } from '../../core/qos/request.ts';
import type { LifeCycleEvent } from '../../core/reservation/life-cycle-events.ts';
import type { Reservation } from '../../core/reservation/reservation.ts';
import type { ControlError } from './errors.ts';
import type { TopologyPlan } from './topology-plan.ts';

/** What waits for a group; `losses` counts how often a group could not decide it. */
interface Waiting<T> {
  losses: number;
  resolve(value: T): void;
  reject(error: unknown): void;
}

export interface ReserveItem extends Waiting<{ reservation: Reservation; replayed: boolean }> {
  readonly kind: 'reserve';
  /** UUIDv7 that the reservation gets. */
  readonly id: string;
  readonly request: ReservationRequest;
  readonly key: { readonly key: string; readonly bodyHash: string } | null;
  /** Decides only. */
  readonly preview: boolean;
}

export interface ModifyItem extends Waiting<{ reservation: Reservation; replayed: boolean }> {
  readonly kind: 'modify';
  readonly id: string;
  /** Merge patches as the caller wrote them: what they come to is judged on the reservation as it is then. */
  readonly patches: readonly unknown[];
  /** In quotes, or `*`. */
  readonly ifMatch: string;
  readonly key: { readonly key: string; readonly bodyHash: string } | null;
}

export interface TransitionItem extends Waiting<Reservation | null> {
  readonly kind: 'transition';
  readonly id: string;
  readonly event: LifeCycleEvent;
}

export interface TopologyItem extends Waiting<TopologyPlan> {
  readonly kind: 'topology';
  readonly next: Topology;
  readonly ifMatch: string | null;
  readonly force: boolean;
  readonly preview: boolean;
}

export type GroupItem = ReserveItem | ModifyItem | TransitionItem | TopologyItem;

/** Those that may come with an idempotency key. */
export type CallItem = ReserveItem | ModifyItem;

export const isCall = (item: GroupItem): item is CallItem => item.kind === 'reserve' || item.kind === 'modify';

/** An answer that depends on what others have committed: it holds while these are the committed versions. */
export interface Basis {
  readonly links: ReadonlyMap<LinkId, bigint>;
  readonly topology: bigint;
  /** A reservation that stands in the way or was to be changed, with its revision. */
  readonly existing: { readonly id: string; readonly revision: number } | null;
}

/** A refusal, what a preview would answer, or a change that changes nothing. */
export interface Unbooked {
  readonly item: CallItem;
  readonly answer: ControlError | Reservation;
  readonly basis: Basis;
}
