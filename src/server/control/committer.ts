import type { SteeringAbility } from '../../core/admission/world.ts';
import type { EpochMs } from '../../core/base/units.ts';
import type { NetworkGraph } from '../../core/network/graph.ts';
import type { NodeName, Route, Topology } from '../../core/network/topology.ts';
import type { LifeCycleEvent } from '../../core/reservation/life-cycle-events.ts';
import type { Reservation } from '../../core/reservation/reservation.ts';

/** (epoch, counter) of the desired state of one agent; compared for equality only. */
export interface Generation {
  readonly epoch: string;
  readonly counter: bigint;
}

/** What one transaction changed, told to listeners in commit order after it is durable. */
export interface CommittedGroup {
  /** As they are now, each once. */
  readonly reservations: readonly Reservation[];
  /** The new generation of every node whose desired state changed. */
  readonly generations: ReadonlyMap<NodeName, Generation>;
  /** The stored topology is another one. */
  readonly topologyChanged: boolean;
}

/** The ledger in memory: what PostgreSQL says, as far as this replica has followed. */
export interface Books {
  /** Not ended ones only. */
  get(id: string): Reservation | undefined;
  /** All that are not ended. */
  live(): Iterable<Reservation>;
  /** Those whose path has the node, not ended. */
  byNode(node: NodeName): Iterable<Reservation>;
  topology(): { readonly topology: Topology; readonly graph: NetworkGraph; readonly version: bigint };
  /** Current generation of a node's desired state. */
  generation(node: NodeName): Generation;
  /** PostgreSQL's clock: offset measured, monotonic between. */
  now(): EpochMs;
}

/** The one way to change the books. Changes of the same moment share a transaction (group commit). */
export interface Committer {
  readonly books: Books;
  /**
   * Applies life-cycle events (core/reservation/life-cycle) to stored reservations, durably, with one event each.
   * Resolves with the new state, or null where the reservation is unknown, ended, or the event changes nothing.
   */
  transition(id: string, event: LifeCycleEvent): Promise<Reservation | null>;
  /** Listeners run in commit order, synchronously, after COMMIT and before callers get their answers. */
  onCommitted(listener: (group: CommittedGroup) => void): void;
}

/** What admission must know of agents; implemented by the agents' registry. */
export interface AgentDirectory {
  /** Nodes with agent `required` whose agent was silent for 30 s or never came, with when it was last seen. */
  unreachable(): ReadonlyMap<NodeName, EpochMs | null>;
  /** Kernel routes as reported, per node. */
  routes(): ReadonlyMap<NodeName, readonly Route[]>;
  /** What agents can do to steer single flows, by node; none that has no agent. */
  steering(): ReadonlyMap<NodeName, SteeringAbility>;
  /** True when the node's agent has a stream open now. */
  connected(node: NodeName): boolean;
  /** True when the node's agent enforces in the kernel. */
  enforces(node: NodeName): boolean;
}
