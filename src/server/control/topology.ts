import { parsePrefix } from '../../core/base/ip.ts';
import { ok, type Result } from '../../core/base/result.ts';
import { checkTopology } from '../../core/network/check.ts';
import type { FieldProblem as DocumentProblem } from '../../core/network/fields.ts';
import { importTopology, isXmlText, type ImportFormat } from '../../core/network/import.ts';
import type { Topology } from '../../core/network/topology.ts';
import { parseTopology } from '../../core/network/validate.ts';
import type { Control, TopologyOutcome } from './api.ts';
import { badRequest } from './bad-request.ts';
import type { ControlError } from './errors.ts';
import type { GroupCommitter } from './group-committer.ts';
import type { MemoryBooks } from './memory-books.ts';
import { topologyEtag } from './topology-plan.ts';

/** Texts to documents, with line and column of what does not parse; the formats themselves are no business of control. */
export interface DocumentParsers {
  /** YAML, and with it JSON. */
  yaml(text: string): Result<unknown, string>;
  xml(text: string): Result<unknown, string>;
}

export function getTopology(books: MemoryBooks): { topology: Topology; etag: string } {
  const { topology, version } = books.topology();
  return { topology, etag: topologyEtag(version) };
}

/** Replaces the stored topology by the document, or says what that would change. */
export function putTopology(
  committer: GroupCommitter,
  document: unknown,
  options: Parameters<Control['putTopology']>[1],
): Promise<TopologyOutcome> {
  const topology = parseTopology(document);
  if (!topology.ok) throw badDocument(topology.error);
  return replace(committer, topology.value, options, []);
}

export function putImported(
  committer: GroupCommitter,
  parsers: DocumentParsers,
  text: string,
  format: ImportFormat,
  options: Parameters<Control['importTopology']>[2],
): Promise<TopologyOutcome> {
  const parsed = parseText(parsers, text, format);
  if (!parsed.ok) throw badDocument([{ field: '', value: null, problem: parsed.error }]);
  const pool = options.addressPool === null ? null : parsePrefix(options.addressPool);
  if (pool !== null && !pool.ok) {
    throw badDocument([{ field: 'addressPool', value: options.addressPool, problem: pool.error }]);
  }
  const imported = importTopology(format, parsed.value, {
    ...(options.defaultCapacityBitsPerSecond === null
      ? {}
      : { defaultCapacityBitsPerSecond: options.defaultCapacityBitsPerSecond }),
    ...(pool === null ? {} : { addressPool: pool.value }),
  });
  if (!imported.ok) throw badDocument(imported.error);
  return replace(committer, imported.value.topology, options, imported.value.report.notes);
}

function parseText(parsers: DocumentParsers, text: string, format: ImportFormat): Result<unknown, string> {
  if (isXmlText(format, text)) return parsers.xml(text);
  return format === 'sndlib' ? ok(text) : parsers.yaml(text);
}

async function replace(
  committer: GroupCommitter,
  next: Topology,
  options: { readonly ifMatch: string | null; readonly force: boolean; readonly validateOnly: boolean },
  notes: TopologyOutcome['notes'],
): Promise<TopologyOutcome> {
  const { ifMatch, force, validateOnly } = options;
  const plan = await committer.replaceTopology(next, { ifMatch, force, preview: validateOnly });
  const findings = checkTopology(next).map(({ severity, where, what }) => ({ kind: severity, where, what }));
  return { topology: plan.topology, etag: plan.etag, changes: plan.changes, notes: [...notes, ...findings] };
}

const badDocument = (problems: readonly DocumentProblem[]): ControlError =>
  badRequest(problems.map((problem) => ({ ...problem, code: 'INVALID_ARGUMENT' })));
