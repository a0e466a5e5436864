import type { EpochMs } from '../../core/base/units.ts';
import type { NodeName } from '../../core/network/topology.ts';

/** A certificate authority of the agents as the database holds it. */
export interface StoredAuthority {
  /** UUID. */
  readonly id: string;
  /** PEM. */
  readonly certificate: string;
  /** Its private key, encrypted (`server/auth/agents/sealed-key.ts`). */
  readonly sealedKey: Uint8Array;
  /** Of all that are trusted, one signs. */
  readonly signs: boolean;
  readonly createdAt: EpochMs;
}

/** A certificate that was issued to a node's agent. */
export interface IssuedCertificate {
  /** SHA-256 of its DER, hexadecimal. */
  readonly fingerprint: string;
  readonly node: NodeName;
  /** SHA-256 of the public key's SubjectPublicKeyInfo, hexadecimal. */
  readonly keyFingerprint: string;
  readonly notAfter: EpochMs;
}

/** What is known of a certificate that somebody shows. */
export interface CertificateRecord {
  readonly node: NodeName;
  readonly keyFingerprint: string;
  readonly revoked: boolean;
  readonly expired: boolean;
}

/** SHA-256 of a one-time token. */
export type TokenHash = Uint8Array;

/** The records of who may be which node's agent; the time is the database's. Every method may throw a StoreFault. */
export interface AgentTrustRecords {
  /** The oldest first. */
  authorities(): Promise<readonly StoredAuthority[]>;
  /** Stores it, as the one that signs where none does yet. With `onlyFirst` it is left out where there is one already. */
  addAuthority(
    authority: Pick<StoredAuthority, 'id' | 'certificate' | 'sealedKey'>,
    options: { readonly onlyFirst: boolean },
  ): Promise<void>;
  /** @returns false where there is none of that id. */
  setSigningAuthority(id: string): Promise<boolean>;
  /** One that signs is not removed. @returns false where nothing was. */
  removeAuthority(id: string): Promise<boolean>;
  /** Only where it still holds what is replaced: another server may have done the same. */
  replaceSealedKey(id: string, before: Uint8Array, after: Uint8Array): Promise<void>;

  /** @returns when it expires. */
  addToken(token: TokenHash, node: NodeName, lifetimeMs: number): Promise<EpochMs>;
  /** Whether `enrol` would take it, without taking it. */
  isUsable(token: TokenHash, node: NodeName, keyFingerprint: string, repeatMs: number): Promise<boolean>;
  /**
   * In one step: uses the token up (once more within `repeatMs` for the same key, as an answer may be lost), revokes the
   * node's certificates of other keys, and records the new one. @returns false where the token is not usable.
   */
  enrol(token: TokenHash, certificate: IssuedCertificate, repeatMs: number): Promise<boolean>;
  /** Records a certificate that follows one which is valid still. @returns false where that is revoked, expired or unknown. */
  renew(current: string, certificate: IssuedCertificate): Promise<boolean>;

  /** null: never issued, or long expired. */
  certificate(fingerprint: string): Promise<CertificateRecord | null>;
  /** Of these, those that are no longer to be believed. */
  unusable(fingerprints: readonly string[]): Promise<readonly string[]>;
  /** Revokes all certificates of the node, and its tokens. @returns how many certificates. */
  revoke(node: NodeName): Promise<number>;
}
