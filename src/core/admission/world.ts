import type { EpochMs } from '../base/units.ts';
import type { NetworkGraph } from '../network/graph.ts';
import type { NodeName, Route } from '../network/topology.ts';
import type { Ledger } from './ledger.ts';

/** What a node's agent says of steering single flows; a node without an entry has no agent that could. */
export interface SteeringAbility {
  /** Why it cannot, in a sentence; null = it can. */
  readonly missing: string | null;
  /** Interfaces with strict reverse-path filtering: `net.ipv4.conf.<interface>.rp_filter` is 1, `all` counted in. */
  readonly strictInterfaces: ReadonlySet<string>;
}

/** Everything that a decision may depend on, as far as this server knows it. */
export interface World {
  readonly graph: NetworkGraph;
  readonly ledger: Ledger;
  /** Kernel routes as agents report them, by node; a node without an entry routes by the stored costs. */
  readonly routes: ReadonlyMap<NodeName, readonly Route[]>;
  /** Nodes whose required agent is silent, with when it was last seen (null = never). */
  readonly unreachable: ReadonlyMap<NodeName, EpochMs | null>;
  /** What agents can do to keep a flow off its routed way, by node; nodes without an agent have no entry. */
  readonly steering: ReadonlyMap<NodeName, SteeringAbility>;
  readonly now: EpochMs;
}
