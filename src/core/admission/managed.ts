import type { AgentMode, NodeName } from '../network/topology.ts';

/**
 * The nodes of a path whose agents signal and enforce: those that require an agent, and those with an optional one that is
 * there. A path without any is booked only.
 *
 * @param hasAgent whether an agent of the node has enrolled; asked only for optional ones.
 */
export function managedNodes(
  nodes: readonly NodeName[],
  agentMode: (node: NodeName) => AgentMode | undefined,
  hasAgent: (node: NodeName) => boolean,
): readonly NodeName[] {
  return nodes.filter((node) => {
    const mode = agentMode(node);
    return mode === 'required' || (mode === 'optional' && hasAgent(node));
  });
}

/** True when any node of the path is managed. */
export const isManaged = (
  nodes: readonly NodeName[],
  agentMode: (node: NodeName) => AgentMode | undefined,
  hasAgent: (node: NodeName) => boolean,
): boolean => managedNodes(nodes, agentMode, hasAgent).length > 0;
