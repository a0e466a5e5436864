import type { EpochMs } from '../base/units.ts';
import type { NetworkGraph } from '../network/graph.ts';
import type { NodeName, Route } from '../network/topology.ts';
import type { Ledger } from './ledger.ts';

/** Everything that a decision may depend on, as far as this server knows it. */
export interface World {
  readonly graph: NetworkGraph;
  readonly ledger: Ledger;
  /** Kernel routes as agents report them, by node; a node without an entry routes by the stored costs. */
  readonly routes: ReadonlyMap<NodeName, readonly Route[]>;
  /** Nodes whose required agent is silent, with when it was last seen (null = never). */
  readonly unreachable: ReadonlyMap<NodeName, EpochMs | null>;
  readonly now: EpochMs;
}
