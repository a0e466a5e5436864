import { silentLog } from '../../../support/state-folder.ts';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { IdentityKeeper } from '../../../../src/agent/channel/identity.ts';
import { EpochMs } from '../../../../src/core/base/units.ts';
import { AgentTrust } from '../../../../src/server/auth/agents/agent-trust.ts';
import { FileAuthority, StoredAuthorities } from '../../../../src/server/auth/agents/authority-source.ts';
import { Authority } from '../../../../src/server/auth/agents/authority.ts';
import { openKey, sealKey } from '../../../../src/server/auth/agents/sealed-key.ts';
import { openStore, type Store } from '../../../../src/server/store/open-store.ts';
import { startTestDatabase, type TestDatabase } from '../../../support/database.ts';

const SECRET = 'a secret of enough length';
const now = (): EpochMs => EpochMs(Date.now());

let database: TestDatabase;
let store: Store;
let folder: string;
let url: string;
beforeAll(async () => void (database = await startTestDatabase()), 60_000);
afterAll(() => database.close());
beforeEach(async () => {
  url = await database.fresh();
  const opened = (store = await openStore(url));
  const made = (folder = mkdtempSync(join(tmpdir(), 'hrt-')));
  return async () => {
    await opened.close();
    rmSync(made, { recursive: true });
  };
});

const trustOf = (secret = SECRET, previousSecret: string | null = null, lifetimeMs?: number): Promise<AgentTrust> =>
  AgentTrust.open({
    records: store.agentTrust,
    source: new StoredAuthorities({
      records: store.agentTrust,
      secret,
      previousSecret,
      ...(lifetimeMs === undefined ? {} : { lifetimeMs }),
    }),
    now,
  });

let keys = 0;
const newKey = (node: string): IdentityKeeper =>
  IdentityKeeper.create(join(folder, String(keys++)), { node, authoritiesPem: '', tokenHash: '' }, { log: silentLog });
const derOf = (pem: string): Uint8Array => new X509Certificate(pem).raw;
const refusal = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'no refusal',
    (error: Error & { code?: string }) => `${error.code}: ${error.message}`,
  );
async function enrolled(trust: AgentTrust, node: string, key = newKey(node)): Promise<Uint8Array> {
  const { token } = await trust.issueToken(node);
  return derOf((await trust.enrol({ token, node, csr: await key.request() })).certificatePem);
}

describe('enrolment', () => {
  it('gives a certificate for a token: for the node, as a client, from a day back, for 30 days', async () => {
    const trust = await trustOf();
    const certificate = new X509Certificate(await enrolled(trust, 'r1'));
    expect(certificate.subjectAltName).toBe('URI:urn:headroom:node:r1');
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
    expect(certificate.verify(new X509Certificate(trust.authorities.trustedPem).publicKey)).toBe(true);
    expect((Date.parse(certificate.validTo) - Date.now()) / 86_400_000).toBeCloseTo(30, 1);
    expect((Date.now() - Date.parse(certificate.validFrom)) / 86_400_000).toBeCloseTo(1, 1);
    expect(await trust.judge(certificate.raw)).toMatchObject({ kind: 'certificate', node: 'r1' });
  });

  it('takes a token once, but from the same key again, since an answer may be lost', async () => {
    const trust = await trustOf();
    const { token } = await trust.issueToken('r1');
    const key = newKey('r1');
    const first = await trust.enrol({ token, node: 'r1', csr: await key.request() });
    const again = await trust.enrol({ token, node: 'r1', csr: await key.request() });
    expect(await trust.judge(derOf(first.certificatePem))).toMatchObject({ node: 'r1' });
    expect(await trust.judge(derOf(again.certificatePem))).toMatchObject({ node: 'r1' });
    expect(await refusal(trust.enrol({ token, node: 'r1', csr: await newKey('r1').request() }))).toContain(
      'UNAUTHENTICATED: The enrolment token is unknown, for another node than "r1", used or older than an hour',
    );
  });

  it('takes a token at one of several servers only', async () => {
    const [one, two] = await Promise.all([trustOf(), trustOf()]);
    const { token } = await one.issueToken('r1');
    const answers = await Promise.all(
      [one, two, one, two].map(async (trust) =>
        refusal(trust.enrol({ token, node: 'r1', csr: await newKey('r1').request() })),
      ),
    );
    expect(answers.filter((each) => each === 'no refusal')).toHaveLength(1);
  });

  it('refuses an unknown token, another node, a request that is none, and a key that did not sign it', async () => {
    const trust = await trustOf();
    const { token } = await trust.issueToken('r1');
    const csr = await newKey('r1').request();
    expect(await refusal(trust.enrol({ token, node: 'r2', csr }))).toContain('for another node than "r2"');
    expect(await refusal(trust.enrol({ token: `hr1_${'A'.repeat(86)}`, node: 'r1', csr }))).toContain('is unknown');
    expect(await refusal(trust.enrol({ token: 'x', node: 'r1', csr }))).toContain('starts with "hr1_"');
    expect(await refusal(trust.enrol({ token, node: 'r1', csr: Uint8Array.of(1, 2, 3) }))).toContain('not PKCS #10');
    expect(await refusal(trust.enrol({ token, node: 'r1', csr: new Uint8Array(9_000) }))).toContain('9000 bytes');
    const forged = Uint8Array.from(csr);
    forged[forged.length - 1]! ^= 1;
    expect(await refusal(trust.enrol({ token, node: 'r1', csr: forged }))).toContain('not signed with the key');
    // All that was for nothing: the token is still good.
    expect(await refusal(trust.enrol({ token, node: 'r1', csr }))).toBe('no refusal');
  });

  it('refuses a token after an hour, by the clock of the database', async () => {
    const trust = await trustOf();
    const { token } = await trust.issueToken('r1');
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query(`UPDATE agent_enrol_token SET expires_at = now()`);
    await client.end();
    expect(await refusal(trust.enrol({ token, node: 'r1', csr: await newKey('r1').request() }))).toContain(
      'older than an hour',
    );
  });

  it('ends certificates that the node had for another key', async () => {
    const trust = await trustOf();
    const before = await enrolled(trust, 'r1');
    const other = await enrolled(trust, 'r2');
    const after = await enrolled(trust, 'r1');
    expect(await refusal(trust.judge(before))).toContain(
      'UNAUTHENTICATED: The certificate of the agent of "r1" was revoked',
    );
    expect(await trust.judge(after)).toMatchObject({ node: 'r1' });
    expect(await trust.judge(other)).toMatchObject({ node: 'r2' });
  });
});

describe('revocation', () => {
  it('ends certificates, unused tokens and the repeat of a used one', async () => {
    const trust = await trustOf();
    const key = newKey('r1');
    const { token } = await trust.issueToken('r1');
    const { token: unused } = await trust.issueToken('r1');
    const { certificatePem } = await trust.enrol({ token, node: 'r1', csr: await key.request() });
    const peer = await trust.judge(derOf(certificatePem));
    expect(await trust.revoke('r1')).toBe(1);
    expect(await trust.unusable([peer.certificateFingerprint, 'never issued'])).toEqual(
      expect.arrayContaining([peer.certificateFingerprint, 'never issued']),
    );
    for (const each of [token, unused]) {
      expect(await refusal(trust.enrol({ token: each, node: 'r1', csr: await key.request() }))).toContain(
        'UNAUTHENTICATED',
      );
    }
    expect(await refusal(trust.renew(peer, await key.request()))).toContain('was revoked or has expired');
    expect(await trust.revoke('r1')).toBe(0);
  });
});

describe('certificates', () => {
  it('are renewed for the same key only, and expire', async () => {
    const trust = await trustOf(SECRET, null, 60_000);
    const key = newKey('r1');
    const peer = await trust.judge(await enrolled(trust, 'r1', key));
    const next = await trust.judge(derOf((await trust.renew(peer, await key.request())).certificatePem));
    expect(next.keyFingerprint).toBe(peer.keyFingerprint);
    expect(next.certificateFingerprint).not.toBe(peer.certificateFingerprint);
    expect(await refusal(trust.renew(peer, await newKey('r1').request()))).toContain('for another key');
    const short = await trustOf(SECRET, null, -1);
    const expired = await enrolled(short, 'r3');
    expect(await refusal(short.judge(expired))).toContain('"r3" has expired: "headroom agent enrol r3"');
  });

  it('of a server, of no Headroom and of nobody are not an agent’s', async () => {
    const trust = await trustOf();
    expect(await refusal(trust.judge(null))).toContain('UNAUTHENTICATED: No certificate came');
    const server = await trust.authorities.signing.issueServer(now());
    expect(await refusal(trust.judge(derOf(server.chainPem)))).toContain('is not one of an agent');
    // Signed by the right authority, but not recorded: as one would be that somebody made with a stolen key.
    const { certificatePem } = await trust.authorities.signing.issueAgent('r1', await newKey('r1').request(), now());
    expect(await refusal(trust.judge(derOf(certificatePem)))).toContain('is not known here');
  });
});

describe('the authority', () => {
  it('is one for all servers that start at once, and the same after a restart', async () => {
    const all = await Promise.all([trustOf(), trustOf(), trustOf()]);
    expect(new Set(all.map((trust) => trust.authorities.trustedPem)).size).toBe(1);
    expect(all[0].authorities.trustedPem.match(/BEGIN/g)).toHaveLength(1);
    expect((await trustOf()).authorities.signing.fingerprint).toBe(all[0].authorities.signing.fingerprint);
  });

  it('does not open with another secret, and is encrypted anew where the previous one is given', async () => {
    const { authorities } = await trustOf();
    await expect(trustOf('another secret, long enough')).rejects.toThrow(/^HEADROOM_SECRET: is not the secret/);
    const rotated = await trustOf('another secret, long enough', SECRET);
    expect(rotated.authorities.signing.fingerprint).toBe(authorities.signing.fingerprint);
    expect((await trustOf('another secret, long enough')).authorities.trustedPem).toBe(authorities.trustedPem);
    await expect(trustOf(SECRET)).rejects.toThrow(/^HEADROOM_SECRET: is not the secret/);
  });

  it('changes while agents go on: announced first, then it signs, then the old one goes', async () => {
    const trust = await trustOf();
    const source = new StoredAuthorities({ records: store.agentTrust, secret: SECRET, previousSecret: null });
    const before = trust.authorities;
    const old = await enrolled(trust, 'r1');
    const id = await source.add(now());
    expect(await trust.reload()).toBe(true);
    expect(trust.authorities.signing.fingerprint).toBe(before.signing.fingerprint);
    expect(trust.authorities.trustedPem.match(/BEGIN/g)).toHaveLength(2);
    expect(await store.agentTrust.setSigningAuthority(id)).toBe(true);
    await trust.reload();
    expect(trust.authorities.signing.fingerprint).not.toBe(before.signing.fingerprint);
    expect(await trust.judge(old)).toMatchObject({ node: 'r1' });
    const [first] = await store.agentTrust.authorities();
    expect(await store.agentTrust.removeAuthority(id)).toBe(false);
    expect(await store.agentTrust.removeAuthority(first!.id)).toBe(true);
    await trust.reload();
    expect(trust.authorities.trustedPem.match(/BEGIN/g)).toHaveLength(1);
  });

  it('of an operator needs a key that fits and a certificate of an authority', async () => {
    const one = await Authority.generate(now());
    const two = await Authority.generate(now());
    const loaded = await new FileAuthority(`${one.certificatePem}\n${two.certificatePem}`, one.keyPem).load(now());
    expect(loaded.trustedPem.match(/BEGIN/g)).toHaveLength(2);
    const fails = (cert: string, key: string) => expect(new FileAuthority(cert, key).load(now())).rejects;
    await fails(one.certificatePem, two.keyPem).toThrow('the key does not belong to the certificate');
    await fails('x', one.keyPem).toThrow('HEADROOM_AGENTS_CA_CERT, HEADROOM_AGENTS_CA_KEY: it holds no certificate');
    await fails(one.certificatePem, 'x').toThrow('not a private key');
    const server = await loaded.signing.issueServer(now());
    await fails(server.chainPem, server.keyPem).toThrow('not one of an authority');
  });
});

describe('a sealed key', () => {
  it('opens with its secret and id alone, unchanged', () => {
    const sealed = sealKey(Buffer.from('key'), SECRET, 'a');
    expect(Buffer.from(openKey(sealed, SECRET, 'a')!).toString()).toBe('key');
    expect(openKey(sealed, 'other', 'a')).toBeNull();
    expect(openKey(sealed, SECRET, 'b')).toBeNull();
    for (const at of [0, 1, 20, 30, sealed.length - 1]) {
      const damaged = Uint8Array.from(sealed);
      damaged[at]! ^= 1;
      expect(openKey(damaged, SECRET, 'a')).toBeNull();
    }
    expect(openKey(new Uint8Array(3), SECRET, 'a')).toBeNull();
  });
});
