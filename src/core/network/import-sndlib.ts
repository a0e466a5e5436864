import { err, ok, type Result } from '../base/result.ts';
import type { TopologyInput } from './document.ts';
import { Problems, type FieldProblem } from './fields.ts';
import { onEarth } from './great-circle.ts';
import { takeAddresses } from './import-addresses.ts';
import { edgeDelayMicros, makeLinks, nodeInput, type ImportEdge, type ImportNode } from './import-links.ts';
import { labelText, nameFromLabel, uniqueNames } from './import-names.ts';
import { checkOptions, type ImportedTopology, type ImportNote, type ImportOptions, type Note } from './imported.ts';
import { sndlibUnit, type SndlibLink, type SndlibNetwork } from './sndlib.ts';
import { parseTopology } from './validate.ts';

const MAX_NODES = 100_000;
const MAX_LINKS = 500_000;

interface SndlibEdge extends ImportEdge {
  readonly link: SndlibLink;
}

/**
 * Imports a network of the SNDlib collection. Every link becomes a cable; its capacity is what the file calls pre-installed,
 * in the unit that the file names. Without a unit, or with nothing installed, it is unknown: modules are what could be bought.
 * Every node gets agent `none` and one address on `lo`. Demands are no part of a topology.
 */
export function importSndlib(
  network: SndlibNetwork,
  options: ImportOptions = {},
): Result<ImportedTopology, readonly FieldProblem[]> {
  const problems = new Problems();
  const notes: ImportNote[] = [];
  const note: Note = (kind, where, what) => notes.push({ kind, where, what });
  checkOptions(options, problems);
  for (const [field, list, most] of [
    ['nodes', network.nodes, MAX_NODES],
    ['links', network.links, MAX_LINKS],
  ] as const) {
    if (list.length > most) problems.add(field, list.length, `must be at most ${most}`);
  }
  if (problems.count > 0) return err(problems.list());

  const nodes = readNodes(network, options, problems, note);
  const edges = readEdges(network, nodes, problems, note);
  if (problems.count > 0) return err(problems.list());
  const bitsPerUnit = network.unit === null ? undefined : sndlibUnit(network.unit);
  if (bitsPerUnit === undefined) {
    const unit = network.unit === null ? 'The file names no unit' : `The unit "${network.unit}" is not known`;
    note('unknownCapacity', '', `${unit}: no capacity of it is taken.`);
  }
  if (network.demands.length > 0) note('ignored', 'demands', `${network.demands.length} demands are left out.`);
  note(
    'defaults',
    '',
    'Links have the defaults that the file cannot tell: cost 1, reservable share 0.75, overhead 0, MTU 1500.',
  );
  const links = makeLinks(
    edges,
    (edge) => ({
      capacityBitsPerSecond: capacityOf(edge, bitsPerUnit, options, note),
      delayMicros: edgeDelayMicros(edge, note),
      labels: { id: labelText(edge.link.id) },
    }),
    note,
  );
  const inputs = [...nodes].map(([id, node]) => nodeInput(node, { id: labelText(id) }));
  const topology = parseTopology({ nodes: inputs, links } satisfies TopologyInput);
  return topology.ok ? ok({ topology: topology.value, report: { notes } }) : topology;
}

function readNodes(
  { nodes }: SndlibNetwork,
  options: ImportOptions,
  problems: Problems,
  note: Note,
): ReadonlyMap<string, ImportNode> {
  const names = uniqueNames(nodes.map(({ id }, i) => nameFromLabel(id) || `node-${i}`));
  const addresses = takeAddresses(options.addressPool, nodes.length, problems, note);
  const read = new Map<string, ImportNode>();
  nodes.forEach(({ id, longitude, latitude }, i) => {
    const name = names[i]!;
    if (read.has(id)) return problems.add(`nodes[${i}].id`, id, 'is the id of an earlier node');
    if (name !== id) note('renamed', name, `Node "${labelText(id)}" is named ${name}.`);
    read.set(id, { name, place: onEarth(latitude, longitude), address: addresses[i]!, interfaces: [] });
  });
  return read;
}

function readEdges(
  { links }: SndlibNetwork,
  nodes: ReadonlyMap<string, ImportNode>,
  problems: Problems,
  note: Note,
): readonly SndlibEdge[] {
  const seen = new Set<string>();
  return links.flatMap((link, i) => {
    if (seen.has(link.id)) problems.add(`links[${i}].id`, link.id, 'is the id of an earlier link');
    seen.add(link.id);
    const end = (which: 'source' | 'target'): ImportNode | undefined => {
      const node = nodes.get(link[which]);
      if (!node) problems.add(`links[${i}].${which}`, link[which], 'is not the id of a node');
      return node;
    };
    const [source, target] = [end('source'), end('target')];
    if (!source || !target) return [];
    const where = `link ${labelText(link.id)} ${source.name} – ${target.name}`;
    if (source === target) {
      note('selfLoop', where, `Link ${labelText(link.id)} joins ${source.name} with itself and is left out.`);
      return [];
    }
    return [{ where, source, target, directed: false, link }];
  });
}

function capacityOf(
  { where, link }: SndlibEdge,
  bitsPerUnit: number | undefined,
  options: ImportOptions,
  note: Note,
): number | null {
  const installed = Math.floor(link.preInstalledCapacity * (bitsPerUnit ?? NaN));
  if (installed >= 1 && installed <= Number.MAX_SAFE_INTEGER) return installed;
  const modules = link.moduleCapacities.length === 0 ? '' : `, modules of ${link.moduleCapacities.join(', ')}`;
  const file = `the file says pre-installed ${link.preInstalledCapacity}${modules}`;
  const fallback = options.defaultCapacityBitsPerSecond;
  if (fallback === undefined) note('unknownCapacity', where, `The capacity is unknown: ${file}.`);
  else note('defaultCapacity', where, `The capacity is the given default of ${fallback} bit/s: ${file}.`);
  return fallback ?? null;
}
