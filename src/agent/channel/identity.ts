import { createPublicKey, generateKeyPairSync, webcrypto, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { close, replaceFile, setAside } from '../whole-file.ts';
import { WriteRetry, type WriteRetryOptions } from '../write-retry.ts';
import type { TrustMaterial } from './server-trust.ts';

/** What an agent is, as far as servers are concerned. Kept in its state folder, for its user alone. */
export interface Identity {
  readonly node: string;
  /** P-256, PKCS #8. */
  readonly keyPem: string;
  /** null: asked for, not answered yet. The key stays, since the answer may have been lost. */
  readonly certificatePem: string | null;
  readonly authoritiesPem: string;
  /** When the certificate came, by this host's clock, milliseconds since 1970. */
  readonly issuedAt: number | null;
  /** SHA-256 of the token that it was enrolled with: the same token again asks for nothing new. */
  readonly tokenHash: string | null;
}

const FILE = 'identity.json';

/** The identity in one file, replaced as a whole. */
export class IdentityKeeper {
  readonly #file: string;
  readonly #retry: WriteRetry;
  #identity: Identity;

  private constructor(file: string, identity: Identity, options: WriteRetryOptions) {
    this.#file = file;
    this.#identity = identity;
    this.#retry = new WriteRetry(file, options, () => this.#save());
  }

  /** null: none yet, one that makes no sense (it is set aside), or another node's. */
  static load(folder: string, node: string, options: WriteRetryOptions): IdentityKeeper | null {
    const file = join(folder, FILE);
    try {
      const identity = JSON.parse(readFileSync(file, 'utf8')) as Identity;
      createPublicKey(identity.keyPem);
      if (identity.certificatePem !== null) new X509Certificate(identity.certificatePem);
      return identity.node === node ? new IdentityKeeper(file, identity, options) : null;
    } catch (error) {
      const { code, message: reason } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return null;
      const message = "the agent's key and certificate are damaged: it needs to be enrolled again";
      options.log.error({ file, setAsideAs: setAside(file), reason }, message);
      return null;
    }
  }

  /** A fresh key, without a certificate. */
  static create(
    folder: string,
    of: { readonly node: string; readonly authoritiesPem: string; readonly tokenHash: string },
    options: WriteRetryOptions,
  ): IdentityKeeper {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const keyPem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
    const identity = { ...of, keyPem, certificatePem: null, issuedAt: null };
    const keeper = new IdentityKeeper(join(folder, FILE), identity, options);
    keeper.update({});
    return keeper;
  }

  current(): Identity & TrustMaterial {
    return this.#identity;
  }

  /** On the disk when it returns, where the disk takes it; else as soon as it does. */
  update(change: Partial<Omit<Identity, 'node' | 'keyPem'>>): void {
    this.#identity = { ...this.#identity, ...change };
    this.#save();
  }

  /** Tries no more to write. */
  close(): void {
    this.#retry.close();
  }

  #save(): void {
    try {
      close(replaceFile(this.#file, JSON.stringify(this.#identity)));
    } catch (error) {
      return this.#retry.failed(error);
    }
    this.#retry.succeeded();
  }

  /** A sentence where the certificate has expired by this host's clock. */
  expiry(now = Date.now()): string | null {
    const { certificatePem, node } = this.#identity;
    const end = certificatePem === null ? null : new X509Certificate(certificatePem).validTo;
    if (end === null || Date.parse(end) > now) return null;
    return `the certificate of this agent expired on ${end}: "headroom agent enrol ${node}" on the server makes a token for a new one`;
  }

  /** When the certificate should be renewed: at two thirds of its time. Milliseconds since 1970. */
  renewAt(): number {
    const { certificatePem, issuedAt } = this.#identity;
    if (certificatePem === null || issuedAt === null) return Infinity;
    return issuedAt + ((Date.parse(new X509Certificate(certificatePem).validTo) - issuedAt) * 2) / 3;
  }

  /** PKCS #10 in DER, signed with the key. */
  async request(): Promise<Uint8Array> {
    // Loaded here: an agent on a Unix socket, or between renewals, does without.
    await import('reflect-metadata');
    const { PemConverter, Pkcs10CertificateRequestGenerator } = await import('@peculiar/x509');
    const { keyPem, node } = this.#identity;
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
    const privateKey = await webcrypto.subtle.importKey('pkcs8', PemConverter.decodeFirst(keyPem), algorithm, true, [
      'sign',
    ]);
    const spki = createPublicKey(keyPem).export({ format: 'der', type: 'spki' });
    const publicKey = await webcrypto.subtle.importKey('spki', spki, algorithm, true, ['verify']);
    const request = await Pkcs10CertificateRequestGenerator.create({
      name: `CN=${node}`,
      keys: { privateKey, publicKey },
      signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    });
    return new Uint8Array(request.rawData);
  }
}
