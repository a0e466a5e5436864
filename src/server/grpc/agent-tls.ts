import { experimental, Server, type ServerCredentials } from '@grpc/grpc-js';
import { AgentChannel } from '../../gen/headroom/v1/agent_channel_pb.ts';
import { grpcService } from '../../rpc/service.ts';
import type { EpochMs } from '../../core/base/units.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { AgentTrust } from '../auth/agents/agent-trust.ts';
import type { KeyAndChain } from '../auth/agents/authority.ts';
import { TrustWatch } from '../auth/agents/trust-watch.ts';
import type { AgentRegistry } from '../control/agents/registry.ts';
import { agentChannel } from './agent-channel.ts';
import { AGENT_SERVER_OPTIONS, closeAgentServer } from './agent-server.ts';

/** Calls of one connection that run at once: an agent has its stream, and now and then a renewal. */
const MAX_STREAMS = 8;

export interface AgentTlsServer {
  readonly port: number;
  /** Looks at once whether certificates were revoked, instead of within half a second. */
  lookAgain(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Listens for agents on other hosts. TLS asks for a certificate and does not insist: who may call what is judged by call,
 * against the database, so that a refusal can say its reason.
 *
 * @param address `0.0.0.0:7400`
 * @throws Error with a sentence where it cannot listen.
 */
export async function listenForAgents(options: {
  address: string;
  trust: AgentTrust;
  registry: AgentRegistry;
  now: () => EpochMs;
  log: Logger;
}): Promise<AgentTlsServer> {
  const { address, trust, registry, now, log } = options;
  const identity = new TlsIdentity();
  const renew = async (): Promise<EpochMs> => {
    const { signing, trustedPem } = trust.authorities;
    const issued = await signing.issueServer(now());
    identity.set(trustedPem, issued);
    registry.setAuthorities(trustedPem);
    return issued.notAfter;
  };
  const notAfter = await renew();
  const server = new Server({ ...AGENT_SERVER_OPTIONS, 'grpc.max_concurrent_streams': MAX_STREAMS });
  server.addService(grpcService(AgentChannel), agentChannel({ registry, log, trust }));
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(address, identity.credentials(), (error, bound) => {
      if (!error) return resolve(bound);
      const problem = error.message.includes('EADDRINUSE') ? 'another process listens there' : error.message;
      reject(new Error(`HEADROOM_AGENTS: agents cannot be listened for on ${address}: ${problem}`));
    });
  });
  const watch = new TrustWatch({ trust, registry, now, log, renewServer: renew, notAfter });
  return {
    port,
    lookAgain: () => watch.look(),
    async close() {
      watch.close();
      await closeAgentServer(server, registry);
    },
  };
}

type Provider = Parameters<typeof experimental.createCertificateProviderServerCredentials>[0];
type AuthorityListener = Parameters<Provider['addCaCertificateListener']>[0];
type IdentityListener = Parameters<Provider['addIdentityCertificateListener']>[0];

/** What the server shows and believes; new connections get what was set last. */
class TlsIdentity implements Provider {
  readonly #authorityListeners = new Set<AuthorityListener>();
  readonly #identityListeners = new Set<IdentityListener>();
  #authorities: { caCertificate: Buffer } | null = null;
  #identity: { certificate: Buffer; privateKey: Buffer } | null = null;

  set(trustedPem: string, { chainPem, keyPem }: KeyAndChain): void {
    this.#authorities = { caCertificate: Buffer.from(trustedPem) };
    this.#identity = { certificate: Buffer.from(chainPem), privateKey: Buffer.from(keyPem) };
    for (const listener of this.#authorityListeners) listener(this.#authorities);
    for (const listener of this.#identityListeners) listener(this.#identity);
  }

  credentials(): ServerCredentials {
    return experimental.createCertificateProviderServerCredentials(this, this, false);
  }

  addCaCertificateListener(listener: AuthorityListener): void {
    this.#authorityListeners.add(listener);
    // Later: whoever adds a listener is ready for its news only when that is done.
    process.nextTick(listener, this.#authorities);
  }

  removeCaCertificateListener(listener: AuthorityListener): void {
    this.#authorityListeners.delete(listener);
  }

  addIdentityCertificateListener(listener: IdentityListener): void {
    this.#identityListeners.add(listener);
    process.nextTick(listener, this.#identity);
  }

  removeIdentityCertificateListener(listener: IdentityListener): void {
    this.#identityListeners.delete(listener);
  }
}
