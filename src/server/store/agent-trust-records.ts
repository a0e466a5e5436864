import type pg from 'pg';
import { EpochMs } from '../../core/base/units.ts';
import type { NodeName } from '../../core/network/topology.ts';
import type {
  AgentTrustRecords,
  CertificateRecord,
  IssuedCertificate,
  StoredAuthority,
  TokenHash,
} from '../records/agent-trust.ts';
import type { Connections } from './connections.ts';

/** A token that is unused and in time, or was used by the same key a short while ago. */
const USABLE = `token_hash = $1 AND node = $2 AND
  ((used_at IS NULL AND expires_at > now()) OR (used_key = $3 AND used_at > now() - $4 * interval '1 ms'))`;

/** How long what has expired is remembered, so that it can be called expired and not unknown. */
const REMEMBERED = `interval '30 days'`;

/** Certificates and tokens of agents in PostgreSQL. */
export class PostgresAgentTrust implements AgentTrustRecords {
  readonly #connections: Connections;

  constructor(connections: Connections) {
    this.#connections = connections;
  }

  async authorities(): Promise<readonly StoredAuthority[]> {
    const rows = await this.#query<AuthorityRow>(
      `SELECT id, certificate, sealed_key, signs, created_at FROM agent_authority ORDER BY created_at, id`,
    );
    return rows.map((row) => ({
      id: row.id,
      certificate: row.certificate,
      sealedKey: row.sealed_key,
      signs: row.signs,
      createdAt: EpochMs(row.created_at.getTime()),
    }));
  }

  async addAuthority(
    { id, certificate, sealedKey }: Pick<StoredAuthority, 'id' | 'certificate' | 'sealedKey'>,
    { onlyFirst }: { readonly onlyFirst: boolean },
  ): Promise<void> {
    await this.#transaction(async (client) => {
      await client.query('LOCK TABLE agent_authority IN SHARE ROW EXCLUSIVE MODE');
      await client.query(
        `INSERT INTO agent_authority (id, certificate, sealed_key, signs)
         SELECT $1, $2, $3, NOT EXISTS (SELECT 1 FROM agent_authority WHERE signs)
         WHERE NOT ($4 AND EXISTS (SELECT 1 FROM agent_authority))`,
        [id, certificate, sealedKey, onlyFirst],
      );
    });
  }

  async setSigningAuthority(id: string): Promise<boolean> {
    return this.#transaction(async (client) => {
      await client.query('LOCK TABLE agent_authority IN SHARE ROW EXCLUSIVE MODE');
      const found = await client.query('SELECT 1 FROM agent_authority WHERE id = $1', [id]);
      if (found.rowCount === 0) return false;
      // The index of the one that signs is judged row by row: the old one gives way first.
      await client.query('UPDATE agent_authority SET signs = false WHERE signs');
      await client.query('UPDATE agent_authority SET signs = true WHERE id = $1', [id]);
      return true;
    });
  }

  async removeAuthority(id: string): Promise<boolean> {
    const rows = await this.#query('DELETE FROM agent_authority WHERE id = $1 AND NOT signs RETURNING 1', [id]);
    return rows.length > 0;
  }

  async replaceSealedKey(id: string, before: Uint8Array, after: Uint8Array): Promise<void> {
    await this.#query('UPDATE agent_authority SET sealed_key = $3 WHERE id = $1 AND sealed_key = $2', [
      id,
      before,
      after,
    ]);
  }

  async addToken(token: TokenHash, node: NodeName, lifetimeMs: number): Promise<EpochMs> {
    await this.#query(`DELETE FROM agent_enrol_token WHERE expires_at < now() - interval '1 day'`);
    const [row] = await this.#query<{ expires_at: Date }>(
      `INSERT INTO agent_enrol_token (token_hash, node, expires_at)
       VALUES ($1, $2, now() + $3 * interval '1 ms') RETURNING expires_at`,
      [token, node, lifetimeMs],
    );
    return EpochMs(row!.expires_at.getTime());
  }

  async isUsable(token: TokenHash, node: NodeName, keyFingerprint: string, repeatMs: number): Promise<boolean> {
    const rows = await this.#query(`SELECT 1 FROM agent_enrol_token WHERE ${USABLE}`, [
      token,
      node,
      keyFingerprint,
      repeatMs,
    ]);
    return rows.length > 0;
  }

  enrol(token: TokenHash, certificate: IssuedCertificate, repeatMs: number): Promise<boolean> {
    const { node, keyFingerprint } = certificate;
    return this.#transaction(async (client) => {
      const used = await client.query(
        `UPDATE agent_enrol_token SET used_at = coalesce(used_at, now()), used_key = $3 WHERE ${USABLE}`,
        [token, node, keyFingerprint, repeatMs],
      );
      if (used.rowCount === 0) return false;
      await client.query(
        `UPDATE agent_certificate SET revoked_at = now()
         WHERE node = $1 AND key_fingerprint <> $2 AND revoked_at IS NULL`,
        [node, keyFingerprint],
      );
      await insert(client, certificate);
      return true;
    });
  }

  renew(current: string, certificate: IssuedCertificate): Promise<boolean> {
    return this.#transaction(async (client) => {
      const valid = await client.query(
        `SELECT 1 FROM agent_certificate
         WHERE fingerprint = $1 AND node = $2 AND revoked_at IS NULL AND not_after > now() FOR UPDATE`,
        [current, certificate.node],
      );
      if (valid.rowCount === 0) return false;
      await insert(client, certificate);
      return true;
    });
  }

  async certificate(fingerprint: string): Promise<CertificateRecord | null> {
    const [row] = await this.#query<{ node: string; key_fingerprint: string; revoked: boolean; expired: boolean }>(
      `SELECT node, key_fingerprint, revoked_at IS NOT NULL AS revoked, not_after <= now() AS expired
       FROM agent_certificate WHERE fingerprint = $1`,
      [fingerprint],
    );
    return row
      ? { node: row.node, keyFingerprint: row.key_fingerprint, revoked: row.revoked, expired: row.expired }
      : null;
  }

  async unusable(fingerprints: readonly string[]): Promise<readonly string[]> {
    const rows = await this.#query<{ fingerprint: string }>(
      `SELECT asked.fingerprint FROM unnest($1::text[]) AS asked (fingerprint)
       LEFT JOIN agent_certificate known USING (fingerprint)
       WHERE known.fingerprint IS NULL OR known.revoked_at IS NOT NULL OR known.not_after <= now()`,
      [fingerprints],
    );
    return rows.map((row) => row.fingerprint);
  }

  async revoke(node: NodeName): Promise<number> {
    return this.#transaction(async (client) => {
      // First the tokens: an enrolment that holds one has recorded its certificate when this goes on.
      await client.query('DELETE FROM agent_enrol_token WHERE node = $1', [node]);
      const revoked = await client.query(
        'UPDATE agent_certificate SET revoked_at = now() WHERE node = $1 AND revoked_at IS NULL',
        [node],
      );
      return revoked.rowCount ?? 0;
    });
  }

  #query<T extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<T[]> {
    return this.#connections.query<T>({ text, values });
  }

  #transaction<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    return this.#connections.session(async (client) => {
      await client.query('BEGIN');
      try {
        const result = await work(client);
        await client.query('COMMIT');
        return result;
      } catch (error) {
        await client.query('ROLLBACK').catch(() => {});
        throw error;
      }
    });
  }
}

interface AuthorityRow {
  id: string;
  certificate: string;
  sealed_key: Buffer;
  signs: boolean;
  created_at: Date;
}

async function insert(client: pg.PoolClient, { fingerprint, node, keyFingerprint, notAfter }: IssuedCertificate) {
  await client.query(`DELETE FROM agent_certificate WHERE not_after < now() - ${REMEMBERED}`);
  await client.query(
    `INSERT INTO agent_certificate (fingerprint, node, key_fingerprint, not_after)
     VALUES ($1, $2, $3, $4)`,
    [fingerprint, node, keyFingerprint, new Date(notAfter)],
  );
}
