import { create } from '@bufbuild/protobuf';
import { status, type Client, type ServiceError } from '@grpc/grpc-js';
import { createHash } from 'node:crypto';
import {
  EnrolRequestSchema,
  RenewRequestSchema,
  type AgentCertificate,
  type EnrolRequest,
  type RenewRequest,
} from '../../gen/headroom/v1/agent_channel_pb.ts';
import { parseEnrolToken } from '../../rpc/enrol-token.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { Rarely } from '../../telemetry/rarely.ts';
import { channelClient } from './channel.ts';
import { IdentityKeeper } from './identity.ts';
import { fetchAuthority } from './server-trust.ts';

const CALL_TIMEOUT_MS = 15_000;
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 10_000;
const TROUBLE_LOG_MS = 300_000;
/** What asking again does not change. */
const FINAL: ReadonlySet<number> = new Set([status.UNAUTHENTICATED, status.INVALID_ARGUMENT, status.UNIMPLEMENTED]);

/**
 * The identity in the state folder, or a new one for a token. Waits for a server that does not answer.
 *
 * @param token null: none was given
 * @throws Error with a sentence: there is no certificate and no token, or the server does not take the token.
 */
export async function obtainIdentity(options: {
  stateDir: string;
  node: string;
  target: string;
  token: string | null;
  log: Logger;
  signal: AbortSignal;
  /** Told in a sentence that the state folder does not take it, and null when it does again. */
  onProblem?: (problem: string | null) => void;
}): Promise<IdentityKeeper> {
  const { stateDir, node, target, log, signal } = options;
  const kept = IdentityKeeper.load(stateDir, node, options);
  if (options.token === null) {
    const problem = kept ? kept.expiry() : `this agent has no certificate for node ${node} in ${stateDir}`;
    if (kept?.current().certificatePem && problem === null) return kept;
    throw new Error(
      `${problem ?? 'its enrolment was not finished'}: "headroom agent enrol ${node}" on the server prints what to paste here`,
    );
  }
  const token = parseEnrolToken(options.token);
  if (!token.ok) throw new Error(token.error);
  const tokenHash = createHash('sha256').update(token.value.text).digest('hex');
  const same = kept?.current().tokenHash === tokenHash ? kept : null;
  if (same?.current().certificatePem && same.expiry() === null) return same;
  const trouble = new Rarely(TROUBLE_LOG_MS);
  for (let wait = FIRST_RETRY_MS; ; wait = Math.min(LONGEST_RETRY_MS, wait * 2)) {
    signal.throwIfAborted();
    try {
      // The token goes to nobody but the server that made it.
      const authority = await fetchAuthority(target, token.value.authorityFingerprint);
      const identity = same ?? IdentityKeeper.create(stateDir, { node, authoritiesPem: authority, tokenHash }, options);
      const csr = await identity.request();
      const answer = await enrol(target, identity, create(EnrolRequestSchema, { token: token.value.text, node, csr }));
      keep(identity, answer);
      log.info({ node, server: target }, 'enrolled');
      return identity;
    } catch (error) {
      const { code, details, message } = error as Partial<ServiceError> & Error;
      if (code !== undefined && FINAL.has(code))
        throw new Error(`${target} does not enrol this agent: ${details}`, { cause: error });
      const reason = details ?? message;
      const silenced = trouble.silenced(reason, performance.now());
      if (silenced !== null) log.warn({ server: target, reason, silenced }, 'not enrolled yet');
      await waitFor(wait, signal);
    }
  }
}

/** Gets the next certificate for the same key. @throws ServiceError */
export async function renewCertificate(target: string, identity: IdentityKeeper): Promise<void> {
  const request = create(RenewRequestSchema, { csr: await identity.request() });
  keep(identity, await answered<RenewRequest>(channelClient(target, identity), 'Renew', request));
}

function keep(identity: IdentityKeeper, { certificatePem, authoritiesPem }: AgentCertificate): void {
  identity.update({ certificatePem, authoritiesPem, issuedAt: Date.now() });
}

const enrol = (target: string, identity: IdentityKeeper, request: EnrolRequest): Promise<AgentCertificate> =>
  answered<EnrolRequest>(channelClient(target, identity), 'Enrol', request);

function answered<Request>(client: Client, method: 'Enrol' | 'Renew', request: Request): Promise<AgentCertificate> {
  const calls = client as unknown as Record<
    string,
    (
      request: Request,
      options: { deadline: number },
      done: (error: ServiceError | null, answer: AgentCertificate) => void,
    ) => void
  >;
  return new Promise<AgentCertificate>((resolve, reject) => {
    calls[method]!.call(client, request, { deadline: Date.now() + CALL_TIMEOUT_MS }, (error, answer) =>
      error ? reject(error) : resolve(answer),
    );
  }).finally(() => client.close());
}

function waitFor(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      signal.removeEventListener('abort', aborted);
      resolve();
    }
    function aborted(): void {
      clearTimeout(timer);
      reject(new Error('stopped before it was enrolled'));
    }
    signal.addEventListener('abort', aborted, { once: true });
  });
}
