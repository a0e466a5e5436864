import { isMulticast, parsePrefix, type IpAddress, type IpPrefix } from '../base/ip.ts';
import { err, ok, type Result } from '../base/result.ts';
import { Bytes } from '../base/units.ts';
import { FieldReader, Problems, type FieldProblem } from './fields.ts';
import { isLinkLocal } from './graph.ts';
import {
  ADMIN_STATES,
  LINK_ATTRIBUTES,
  readEnd,
  readLinkAttributes,
  type LinkEnd,
  type LinkAttributes,
} from './link-fields.ts';
import type { AgentMode, Link, LinkId, NetworkInterface, NetworkNode, Topology } from './topology.ts';

export const NODE_NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;
export const MIN_MTU_BYTES = 68;
export const MAX_MTU_BYTES = 65_535;

const NODE_FIELDS = ['name', 'agent', 'adminState', 'labels', 'interfaces'] as const;
const AGENT_MODES: readonly AgentMode[] = ['required', 'optional', 'none'];
const MAX_NODES = 100_000;
const MAX_LINKS = 1_000_000;

/**
 * Reads a topology document (see `document.ts` for its form) from parsed JSON or YAML: checks every field, refuses unknown
 * ones, converts nothing, and reports all faults at once. `cables` become two links each, after the `links`, in order.
 */
export function parseTopology(document: unknown): Result<Topology, readonly FieldProblem[]> {
  const problems = new Problems();
  const root = new FieldReader(document, '', ['nodes', 'links', 'cables'], problems);
  const nodes = readNodes(root, problems);
  const links = readLinks(root, nodes, problems);
  return problems.count > 0 ? err(problems.list()) : ok({ nodes, links });
}

function readNodes(root: FieldReader, problems: Problems): readonly NetworkNode[] {
  const nodePaths = new Map<string, string>();
  const addressPaths = new Map<IpAddress, string>();
  return root.array('nodes', MAX_NODES, true).map(({ value, path }) => {
    const node = new FieldReader(value, path, NODE_FIELDS, problems);
    const name = node.text('name', NODE_NAME, '1 to 63 characters: a-z, 0-9 first, then also . _ -');
    claim(nodePaths, name, node, 'name');
    const agent = node.oneOf('agent', AGENT_MODES, 'none');
    return {
      name,
      agent,
      adminState: node.oneOf('adminState', ADMIN_STATES, 'up'),
      interfaces: readInterfaces(node, agent, addressPaths, problems),
      labels: node.labels('labels'),
    };
  });
}

function readInterfaces(
  node: FieldReader,
  agent: AgentMode,
  addressPaths: Map<IpAddress, string>,
  problems: Problems,
): readonly NetworkInterface[] {
  const names = new Map<string, string>();
  // The kernel's limit holds where an agent has to find the interface; networks without agents may use longer names.
  const longest = agent === 'none' ? 63 : 15;
  const pattern = new RegExp(`^[A-Za-z0-9][A-Za-z0-9._-]{0,${longest - 1}}$`);
  return node.array('interfaces', 4096, true).map(({ value, path }) => {
    const reader = new FieldReader(value, path, ['name', 'addresses', 'mtuBytes'], problems);
    const name = reader.text('name', pattern, `1 to ${longest} characters: A-Z, a-z, 0-9 first, then also . _ -`);
    claim(names, name, reader, 'name');
    const addresses = reader.array('addresses', 256).flatMap((member) => {
      const address = readInterfaceAddress(member.value, member.path, problems);
      if (!address) return [];
      const holder = addressPaths.get(address.address);
      if (holder !== undefined) problems.add(member.path, member.value, `is the same address as ${holder}`);
      // A link-local address has a meaning on its own link only and may well be used on several.
      else if (!isLinkLocal(address.address)) addressPaths.set(address.address, member.path);
      return [address];
    });
    return { name, addresses, mtuBytes: Bytes(reader.integer('mtuBytes', MIN_MTU_BYTES, MAX_MTU_BYTES, 1500)) };
  });
}

function readInterfaceAddress(value: unknown, path: string, problems: Problems): IpPrefix | undefined {
  const parsed = typeof value === 'string' ? parsePrefix(value) : err('must be text such as "10.1.0.2/24"');
  if (!parsed.ok) {
    problems.add(
      path,
      value,
      typeof value === 'string' ? 'must be an address with a prefix length such as "10.1.0.2/24"' : parsed.error,
    );
    return undefined;
  }
  const { address } = parsed.value;
  if (isMulticast(address) || address === '0.0.0.0' || address === '::' || address === '255.255.255.255') {
    problems.add(path, value, 'must be the address of one host');
    return undefined;
  }
  return parsed.value;
}

/** Reports `field` when another object already has the same value. */
function claim(taken: Map<string, string>, value: string, reader: FieldReader, field: string): void {
  if (value === '') return;
  const first = taken.get(value);
  if (first === undefined) taken.set(value, reader.path);
  else reader.report(field, `is the same as that of ${first}`);
}

interface LinkDraft {
  readonly from: LinkEnd;
  readonly to: LinkEnd;
  readonly attributes: LinkAttributes;
  readonly id: LinkId | undefined;
}

function readLinks(root: FieldReader, nodes: readonly NetworkNode[], problems: Problems): readonly Link[] {
  const mtus = new Map(nodes.map((node) => [node.name, new Map(node.interfaces.map((i) => [i.name, i.mtuBytes]))]));
  const ends = (reader: FieldReader, first: string, second: string): readonly [LinkEnd, LinkEnd] => {
    const a = readEnd(reader, first, mtus, problems);
    const b = readEnd(reader, second, mtus, problems);
    if (a.node !== '' && a.node === b.node)
      reader.report(second, `is on the same node as ${first}: a link joins two nodes`);
    return [a, b];
  };
  const ids = new Map<LinkId, string>();
  const drafts: LinkDraft[] = root.array('links', MAX_LINKS).map(({ value, path }) => {
    const reader = new FieldReader(value, path, ['id', 'from', 'to', ...LINK_ATTRIBUTES], problems);
    const [from, to] = ends(reader, 'from', 'to');
    const id = readLinkId(reader, from);
    if (id !== undefined) claim(ids, id, reader, 'id');
    return { from, to, attributes: readLinkAttributes(reader, problems), id };
  });
  for (const { value, path } of root.array('cables', MAX_LINKS / 2)) {
    const reader = new FieldReader(value, path, ['a', 'b', ...LINK_ATTRIBUTES], problems);
    const [a, b] = ends(reader, 'a', 'b');
    const attributes = readLinkAttributes(reader, problems);
    drafts.push({ from: a, to: b, attributes, id: undefined }, { from: b, to: a, attributes, id: undefined });
  }
  return nameLinks(drafts, new Set(ids.keys())).map(({ from, to, attributes, id }) => ({
    id,
    from,
    to,
    ...attributes,
    mtuBytes: attributes.mtuBytes ?? mtus.get(from.node)?.get(from.interface) ?? Bytes(1500),
  }));
}

function readLinkId(reader: FieldReader, from: LinkEnd): LinkId | undefined {
  if (!reader.has('id')) return undefined;
  const id = reader.raw('id');
  const base = `${from.node}:${from.interface}`;
  if (
    typeof id === 'string' &&
    (id === base || (id.startsWith(`${base}#`) && isShareNumber(id.slice(base.length + 1))))
  ) {
    return id;
  }
  reader.report('id', `must be "${base}", or "${base}#n" with n from 2 where several links share the interface`);
  return undefined;
}

const isShareNumber = (text: string): boolean => /^[1-9]\d{0,6}$/.test(text) && text !== '1';

/** Gives every link without an id the first free of `node:interface`, `node:interface#2`, `node:interface#3` … */
export function nameLinks<T extends { readonly from: LinkEnd; readonly id: LinkId | undefined }>(
  links: readonly T[],
  taken: ReadonlySet<LinkId>,
): readonly (Omit<T, 'id'> & { readonly id: LinkId })[] {
  const used = new Set(taken);
  const next = new Map<string, number>();
  return links.map((link) => {
    if (link.id !== undefined) return { ...link, id: link.id };
    const base = `${link.from.node}:${link.from.interface}`;
    let n = next.get(base) ?? 1;
    let id = n === 1 ? base : `${base}#${n}`;
    while (used.has(id)) id = `${base}#${++n}`;
    used.add(id);
    next.set(base, n);
    return { ...link, id };
  });
}
