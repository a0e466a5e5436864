import type { Static } from 'typebox';
import { formatPrefix } from '../../../core/base/ip.ts';
import type { AgentView } from '../../control/api.ts';
import type { AgentSchema } from '../schemas/agent.ts';
import { timeOrNull } from './time.ts';

export function agentToJson(agent: AgentView): Static<typeof AgentSchema> {
  return {
    id: agent.id,
    state: agent.state,
    hostName: agent.hostName,
    bootId: agent.bootId,
    version: agent.version,
    lastSeenAt: timeOrNull(agent.lastSeenAt),
    interfaces: agent.interfaces.map((each) => ({ ...each, addresses: [...each.addresses] })),
    routes: agent.routes.map(({ destination, interface: name, gateway, metric, others = [] }) => ({
      ...{ destination: formatPrefix(destination), interface: name, gateway, metric },
      ...(others.length > 0 ? { others: others.map((hop) => ({ ...hop })) } : {}),
    })),
    features: agent.features,
    mismatches: [...agent.mismatches],
    findings: agent.findings.map((finding) => ({ ...finding })),
    assignments: agent.assignments,
    memoryBytes: agent.memoryBytes,
  };
}
