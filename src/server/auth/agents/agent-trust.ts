import { X509Certificate } from 'node:crypto';
import type { EpochMs } from '../../../core/base/units.ts';
import type { NodeName } from '../../../core/network/topology.ts';
import { CLIENT_AUTH } from '../../../rpc/agent-names.ts';
import { hashEnrolToken, newEnrolToken, parseEnrolToken } from '../../../rpc/enrol-token.ts';
import { ControlError } from '../../control/errors.ts';
import type { AgentPeer } from '../../control/agents/messages.ts';
import type { AgentTrustRecords, IssuedCertificate } from '../../records/agent-trust.ts';
import type { Authorities, AuthoritySource } from './authority-source.ts';
import { CertificateRequestError, keyFingerprint, requestedKey, sha256 } from './authority.ts';

const TOKEN_LIFETIME_MS = 3_600_000;
/** How long after a token was used the same key may come with it again: the answer may have been lost. */
const REPEAT_MS = 3_600_000;
const NODE_URI = /^URI:urn:headroom:node:([a-z0-9][a-z0-9._-]{0,62})$/;

/** A token to be handed to whoever sets up the node's agent. */
export interface IssuedToken {
  readonly token: string;
  readonly expiresAt: EpochMs;
  /** SHA-256, hexadecimal. */
  readonly authorityFingerprint: string;
}

/** What an agent gets for its request. */
export interface AgentCertificate {
  readonly certificatePem: string;
  /** All authorities that it should trust. */
  readonly authoritiesPem: string;
  readonly notAfter: EpochMs;
}

/** A certificate of an agent that was believed. */
export type CertifiedPeer = Extract<AgentPeer, { kind: 'certificate' }>;

/** Decides who is which node's agent. What is refused is a ControlError; a database that is away a StoreFault. */
export class AgentTrust {
  readonly #records: AgentTrustRecords;
  readonly #source: AuthoritySource;
  readonly #now: () => EpochMs;
  #authorities: Authorities;

  private constructor(
    records: AgentTrustRecords,
    source: AuthoritySource,
    now: () => EpochMs,
    authorities: Authorities,
  ) {
    this.#records = records;
    this.#source = source;
    this.#now = now;
    this.#authorities = authorities;
  }

  /** @throws Error with a sentence where there is no authority to be had, StoreFault */
  static async open(options: {
    records: AgentTrustRecords;
    source: AuthoritySource;
    now: () => EpochMs;
  }): Promise<AgentTrust> {
    const { records, source, now } = options;
    return new AgentTrust(records, source, now, await source.load(now()));
  }

  get authorities(): Authorities {
    return this.#authorities;
  }

  /** Looks again which authorities there are. @returns whether they are others than before */
  async reload(): Promise<boolean> {
    const before = this.#authorities;
    this.#authorities = await this.#source.load(this.#now());
    return (
      before.trustedPem !== this.#authorities.trustedPem ||
      before.signing.fingerprint !== this.#authorities.signing.fingerprint
    );
  }

  async issueToken(node: NodeName): Promise<IssuedToken> {
    const { fingerprint } = this.#authorities.signing;
    const { text } = newEnrolToken(fingerprint);
    const expiresAt = await this.#records.addToken(hashEnrolToken(text), node, TOKEN_LIFETIME_MS);
    return { token: text, expiresAt, authorityFingerprint: fingerprint };
  }

  /** @returns how many certificates the node had */
  revoke(node: NodeName): Promise<number> {
    return this.#records.revoke(node);
  }

  /** A certificate for a token. */
  async enrol(request: { token: string; node: NodeName; csr: Uint8Array }): Promise<AgentCertificate> {
    const { node } = request;
    const unusable = new ControlError(
      'UNAUTHENTICATED',
      `The enrolment token is unknown, for another node than "${node}", used or older than an hour: ` +
        `"headroom agent enrol ${node}" makes a new one`,
    );
    const token = parseEnrolToken(request.token);
    if (!token.ok) throw new ControlError('UNAUTHENTICATED', token.error);
    const hash = hashEnrolToken(request.token);
    const key = await asControlError(requestedKey(request.csr));
    // Signing costs more than looking, and strangers may ask.
    if (!(await this.#records.isUsable(hash, node, keyFingerprint(key), REPEAT_MS))) throw unusable;
    const { certificatePem, issued } = await this.#sign(node, request.csr);
    if (!(await this.#records.enrol(hash, issued, REPEAT_MS))) throw unusable;
    return this.#answer(certificatePem, issued);
  }

  /** The next certificate for one that is valid still, of the same key. */
  async renew(peer: CertifiedPeer, csr: Uint8Array): Promise<AgentCertificate> {
    const { certificatePem, issued } = await this.#sign(peer.node, csr);
    if (issued.keyFingerprint !== peer.keyFingerprint) {
      throw new ControlError(
        'INVALID_ARGUMENT',
        'The certificate request is for another key than the certificate has',
        {
          fields: [
            {
              field: 'csr',
              value: issued.keyFingerprint,
              code: 'INVALID_ARGUMENT',
              problem: 'must be for the same key',
            },
          ],
        },
      );
    }
    if (!(await this.#records.renew(peer.certificateFingerprint, issued))) {
      throw new ControlError('UNAUTHENTICATED', enrolAgain(peer.node, 'was revoked or has expired'));
    }
    return this.#answer(certificatePem, issued);
  }

  /**
   * Judges the certificate of a connection against the database.
   * @param shown DER; null where none came that TLS could verify
   * @throws ControlError UNAUTHENTICATED with the reason in words
   */
  async judge(shown: Uint8Array | null): Promise<CertifiedPeer> {
    if (shown === null) {
      throw new ControlError(
        'UNAUTHENTICATED',
        "No certificate came that this server's authority has signed and that is in time: an agent enrols first " +
          '("headroom agent enrol NODE" on the server makes a token)',
      );
    }
    const certificate = new X509Certificate(shown);
    const node = NODE_URI.exec(certificate.subjectAltName ?? '')?.[1];
    if (node === undefined || !certificate.keyUsage?.includes(CLIENT_AUTH)) {
      throw new ControlError('UNAUTHENTICATED', 'The certificate is not one of an agent');
    }
    const fingerprint = sha256(certificate.raw);
    const record = await this.#records.certificate(fingerprint);
    const told =
      record === null ? 'is not known here' : record.revoked ? 'was revoked' : record.expired ? 'has expired' : null;
    if (record === null || told !== null || record.node !== node) {
      throw new ControlError('UNAUTHENTICATED', enrolAgain(node, told ?? 'is for another node'));
    }
    return {
      kind: 'certificate',
      node,
      certificateFingerprint: fingerprint,
      keyFingerprint: record.keyFingerprint,
    };
  }

  /** Of these certificates, those that were revoked or have expired. */
  unusable(fingerprints: readonly string[]): Promise<readonly string[]> {
    return this.#records.unusable(fingerprints);
  }

  #sign(
    node: NodeName,
    csr: Uint8Array,
  ): Promise<{ readonly certificatePem: string; readonly issued: IssuedCertificate }> {
    return asControlError(this.#authorities.signing.issueAgent(node, csr, this.#now()));
  }

  #answer(certificatePem: string, { notAfter }: IssuedCertificate): AgentCertificate {
    return { certificatePem, authoritiesPem: this.#authorities.trustedPem, notAfter };
  }
}

const enrolAgain = (node: NodeName, what: string): string =>
  `The certificate of the agent of "${node}" ${what}: "headroom agent enrol ${node}" makes a token for a new one`;

async function asControlError<T>(signed: Promise<T>): Promise<T> {
  try {
    return await signed;
  } catch (error) {
    if (!(error instanceof CertificateRequestError)) throw error;
    throw new ControlError('INVALID_ARGUMENT', error.message, {
      fields: [{ field: 'csr', value: null, code: 'INVALID_ARGUMENT', problem: error.message }],
      cause: error,
    });
  }
}
