import { formatPrefix } from '../base/ip.ts';
import { err, ok, type Result } from '../base/result.ts';
import { isXmlElement } from '../base/xml.ts';
import type { FieldProblem } from './fields.ts';
import { importGraphml } from './import-graphml.ts';
import type { ImportedTopology, ImportOptions } from './imported.ts';
import { parseTopology } from './validate.ts';

/** `headroom`: our own document, parsed from JSON or YAML; `graphml`: Internet Topology Zoo, parsed from XML. */
export type ImportFormat = 'headroom' | 'graphml';

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
  const problems: FieldProblem[] = [];
  for (const field of ['defaultCapacityBitsPerSecond', 'addressPool'] as const) {
    const given = options[field];
    if (given === undefined) continue;
    const value = typeof given === 'number' ? given : formatPrefix(given);
    problems.push({ field, value, problem: 'is for graphml only: our own format says everything itself' });
  }
  if (problems.length > 0) return err(problems);
  const topology = parseTopology(document);
  return topology.ok ? ok({ topology: topology.value, report: { notes: [] } }) : topology;
}
