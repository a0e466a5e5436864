import { formatPrefix } from '../base/ip.ts';
import { err, ok, type Result } from '../base/result.ts';
import { isXmlElement } from '../base/xml.ts';
import type { FieldProblem } from './fields.ts';
import { importGraphml } from './import-graphml.ts';
import { importSndlib } from './import-sndlib.ts';
import type { ImportedTopology, ImportOptions } from './imported.ts';
import { parseSndlibNative } from './sndlib-native.ts';
import type { SndlibNetwork } from './sndlib.ts';
import { readSndlibXml } from './sndlib-xml.ts';
import { parseTopology } from './validate.ts';

/**
 * `headroom`: our own document, parsed from JSON or YAML; `graphml`: Internet Topology Zoo, parsed from XML; `sndlib`: a network
 * of SNDlib, parsed from XML, or its native text as it is.
 */
export const IMPORT_FORMATS = ['headroom', 'graphml', 'sndlib'] as const;
export type ImportFormat = (typeof IMPORT_FORMATS)[number];

/** Whether the text has to be parsed as XML first. */
export const isXmlText = (format: ImportFormat, text: string): boolean =>
  format === 'graphml' || (format === 'sndlib' && /^\ufeff?\s*</.test(text));

/** Turns a parsed document into a topology: pass `parseXml`'s value for XML, `parseYaml`'s for `headroom`. */
export function importTopology(
  format: ImportFormat,
  document: unknown,
  options: ImportOptions = {},
): Result<ImportedTopology, readonly FieldProblem[]> {
  if (format === 'graphml') {
    if (isXmlElement(document)) return importGraphml(document, options);
    return err([{ field: '', value: null, problem: 'must be an XML document' }]);
  }
  if (format === 'sndlib') {
    const network = isXmlElement(document) ? readSndlibXml(document) : readNative(document);
    return network.ok ? importSndlib(network.value, options) : network;
  }
  const problems: FieldProblem[] = [];
  for (const field of ['defaultCapacityBitsPerSecond', 'addressPool'] as const) {
    const given = options[field];
    if (given === undefined) continue;
    const value = typeof given === 'number' ? given : formatPrefix(given);
    problems.push({ field, value, problem: 'is for other formats: our own says everything itself' });
  }
  if (problems.length > 0) return err(problems);
  const topology = parseTopology(document);
  return topology.ok ? ok({ topology: topology.value, report: { notes: [] } }) : topology;
}

function readNative(document: unknown): Result<SndlibNetwork, readonly FieldProblem[]> {
  const network: Result<SndlibNetwork, string> =
    typeof document === 'string' ? parseSndlibNative(document) : err('must be text or an XML document');
  return network.ok ? network : err([{ field: '', value: null, problem: network.error }]);
}
