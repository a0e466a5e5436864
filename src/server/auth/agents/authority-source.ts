import { X509Certificate } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import type { EpochMs } from '../../../core/base/units.ts';
import type { AgentTrustRecords, StoredAuthority } from '../../records/agent-trust.ts';
import { Authority, sha256 } from './authority.ts';
import { openKey, sealKey } from './sealed-key.ts';

/** The authority that signs, and all that are trusted (that one among them). */
export interface Authorities {
  readonly signing: Authority;
  /** Concatenated PEM. */
  readonly trustedPem: string;
}

/** Where authorities come from: files of the operator, or the database. */
export interface AuthoritySource {
  /** As they are now. @throws StoreFault; Error with a sentence that names the setting. */
  load(now: EpochMs): Promise<Authorities>;
}

/**
 * An operator's authority. Of several certificates in the file the first is the one that the key belongs to and that signs;
 * the others are trusted, so that an authority can be announced before it signs.
 */
export class FileAuthority implements AuthoritySource {
  readonly #certificates: string;
  readonly #key: string;

  constructor(certificates: string, key: string) {
    this.#certificates = certificates;
    this.#key = key;
  }

  async load(now: EpochMs): Promise<Authorities> {
    const all = this.#certificates.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
    try {
      const [first] = all;
      if (first === undefined) throw new Error('it holds no certificate in PEM');
      for (const one of all) new X509Certificate(one);
      const signing = await Authority.open(first, this.#key, now);
      return { signing, trustedPem: all.join('\n') + '\n' };
    } catch (error) {
      throw new Error(`HEADROOM_AGENTS_CA_CERT, HEADROOM_AGENTS_CA_KEY: ${(error as Error).message}`, { cause: error });
    }
  }
}

/** The server's own authorities: in the database, their keys encrypted under HEADROOM_SECRET. */
export class StoredAuthorities implements AuthoritySource {
  readonly #records: AgentTrustRecords;
  readonly #secret: string;
  readonly #previousSecret: string | null;
  readonly #lifetimeMs: number | undefined;
  /** What was opened last: opening a key takes 0.1 s, and nothing changes for years. */
  #loaded: { readonly state: string; readonly authorities: Authorities } | null = null;

  /** @param options.previousSecret opens keys that were encrypted before the secret changed; they are encrypted anew. */
  constructor(options: {
    records: AgentTrustRecords;
    secret: string;
    previousSecret: string | null;
    /** Of what they sign; default 30 days. */
    lifetimeMs?: number;
  }) {
    this.#records = options.records;
    this.#secret = options.secret;
    this.#previousSecret = options.previousSecret;
    this.#lifetimeMs = options.lifetimeMs;
  }

  /** Makes the first one where there is none. */
  async load(now: EpochMs): Promise<Authorities> {
    let stored = await this.#records.authorities();
    if (stored.length === 0) {
      await this.add(now, { onlyFirst: true });
      stored = await this.#records.authorities();
    }
    const state = JSON.stringify(stored.map(({ id, signs }) => [id, signs]));
    if (this.#loaded?.state === state) return this.#loaded.authorities;
    const current = stored.find((each) => each.signs) ?? stored[0]!;
    const signing = await Authority.open(current.certificate, await this.#keyOf(current), now, this.#lifetimeMs);
    // Those that do not sign are encrypted anew, too, where the secret has changed.
    for (const other of stored) if (other !== current) await this.#keyOf(other);
    const trustedPem = stored.map((each) => each.certificate.trim()).join('\n') + '\n';
    this.#loaded = { state, authorities: { signing, trustedPem } };
    return this.#loaded.authorities;
  }

  /** One more that is trusted, or the first, which signs. @returns its id */
  async add(now: EpochMs, options = { onlyFirst: false }): Promise<string> {
    const id = uuidv7();
    const { certificatePem, keyPem } = await Authority.generate(now);
    const sealedKey = sealKey(Buffer.from(keyPem), this.#secret, id);
    await this.#records.addAuthority({ id, certificate: certificatePem, sealedKey }, options);
    return id;
  }

  async #keyOf({ id, sealedKey }: StoredAuthority): Promise<string> {
    const opened = openKey(sealedKey, this.#secret, id);
    if (opened) return Buffer.from(opened).toString();
    const before = this.#previousSecret === null ? null : openKey(sealedKey, this.#previousSecret, id);
    if (!before) {
      throw new Error(
        "HEADROOM_SECRET: is not the secret that the key of the agents' authority in the database was encrypted with" +
          (this.#previousSecret === null ? '' : ', and neither is HEADROOM_SECRET_PREVIOUS'),
      );
    }
    await this.#records.replaceSealedKey(id, sealedKey, sealKey(before, this.#secret, id));
    return Buffer.from(before).toString();
  }
}

/** How an operator compares authorities. */
export const authorityFingerprint = (certificatePem: string): string => sha256(new X509Certificate(certificatePem).raw);
