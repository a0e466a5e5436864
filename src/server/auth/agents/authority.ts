import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import type { KeyObject } from 'node:crypto';
import { createHash, createPrivateKey, createPublicKey, randomBytes, webcrypto, X509Certificate } from 'node:crypto';
import { EpochMs } from '../../../core/base/units.ts';
import type { NodeName } from '../../../core/network/topology.ts';
import { CLIENT_AUTH, nodeUri, SERVER_AUTH, SERVER_URI } from '../../../rpc/agent-names.ts';
import type { IssuedCertificate } from '../../records/agent-trust.ts';

type CryptoKey = webcrypto.CryptoKey;

const DAY_MS = 86_400_000;
/** Of the certificates of servers and agents. */
export const CERTIFICATE_LIFETIME_MS = 30 * DAY_MS;
const AUTHORITY_LIFETIME_MS = 10 * 365 * DAY_MS;
/** A peer's clock may be this much behind. */
const BACKDATED_MS = DAY_MS;
const MAX_CSR_BYTES = 8_192;
const EC = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SERIAL_BYTES = 16;

/** A private key and the certificates that go with it, as TLS takes them. */
export interface KeyAndChain {
  readonly keyPem: string;
  /** Own certificate first, then its authority's: a peer that only knows that one's fingerprint finds it here. */
  readonly chainPem: string;
  readonly notAfter: EpochMs;
}

/** A certificate request that cannot be signed; the message is a sentence. */
export class CertificateRequestError extends Error {
  override readonly name = 'CertificateRequestError';
}

/** Signs the certificates of servers and agents. */
export class Authority {
  readonly certificatePem: string;
  /** SHA-256 of the certificate's DER, hexadecimal. */
  readonly fingerprint: string;
  readonly #certificate: x509.X509Certificate;
  readonly #key: CryptoKey;
  readonly #signing: SigningAlgorithm;
  readonly #lifetimeMs: number;

  private constructor(
    certificate: x509.X509Certificate,
    key: CryptoKey,
    signing: SigningAlgorithm,
    lifetimeMs: number,
  ) {
    this.#certificate = certificate;
    this.#key = key;
    this.#signing = signing;
    this.#lifetimeMs = lifetimeMs;
    this.certificatePem = certificate.toString('pem') + '\n';
    this.fingerprint = sha256(new Uint8Array(certificate.rawData));
  }

  /** Makes a new one. @returns its certificate and its key in PEM (PKCS #8) */
  static async generate(now: EpochMs): Promise<{ readonly certificatePem: string; readonly keyPem: string }> {
    const keys = await webcrypto.subtle.generateKey(EC, true, ['sign', 'verify']);
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: serialNumber(),
      name: `CN=Headroom agents ${randomBytes(4).toString('hex')}`,
      notBefore: new Date(now - BACKDATED_MS),
      notAfter: new Date(now + AUTHORITY_LIFETIME_MS),
      signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    return { certificatePem: certificate.toString('pem'), keyPem: await pemOf(keys.privateKey) };
  }

  /**
   * @param lifetimeMs of what it signs
   * @throws Error with a sentence: not a certificate or key, a key of another certificate, no authority, expired.
   */
  static async open(
    certificatePem: string,
    keyPem: string,
    now: EpochMs,
    lifetimeMs = CERTIFICATE_LIFETIME_MS,
  ): Promise<Authority> {
    const read = readCertificate(certificatePem);
    const key = readKey(keyPem);
    if (!read.ca) throw new Error('the certificate is not one of an authority (CA:TRUE is missing)');
    if (Date.parse(read.validTo) <= now) throw new Error(`the certificate expired on ${read.validTo}`);
    if (!read.checkPrivateKey(key)) throw new Error('the key does not belong to the certificate');
    const algorithm = algorithmOf(key.asymmetricKeyType, key.asymmetricKeyDetails?.namedCurve);
    const der = key.export({ format: 'der', type: 'pkcs8' });
    const imported = await webcrypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign']);
    return new Authority(new x509.X509Certificate(read.raw), imported, algorithm, lifetimeMs);
  }

  /** A fresh key and a certificate that says: this is a server. */
  async issueServer(now: EpochMs): Promise<KeyAndChain> {
    const keys = await webcrypto.subtle.generateKey(EC, true, ['sign', 'verify']);
    const certificate = await this.#sign(keys.publicKey, SERVER_URI, SERVER_AUTH, now);
    return {
      keyPem: await pemOf(keys.privateKey),
      chainPem: `${certificate.toString('pem')}\n${this.certificatePem}`,
      notAfter: EpochMs(certificate.notAfter.getTime()),
    };
  }

  /**
   * A certificate that says: this is the agent of the node. Of the request only the key is taken, whose possession it proves.
   * @param csr PKCS #10 in DER
   * @throws CertificateRequestError
   */
  async issueAgent(
    node: NodeName,
    csr: Uint8Array,
    now: EpochMs,
  ): Promise<{ readonly certificatePem: string; readonly issued: IssuedCertificate }> {
    const publicKey = await requestedKey(csr);
    const certificate = await this.#sign(publicKey, nodeUri(node), CLIENT_AUTH, now);
    return {
      certificatePem: certificate.toString('pem') + '\n',
      issued: {
        fingerprint: sha256(new Uint8Array(certificate.rawData)),
        node,
        keyFingerprint: sha256(new Uint8Array(certificate.publicKey.rawData)),
        notAfter: EpochMs(certificate.notAfter.getTime()),
      },
    };
  }

  async #sign(
    publicKey: x509.PublicKey | CryptoKey,
    uri: string,
    usage: string,
    now: EpochMs,
  ): Promise<x509.X509Certificate> {
    // No certificate outlives its authority.
    const notAfter = Math.min(now + this.#lifetimeMs, this.#certificate.notAfter.getTime());
    return x509.X509CertificateGenerator.create({
      serialNumber: serialNumber(),
      subject: '',
      issuer: this.#certificate.subject,
      notBefore: new Date(Math.max(now - BACKDATED_MS, this.#certificate.notBefore.getTime())),
      notAfter: new Date(notAfter),
      publicKey,
      signingKey: this.#key,
      signingAlgorithm: this.#signing,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([usage], true),
        // Critical, as the subject is empty (RFC 5280 4.2.1.6).
        new x509.SubjectAlternativeNameExtension([{ type: 'url', value: uri }], true),
        await x509.AuthorityKeyIdentifierExtension.create(this.#certificate.publicKey),
      ],
    });
  }
}

/** The key that a request asks a certificate for, once the request is signed with it. @throws CertificateRequestError */
export async function requestedKey(csr: Uint8Array): Promise<x509.PublicKey> {
  if (csr.length === 0 || csr.length > MAX_CSR_BYTES) {
    throw new CertificateRequestError(
      `the certificate request has ${csr.length} bytes; 1 to ${MAX_CSR_BYTES} are taken`,
    );
  }
  let request: x509.Pkcs10CertificateRequest;
  let key: KeyObject;
  try {
    request = new x509.Pkcs10CertificateRequest(Uint8Array.from(csr));
    key = createPublicKey({ key: Buffer.from(request.publicKey.rawData), format: 'der', type: 'spki' });
  } catch {
    throw new CertificateRequestError('the certificate request is not PKCS #10 in DER');
  }
  if (key.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw new CertificateRequestError('the certificate request is for a key that is no P-256 key');
  }
  if (!(await request.verify().catch(() => false))) {
    throw new CertificateRequestError('the certificate request is not signed with the key that it is for');
  }
  return request.publicKey;
}

/** SHA-256 of a public key's SubjectPublicKeyInfo, hexadecimal. */
export const keyFingerprint = (key: x509.PublicKey): string => sha256(new Uint8Array(key.rawData));

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

function readCertificate(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw new Error('it is not a certificate in PEM');
  }
}

function readKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    throw new Error('the key is not a private key in PEM, or it is encrypted');
  }
}

/** For WebCrypto: to import the key, and to sign with it. */
interface SigningAlgorithm {
  readonly name: string;
  readonly hash: string;
  readonly namedCurve?: string;
}

function algorithmOf(type: string | undefined, curve: string | undefined): SigningAlgorithm {
  if (type === 'rsa') return { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  if (type === 'ec' && curve === 'prime256v1') return { ...EC, hash: 'SHA-256' };
  if (type === 'ec' && curve === 'secp384r1') return { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' };
  throw new Error(`the key is of kind ${curve ?? type ?? 'unknown'}; RSA, P-256 and P-384 can sign`);
}

async function pemOf(key: CryptoKey): Promise<string> {
  const der = await webcrypto.subtle.exportKey('pkcs8', key);
  return x509.PemConverter.encode(der, 'PRIVATE KEY') + '\n';
}

/** Positive (RFC 5280 4.1.2.2): the top bit stays clear. */
function serialNumber(): string {
  const bytes = randomBytes(SERIAL_BYTES);
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes.toString('hex');
}
