import { err, ok, type Result } from '../base/result.ts';
import { BitsPerSecond, Bytes, Micros } from '../base/units.ts';
import { FieldReader, Problems, type FieldProblem } from './fields.ts';
import type { AdminState, Link } from './topology.ts';

export const ADMIN_STATES: readonly AdminState[] = ['up', 'draining', 'down'];

/** The members of a link that an operator sets, in a document as well as in a change of one link. */
export const LINK_ATTRIBUTES = [
  'capacityBitsPerSecond',
  'reservableShare',
  'overheadBytes',
  'cost',
  'delayMicros',
  'mtuBytes',
  'errorCBytes',
  'errorDMicros',
  'riskGroups',
  'labels',
  'adminState',
] as const;

export type LinkEnd = Link['from'];
/** `mtuBytes` undefined = that of the sending interface. */
export type LinkAttributes = Omit<Link, 'id' | 'from' | 'to' | 'mtuBytes'> & { readonly mtuBytes: Bytes | undefined };
export type LinkChange = Partial<Omit<Link, 'id' | 'from' | 'to'>>;

/** The attributes of a link or a cable; `capacityBitsPerSecond` is required and may be null, the others have defaults. */
export function readLinkAttributes(reader: FieldReader, problems: Problems): LinkAttributes {
  return {
    capacityBitsPerSecond:
      reader.raw('capacityBitsPerSecond') === null
        ? null
        : BitsPerSecond(reader.integer('capacityBitsPerSecond', 1, Number.MAX_SAFE_INTEGER)),
    reservableShare: reader.number('reservableShare', 0, 1, 0.75),
    overheadBytes: Bytes(reader.integer('overheadBytes', 0, 1000, 0)),
    cost: reader.integer('cost', 1, 4_294_967_295, 1),
    delayMicros: Micros(reader.integer('delayMicros', 0, 1_000_000_000, 0)),
    mtuBytes: reader.has('mtuBytes') ? Bytes(reader.integer('mtuBytes', 68, 65_535)) : undefined,
    errorCBytes: orNull(reader, 'errorCBytes', Bytes),
    errorDMicros: orNull(reader, 'errorDMicros', Micros),
    riskGroups: readRiskGroups(reader, problems),
    labels: reader.labels('labels'),
    adminState: reader.oneOf('adminState', ADMIN_STATES, 'up'),
  };
}

/**
 * A change of one link: any of its attributes, each checked as in a document; absent ones are absent from the answer.
 * Labels and risk groups are replaced whole.
 */
export function parseLinkChange(value: unknown): Result<LinkChange, readonly FieldProblem[]> {
  const problems = new Problems();
  const reader = new FieldReader(value, '', LINK_ATTRIBUTES, problems);
  const given = LINK_ATTRIBUTES.filter((name) => reader.has(name));
  // The one attribute without a default: what is read for it when absent is not part of the answer.
  const complete = reader.has('capacityBitsPerSecond') ? reader : reader.with('capacityBitsPerSecond', null);
  const all = readLinkAttributes(complete, problems);
  if (problems.count > 0) return err(problems.list());
  return ok(Object.fromEntries(given.map((name) => [name, all[name]])) as LinkChange);
}

/** An end `{node, interface}` that must exist among the known interfaces. */
export function readEnd(
  parent: FieldReader,
  name: string,
  interfaces: ReadonlyMap<string, ReadonlyMap<string, unknown>>,
  problems: Problems,
): LinkEnd {
  if (!parent.has(name)) {
    parent.report(name, 'is missing; it must be an object of node and interface');
    return { node: '', interface: '' };
  }
  const reader = new FieldReader(parent.raw(name), parent.at(name), ['node', 'interface'], problems);
  if (!reader.isObject) return { node: '', interface: '' };
  const node = reader.text('node', /^/, 'the name of a node');
  const iface = reader.text('interface', /^/, 'the name of an interface of that node');
  const known = interfaces.get(node);
  if (typeof reader.raw('node') === 'string' && !known) reader.report('node', 'is not a node of this topology');
  else if (known && typeof reader.raw('interface') === 'string' && !known.has(iface)) {
    reader.report('interface', `is not an interface of node ${node}`);
  }
  return { node, interface: iface };
}

function orNull<T>(reader: FieldReader, name: string, unit: (n: number) => T): T | null {
  return reader.has(name) && reader.raw(name) !== null ? unit(reader.integer(name, 0, 1_000_000_000)) : null;
}

function readRiskGroups(reader: FieldReader, problems: Problems): readonly string[] {
  const groups: string[] = [];
  for (const { value, path } of reader.array('riskGroups', 64)) {
    if (typeof value !== 'string' || !/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,62}$/.test(value)) {
      problems.add(path, value, 'must be 1 to 63 characters: A-Z, a-z, 0-9 first, then also . _ : / -');
    } else if (groups.includes(value)) problems.add(path, value, 'is named twice');
    else groups.push(value);
  }
  return groups;
}
