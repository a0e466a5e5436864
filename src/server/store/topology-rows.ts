import { formatPrefix, parsePrefix, type IpPrefix } from '../../core/base/ip.ts';
import { BitsPerSecond, Bytes, Micros } from '../../core/base/units.ts';
import type { AdminState, AgentMode, Link, LinkId, NetworkInterface } from '../../core/network/topology.ts';
import type { StoredTopology, TopologyWrites } from '../control/ports.ts';

type Ask = <T extends Record<string, unknown>>(text: string, values?: unknown[]) => Promise<T[]>;

interface LinkRow extends Record<string, unknown> {
  id: LinkId;
  from_node: string;
  from_interface: string;
  to_node: string;
  to_interface: string;
  capacity_bits_per_second: string | null;
  reservable_share: number;
  overhead_bytes: string;
  cost: string;
  delay_micros: string;
  mtu_bytes: string;
  error_c_bytes: string | null;
  error_d_micros: string | null;
  risk_groups: string[];
  labels: Record<string, string>;
  admin_state: AdminState;
}

/** The stored topology; consistent where `ask` runs in one REPEATABLE READ transaction. */
export async function readTopology(ask: Ask): Promise<StoredTopology> {
  const head = await ask<{ version: string }>('SELECT version FROM topology_head');
  const nodes = await ask<{ name: string; agent: AgentMode; admin_state: AdminState; labels: Record<string, string> }>(
    'SELECT name, agent, admin_state, labels FROM node ORDER BY ordinal',
  );
  const interfaces = await ask<{ node: string; name: string; addresses: string[]; mtu_bytes: string }>(
    'SELECT node, name, addresses, mtu_bytes FROM network_interface ORDER BY node, ordinal',
  );
  const links = await ask<LinkRow>('SELECT * FROM link WHERE removed_at IS NULL ORDER BY ordinal');
  const ledger = await ask<{ link_id: LinkId; version: string }>('SELECT link_id, version FROM link_ledger');
  const byNode = new Map<string, NetworkInterface[]>(nodes.map((row) => [row.name, []]));
  for (const row of interfaces) {
    byNode.get(row.node)!.push({
      name: row.name,
      addresses: row.addresses.map(storedPrefix),
      mtuBytes: Bytes(Number(row.mtu_bytes)),
    });
  }
  return {
    version: BigInt(head[0]!.version),
    linkVersions: new Map(ledger.map((row) => [row.link_id, BigInt(row.version)])),
    topology: {
      nodes: nodes.map((row) => ({
        name: row.name,
        agent: row.agent,
        adminState: row.admin_state,
        labels: row.labels,
        interfaces: byNode.get(row.name)!,
      })),
      links: links.map(toLink),
    },
  };
}

const toLink = (row: LinkRow): Link => ({
  id: row.id,
  from: { node: row.from_node, interface: row.from_interface },
  to: { node: row.to_node, interface: row.to_interface },
  capacityBitsPerSecond:
    row.capacity_bits_per_second === null ? null : BitsPerSecond(Number(row.capacity_bits_per_second)),
  reservableShare: row.reservable_share,
  overheadBytes: Bytes(Number(row.overhead_bytes)),
  cost: Number(row.cost),
  delayMicros: Micros(Number(row.delay_micros)),
  mtuBytes: Bytes(Number(row.mtu_bytes)),
  errorCBytes: row.error_c_bytes === null ? null : Bytes(Number(row.error_c_bytes)),
  errorDMicros: row.error_d_micros === null ? null : Micros(Number(row.error_d_micros)),
  riskGroups: row.risk_groups,
  labels: row.labels,
  adminState: row.admin_state,
});

function storedPrefix(text: string): IpPrefix {
  const prefix = parsePrefix(text);
  if (!prefix.ok) throw new Error(`the stored topology is damaged: ${prefix.error}`);
  return prefix.value;
}

/** Statements, in order, that store the whole topology; removed links become tombstones, their ledger rows stay. */
export function topologyStatements({ next, removedLinks }: TopologyWrites): { text: string; values: unknown[] }[] {
  const nodes = next.nodes.map((node, ordinal) => ({
    name: node.name,
    ordinal,
    agent: node.agent,
    admin_state: node.adminState,
    labels: node.labels,
  }));
  const interfaces = next.nodes.flatMap((node) =>
    node.interfaces.map((each, ordinal) => ({
      node: node.name,
      name: each.name,
      ordinal,
      addresses: each.addresses.map(formatPrefix),
      mtu_bytes: each.mtuBytes,
    })),
  );
  return [
    { text: 'UPDATE topology_head SET version = version + 1, updated_at = now()', values: [] },
    { text: 'DELETE FROM node', values: [] },
    {
      text: `INSERT INTO node SELECT * FROM json_to_recordset($1::json)
               AS r(name text, ordinal int, agent text, admin_state text, labels jsonb)`,
      values: [JSON.stringify(nodes)],
    },
    {
      text: `INSERT INTO network_interface SELECT * FROM json_to_recordset($1::json)
               AS r(node text, name text, ordinal int, addresses text[], mtu_bytes bigint)`,
      values: [JSON.stringify(interfaces)],
    },
    { text: 'UPDATE link SET removed_at = now() WHERE id = ANY($1::text[])', values: [removedLinks] },
    { text: UPSERT_LINKS, values: [JSON.stringify(next.links.map(linkJson))] },
    // In the order of the names, as all writers lock these rows.
    {
      text: `INSERT INTO agent_generation (node, counter)
               SELECT name, 0 FROM unnest($1::text[]) AS name ORDER BY name COLLATE "C" ON CONFLICT DO NOTHING`,
      values: [next.nodes.map((node) => node.name)],
    },
  ];
}

const LINK_COLUMNS = [
  ...['ordinal int', 'from_node text', 'from_interface text', 'to_node text', 'to_interface text'],
  ...['capacity_bits_per_second bigint', 'reservable_share float8', 'overhead_bytes bigint', 'cost bigint'],
  ...['delay_micros bigint', 'mtu_bytes bigint', 'error_c_bytes bigint', 'error_d_micros bigint'],
  ...['risk_groups text[]', 'labels jsonb', 'admin_state text'],
];
const linkNames = LINK_COLUMNS.map((column) => column.split(' ')[0]!);
const UPSERT_LINKS = `INSERT INTO link (id, ${linkNames.join(', ')})
  SELECT id, ${linkNames.join(', ')} FROM json_to_recordset($1::json) AS r(id text, ${LINK_COLUMNS.join(', ')})
  ON CONFLICT (id) DO UPDATE
    SET removed_at = NULL, ${linkNames.map((name) => `${name} = excluded.${name}`).join(', ')}`;

const linkJson = (link: Link, ordinal: number): Record<string, unknown> => ({
  id: link.id,
  ordinal,
  from_node: link.from.node,
  from_interface: link.from.interface,
  to_node: link.to.node,
  to_interface: link.to.interface,
  capacity_bits_per_second: link.capacityBitsPerSecond,
  reservable_share: link.reservableShare,
  overhead_bytes: link.overheadBytes,
  cost: link.cost,
  delay_micros: link.delayMicros,
  mtu_bytes: link.mtuBytes,
  error_c_bytes: link.errorCBytes,
  error_d_micros: link.errorDMicros,
  risk_groups: link.riskGroups,
  labels: link.labels,
  admin_state: link.adminState,
});
