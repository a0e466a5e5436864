import type { IpAddress } from '../base/ip.ts';
import { err, ok, type Result } from '../base/result.ts';
import { childrenNamed, type XmlElement } from '../base/xml.ts';
import type { TopologyInput } from './document.ts';
import { Problems, type FieldProblem } from './fields.ts';
import { coordinates, GraphmlKeys, zooSpeed, type GraphmlAttributes } from './graphml-attributes.ts';
import { takeAddresses } from './import-addresses.ts';
import { edgeDelayMicros, makeLinks, nodeInput, type ImportEdge, type ImportNode } from './import-links.ts';
import { labelText, nameFromLabel, uniqueNames } from './import-names.ts';
import { checkOptions, type ImportedTopology, type ImportNote, type ImportOptions, type Note } from './imported.ts';
import { parseTopology } from './validate.ts';

const MAX_NODES = 100_000;
const MAX_EDGES = 500_000;

interface ZooNode extends ImportNode {
  readonly attributes: GraphmlAttributes;
}

interface ZooEdge extends ImportEdge {
  readonly source: ZooNode;
  readonly target: ZooNode;
  readonly attributes: GraphmlAttributes;
}

/**
 * Imports a network of the Internet Topology Zoo (GraphML). Every edge becomes a cable with an interface of its own at both
 * ends, `e0`, `e1` … (directed edges become one link, opposite ones share their interfaces); every node gets agent `none`
 * and one address on `lo`, so that it can be booked. Nothing is guessed: what the file does not say is left unknown or at
 * its default, and every such decision is a note. A document that contradicts itself is refused.
 */
export function importGraphml(
  root: XmlElement,
  options: ImportOptions = {},
): Result<ImportedTopology, readonly FieldProblem[]> {
  const problems = new Problems();
  const notes: ImportNote[] = [];
  const note: Note = (kind, where, what) => notes.push({ kind, where, what });
  const graphs = childrenNamed(root, 'graph');
  const graph = graphs[0];
  if (root.name !== 'graphml')
    problems.add('', root.name, `must be a GraphML document, but its root element is <${root.name}>`);
  else if (!graph) problems.add('graphml', null, 'has no <graph> element');
  checkOptions(options, problems);
  if (!graph || problems.count > 0) return err(problems.list());
  if (graphs.length > 1)
    note('ignored', 'graph', `${graphs.length - 1} more <graph> elements after the first are left out.`);

  const keys = new GraphmlKeys(root);
  const nodes = readNodes(graph, keys, options, problems, note);
  const edges = readEdges(graph, keys, nodes, problems, note);
  if (problems.count > 0) return err(problems.list());
  noteRest(graph, keys, note);
  const links = makeLinks(edges, (edge) => linkAttributes(edge, options, note), note);
  const inputs = [...nodes.values()].map((node) => nodeInput(node, labelsOfNode(node)));
  const topology = parseTopology({ nodes: inputs, links } satisfies TopologyInput);
  return topology.ok ? ok({ topology: topology.value, report: { notes } }) : topology;
}

function readNodes(
  graph: XmlElement,
  keys: GraphmlKeys,
  options: ImportOptions,
  problems: Problems,
  note: Note,
): ReadonlyMap<string, ZooNode> {
  const elements = childrenNamed(graph, 'node');
  if (elements.length > MAX_NODES) {
    problems.add('graph.node', elements.length, `must be at most ${MAX_NODES} nodes`);
    return new Map();
  }
  const attributes = elements.map((element) => keys.attributes(element, 'node'));
  // The Zoo writes the label of unnamed junctions as the word None.
  const labels = attributes.map((a) => (a.get('label') === 'None' ? '' : (a.get('label') ?? '')));
  const names = uniqueNames(
    labels.map((label, i) => {
      const id = elements[i]!.attributes.get('id') ?? '';
      return nameFromLabel(label) || nameFromLabel(`node-${id}`);
    }),
  );
  const addresses = takeAddresses(options.addressPool, elements.length, problems, note);
  const nodes = new Map<string, ZooNode>();
  elements.forEach((element, i) => {
    const id = element.attributes.get('id');
    const name = names[i]!;
    if (id === undefined || id === '') return problems.add(`graph.node[${i}].id`, id, 'is missing');
    if (nodes.has(id)) return problems.add(`graph.node[${i}].id`, id, 'is the id of an earlier node');
    const place = coordinates(attributes[i]!);
    nodes.set(id, {
      name,
      attributes: attributes[i]!,
      place,
      address: addresses[i] ?? ('' as IpAddress),
      interfaces: [],
    });
    if (name !== labels[i])
      note(
        'renamed',
        name,
        `Node ${id}${labels[i] ? ` "${labelText(labels[i])}"` : ', which has no label,'} is named ${name}.`,
      );
    if (attributes[i]!.get('hyperedge') === '1') {
      note('hyperedgeNode', name, `${name} stands for a link between more than two nodes; it is kept as a node.`);
    }
    if (attributes[i]!.get('internal') === '0')
      note('externalNode', name, `${name} belongs to another network; it is kept.`);
    if (childrenNamed(element, 'graph').length > 0) note('ignored', name, `The graph inside ${name} is left out.`);
  });
  return nodes;
}

function readEdges(
  graph: XmlElement,
  keys: GraphmlKeys,
  nodes: ReadonlyMap<string, ZooNode>,
  problems: Problems,
  note: Note,
): readonly ZooEdge[] {
  const elements = childrenNamed(graph, 'edge');
  if (elements.length > MAX_EDGES) {
    problems.add('graph.edge', elements.length, `must be at most ${MAX_EDGES} edges`);
    return [];
  }
  const byDefault = graph.attributes.get('edgedefault');
  if (byDefault !== 'directed' && byDefault !== 'undirected') {
    note(
      'direction',
      'graph',
      `edgedefault is ${byDefault === undefined ? 'missing' : `"${byDefault}"`}; edges are taken as undirected.`,
    );
  }
  return elements.flatMap((element, i) => {
    const end = (name: 'source' | 'target'): ZooNode | undefined => {
      const id = element.attributes.get(name);
      const node = id === undefined ? undefined : nodes.get(id);
      if (!node)
        problems.add(`graph.edge[${i}].${name}`, id, id === undefined ? 'is missing' : 'is not the id of a node');
      return node;
    };
    const source = end('source');
    const target = end('target');
    if (!source || !target) return [];
    const where = `edge ${i} ${source.name} – ${target.name}`;
    if (source === target) {
      note('selfLoop', where, `Edge ${i} joins ${source.name} with itself and is left out.`);
      return [];
    }
    const own = element.attributes.get('directed');
    if (own !== undefined && own !== 'true' && own !== 'false') {
      note('direction', where, `directed="${own}" is neither true nor false; the graph's default is used.`);
    }
    const directed = own === 'true' || (own !== 'false' && byDefault === 'directed');
    return [{ where, source, target, directed, attributes: keys.attributes(element, 'edge') }];
  });
}

function noteRest(graph: XmlElement, keys: GraphmlKeys, note: Note): void {
  const hyperedges = childrenNamed(graph, 'hyperedge').length;
  if (hyperedges > 0) note('ignored', 'hyperedge', `${hyperedges} <hyperedge> elements are left out.`);
  for (const id of keys.unknown)
    note('ignored', `key ${id}`, `Data of the key "${id}" has no <key> that fits and is left out.`);
  note(
    'defaults',
    '',
    'Links have the defaults that the file cannot tell: cost 1, reservable share 0.75, overhead 0, MTU 1500.',
  );
}

function linkAttributes(
  edge: ZooEdge,
  options: ImportOptions,
  note: Note,
): { capacityBitsPerSecond: number | null; delayMicros: number; labels: Readonly<Record<string, string>> } {
  const { bitsPerSecond, conflicting, said } = zooSpeed(edge.attributes);
  const fallback = options.defaultCapacityBitsPerSecond;
  if (bitsPerSecond === undefined) {
    const file = said.length > 0 ? `the file only says ${said.join(', ')}` : 'the file says nothing of it';
    if (fallback === undefined) note('unknownCapacity', edge.where, `The capacity is unknown: ${file}.`);
    else note('defaultCapacity', edge.where, `The capacity is the given default of ${fallback} bit/s: ${file}.`);
  }
  if (conflicting !== undefined) {
    note(
      'capacityConflict',
      edge.where,
      `LinkSpeedRaw (${bitsPerSecond} bit/s) is taken, though LinkSpeed and its unit say ${conflicting} bit/s.`,
    );
  }
  return {
    capacityBitsPerSecond: bitsPerSecond ?? fallback ?? null,
    delayMicros: edgeDelayMicros(edge, note),
    labels: labelsOf(edge.attributes, { label: 'linklabel', type: 'linktype', note: 'linknote' }),
  };
}

const labelsOfNode = (node: ZooNode): Readonly<Record<string, string>> =>
  labelsOf(node.attributes, {
    label: 'label',
    country: 'country',
    latitude: 'latitude',
    longitude: 'longitude',
    type: 'type',
    internal: 'internal',
    hyperedge: 'hyperedge',
  });

/** Attributes worth keeping, under our names; empty ones are left out. */
function labelsOf(
  attributes: GraphmlAttributes,
  names: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const labels = Object.entries(names).map(([label, name]) => [label, labelText(attributes.get(name) ?? '')] as const);
  return Object.fromEntries(labels.filter(([, text]) => text !== ''));
}
