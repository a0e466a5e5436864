import type { IpPrefix } from '../base/ip.ts';
import { err, ok, type Result } from '../base/result.ts';
import { isXmlElement } from '../base/xml.ts';
import type { FieldProblem } from './fields.ts';
import { importGraphml } from './import-graphml.ts';
import type { Topology } from './topology.ts';
import { parseTopology } from './validate.ts';

/** `headroom`: our own document, parsed from JSON or YAML; `graphml`: Internet Topology Zoo, parsed from XML. */
export type ImportFormat = 'headroom' | 'graphml';

export interface ImportOptions {
  /** Given to links whose file does not tell their speed; without it their capacity stays unknown. */
  readonly defaultCapacityBitsPerSecond?: number;
  /** Where imported nodes get one address each from, in the order of the file. Default 198.18.0.0/15 (RFC 2544). */
  readonly addressPool?: IpPrefix;
}

/** Something that the importer decided, added or left out. */
export interface ImportNote {
  readonly kind:
    | 'renamed'
    | 'addresses'
    | 'defaults'
    | 'externalNode'
    | 'hyperedgeNode'
    | 'parallelLinks'
    | 'selfLoop'
    | 'unknownCapacity'
    | 'defaultCapacity'
    | 'capacityConflict'
    | 'delays'
    | 'unknownDelay'
    | 'direction'
    | 'ignored';
  /** A node, a link or an element of the file; empty for the whole network. */
  readonly where: string;
  /** One sentence. */
  readonly what: string;
}

export interface ImportedTopology {
  readonly topology: Topology;
  readonly report: { readonly notes: readonly ImportNote[] };
}

/** Turns a parsed document into a topology: pass `parseYaml`'s value for `headroom`, `parseXml`'s for `graphml`. */
export function importTopology(
  format: ImportFormat,
  document: unknown,
  options: ImportOptions = {},
): Result<ImportedTopology, readonly FieldProblem[]> {
  if (format === 'graphml') {
    if (isXmlElement(document)) return importGraphml(document, options);
    return err([{ field: '', value: null, problem: 'must be an XML document' }]);
  }
  const topology = parseTopology(document);
  return topology.ok ? ok({ topology: topology.value, report: { notes: [] } }) : topology;
}
