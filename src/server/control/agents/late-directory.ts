import type { EpochMs } from '../../../core/base/units.ts';
import type { NodeName, Route } from '../../../core/network/topology.ts';
import type { AgentDirectory } from '../committer.ts';

/** Stands for the registry until there is one: the committer asks for agents, and the registry is built on its books. */
export class LateAgentDirectory implements AgentDirectory {
  #directory: AgentDirectory | null = null;

  /** Whom to ask from now on. */
  use(directory: AgentDirectory): void {
    this.#directory = directory;
  }

  unreachable(): ReadonlyMap<NodeName, EpochMs | null> {
    return this.#directory?.unreachable() ?? new Map();
  }

  routes(): ReadonlyMap<NodeName, readonly Route[]> {
    return this.#directory?.routes() ?? new Map();
  }

  connected(node: NodeName): boolean {
    return this.#directory?.connected(node) ?? false;
  }

  enforces(node: NodeName): boolean {
    return this.#directory?.enforces(node) ?? false;
  }
}
