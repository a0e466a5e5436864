import type { LockRequest } from '../control/ports.ts';

export interface Statement {
  /** Named statements are planned once for a connection. */
  readonly name?: string;
  readonly text: string;
  readonly values?: readonly unknown[];
}

/**
 * The locks of one group, in the order that all writers keep: keys, topology, links, reservations; inside a class by key.
 * Always five statements. `FOR NO KEY UPDATE`, since `FOR UPDATE` would block whatever refers to the rows. The version of
 * the topology is read last, by a statement later than the locks on the links.
 */
export const lockStatements = ({ keys, topology, links, reservations }: LockRequest): readonly Statement[] => [
  {
    name: 'lock-keys',
    text: `INSERT INTO idempotency_key (key, body_hash, reservation_id, created_at)
             SELECT key, decode(body_hash, 'hex'), reservation_id, now()
               FROM unnest($1::text[], $2::text[], $3::uuid[]) AS k(key, body_hash, reservation_id)
              ORDER BY key COLLATE "C"
           ON CONFLICT DO NOTHING RETURNING key`,
    values: [keys.map((k) => k.key), keys.map((k) => k.bodyHash), keys.map((k) => k.reservationId)],
  },
  {
    name: topology ? 'lock-topology' : 'lock-nothing',
    text: topology ? 'SELECT id FROM topology_head FOR NO KEY UPDATE' : 'SELECT',
  },
  {
    name: 'lock-links',
    text: 'SELECT link_id, version FROM link_ledger WHERE link_id = ANY($1::text[]) ORDER BY link_id FOR NO KEY UPDATE',
    values: [links],
  },
  {
    name: 'lock-reservations',
    text: 'SELECT id, revision FROM reservation WHERE id = ANY($1::uuid[]) ORDER BY id FOR NO KEY UPDATE',
    values: [reservations],
  },
  { name: 'topology-version', text: 'SELECT version FROM topology_head' },
];
