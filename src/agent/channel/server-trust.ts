import { ChannelCredentials } from '@grpc/grpc-js';
import { createHash } from 'node:crypto';
import { connect, createSecureContext, type DetailedPeerCertificate, type PeerCertificate } from 'node:tls';
import { SERVER_AUTH, SERVER_URI } from '../../rpc/agent-names.ts';

const CONNECT_TIMEOUT_MS = 10_000;
/** Longer than any chain that is signed in earnest. */
const MAX_CHAIN = 8;

/** The server is known by its URI and not by a host name, which an address has not; TLS wants some name to send. */
export const TLS_OPTIONS = { 'grpc.ssl_target_name_override': 'headroom-server' } as const;

/** What an agent proves itself with, and whom it trusts. */
export interface TrustMaterial {
  readonly authoritiesPem: string;
  /** null: it has none yet. */
  readonly keyPem: string | null;
  readonly certificatePem: string | null;
}

/** Credentials that trust servers of these authorities alone, and no other certificate that they may have signed. */
export function trustingCredentials({ authoritiesPem, keyPem, certificatePem }: TrustMaterial): ChannelCredentials {
  const context = createSecureContext({
    ca: authoritiesPem,
    minVersion: 'TLSv1.3',
    ...(keyPem !== null && certificatePem !== null ? { key: keyPem, cert: certificatePem } : {}),
  });
  return ChannelCredentials.createFromSecureContext(context, {
    checkServerIdentity: (_name, certificate) => serverProblem(certificate),
  });
}

/** Why a certificate, which an authority of ours has signed, is not a server's. */
export function serverProblem(certificate: PeerCertificate): Error | undefined {
  const { subjectaltname, ext_key_usage: usages } = certificate;
  if (subjectaltname === `URI:${SERVER_URI}` && (usages ?? []).includes(SERVER_AUTH)) return undefined;
  return new Error(
    `who answers is no Headroom server: its certificate is for ${subjectaltname ?? 'nobody'}, not ${SERVER_URI}`,
  );
}

/**
 * Fetches the authority's certificate from the server's handshake. What comes is believed for its fingerprint alone.
 * @param fingerprint SHA-256 of its DER, hexadecimal
 * @returns PEM
 * @throws Error with a sentence: nobody answers, or the server shows no such authority.
 */
export function fetchAuthority(target: string, fingerprint: string): Promise<string> {
  const { host, port } = splitTarget(target);
  return new Promise((resolve, reject) => {
    const socket = connect({
      host,
      port,
      rejectUnauthorized: false,
      ALPNProtocols: ['h2'],
      servername: TLS_OPTIONS['grpc.ssl_target_name_override'],
      minVersion: 'TLSv1.3',
    });
    const fail = (problem: string): void => {
      socket.destroy();
      reject(new Error(problem));
    };
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => fail(`${target} does not answer`));
    socket.once('error', (error: Error) => fail(`no TLS connection to ${target}: ${error.message}`));
    socket.once('secureConnect', () => {
      const chain = chainOf(socket.getPeerCertificate(true));
      const authority = chain.find(({ raw }) => createHash('sha256').update(raw).digest('hex') === fingerprint);
      if (!authority) {
        fail(`${target} is not the server that made the enrolment token: its authority has another fingerprint`);
        return;
      }
      socket.destroy();
      resolve(pemOf(authority.raw));
    });
  });
}

function chainOf(leaf: DetailedPeerCertificate): readonly DetailedPeerCertificate[] {
  const chain: DetailedPeerCertificate[] = [];
  for (let each: DetailedPeerCertificate | undefined = leaf; each?.raw && chain.length < MAX_CHAIN;) {
    chain.push(each);
    // One that signed itself is its own issuer.
    each = each.issuerCertificate === each ? undefined : each.issuerCertificate;
  }
  return chain;
}

const pemOf = (der: Uint8Array): string =>
  `-----BEGIN CERTIFICATE-----\n${Buffer.from(der)
    .toString('base64')
    .replace(/.{1,64}/g, '$&\n')}-----END CERTIFICATE-----\n`;

/** @throws Error where it is not `host:port` (`[address]:port` for IPv6) */
export function splitTarget(target: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]/]+)):(\d{1,5})$/.exec(target);
  if (!match || Number(match[3]) < 1 || Number(match[3]) > 65_535) {
    throw new Error(`"${target}" is neither unix:/path/agent.sock nor HOST:PORT`);
  }
  return { host: match[1] ?? match[2]!, port: Number(match[3]) };
}
