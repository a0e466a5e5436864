import type { MessageInitShape } from '@bufbuild/protobuf';
import { AgentService, type AgentSchema } from '../../gen/headroom/v1/agent_pb.ts';
import { timestamp } from '../../rpc/time.ts';
import { requireConfiguredToken } from '../auth/bearer.ts';
import type { AgentView } from '../control/api.ts';
import type { ExtraService, GrpcSettings } from './context.ts';
import { publicService } from './public-service.ts';

export function agentService(settings: GrpcSettings): ExtraService {
  const { control } = settings;
  return publicService(
    AgentService,
    {
      async listAgents() {
        return { agents: (await control.listAgents()).map(agentInit) };
      },
      async getAgent(request) {
        return agentInit(await control.getAgent(request.id));
      },
      async enrolAgent(request) {
        requireConfiguredToken(settings.token);
        const { node, token, expiresAt, server, authorityFingerprint } = await control.enrolAgent(request.id);
        return { node, token, expiresAt: timestamp(expiresAt), server, authorityFingerprint };
      },
      async revokeAgent(request) {
        requireConfiguredToken(settings.token);
        return control.revokeAgent(request.id);
      },
    },
    {},
    settings,
  );
}

const agentInit = (agent: AgentView): MessageInitShape<typeof AgentSchema> => ({
  id: agent.id,
  state: agent.state,
  hostName: agent.hostName ?? '',
  bootId: agent.bootId ?? '',
  version: agent.version ?? '',
  ...(agent.lastSeenAt === null ? {} : { lastSeenAt: timestamp(agent.lastSeenAt) }),
  mismatches: [...agent.mismatches],
  enforcement: agent.features?.enforces ? 'kernel' : 'none',
  rsvpTransport: agent.features?.rsvpTransport ?? '',
  assignments: agent.assignments,
  findings: [...agent.findings],
});
