import { crc32 } from 'node:zlib';

/** Of the lines below; another one is not read. */
const VERSION = 2;

/** What a journal holds, and what is wrong with it. */
export interface JournalContent {
  readonly values: Map<string, unknown>;
  /** Why the file cannot be trusted as a whole, in words; null = it can. What is in `values` was checked line by line. */
  readonly damage: string | null;
}

/** A journal with these values and nothing else. The first line says how many lines belong together. */
export function journalText(values: ReadonlyMap<string, unknown>): string {
  let text = JSON.stringify({ journal: 'headroom agent', version: VERSION, lines: values.size }) + '\n';
  for (const [key, value] of values) text += `${putLine(key, value)}\n`;
  return text;
}

export const putLine = (key: string, value: unknown): string => withSum(encode([key, value]));
export const deleteLine = (key: string): string => withSum(JSON.stringify([key]));

/**
 * Reads what `journalText` and lines appended to it make. The last line may have been cut by a crash; anything else that
 * does not fit is damage, and the lines that fit are still read.
 *
 * A file without a first line of its own is one of the version before, whose lines had no sums.
 */
export function parseJournal(bytes: Uint8Array): JournalContent {
  const values = new Map<string, unknown>();
  if (bytes.length === 0) return { values, damage: 'it is empty' };
  let [bad, good] = [0, 0];
  let expected = 0;
  let isFormer = false;
  let first = true;
  for (const line of linesOf(bytes)) {
    if (first) {
      first = false;
      const head = headOf(line);
      if (head !== null) {
        if (head.version !== VERSION) {
          return { values, damage: `its version is ${String(head.version)}, and ${VERSION} was expected` };
        }
        expected = Number(head.lines);
        continue;
      }
      isFormer = line.startsWith('[');
    }
    const entry = entryOf(line, isFormer);
    if (entry === null) bad++;
    else {
      good++;
      if (entry.length === 2) values.set(entry[0], entry[1]);
      else values.delete(entry[0]);
    }
  }
  if (first) return { values, damage: 'it is cut in its first line' };
  if (bad > 0) return { values, damage: `${bad} of its ${bad + good} lines make no sense` };
  if (good < expected) return { values, damage: `it is cut: ${good} of ${expected} lines are there` };
  return { values, damage: null };
}

/** Without the last one where it does not end. */
function* linesOf(bytes: Uint8Array): Iterable<string> {
  const text = new TextDecoder();
  for (let from = 0; ;) {
    const end = bytes.indexOf(NEW_LINE, from);
    if (end < 0) return;
    if (end > from) yield text.decode(bytes.subarray(from, end));
    from = end + 1;
  }
}

const NEW_LINE = 0x0a;
const SUM_DIGITS = 8;

type Entry = readonly [key: string] | readonly [key: string, value: unknown];

const sumOf = (json: string): string => crc32(json).toString(16).padStart(SUM_DIGITS, '0');
const withSum = (json: string): string => `${sumOf(json)} ${json}`;

function entryOf(line: string, isFormer: boolean): Entry | null {
  const json = line.slice(SUM_DIGITS + 1);
  const summed = line[SUM_DIGITS] === ' ' && sumOf(json) === line.slice(0, SUM_DIGITS);
  if (!summed && !isFormer) return null;
  const entry = parsed(summed ? json : line);
  const isEntry = Array.isArray(entry) && typeof entry[0] === 'string' && (entry.length === 1 || entry.length === 2);
  return isEntry ? (entry as unknown as Entry) : null;
}

function headOf(line: string): { readonly version: unknown; readonly lines?: unknown } | null {
  const head = parsed(line);
  return typeof head === 'object' && head !== null && 'version' in head ? head : null;
}

function parsed(json: string): unknown {
  try {
    return decode(json);
  } catch {
    return undefined;
  }
}

/** JSON has no infinity, and an unlimited peak rate is one: as null it would come back as a rate that RSVP refuses. */
const INFINITY = { $number: 'Infinity' };

const encode = (entry: readonly unknown[]): string =>
  JSON.stringify(entry, (_, value: unknown) => (value === Infinity ? INFINITY : value));

const decode = (line: string): unknown =>
  JSON.parse(line, (_, value: unknown) =>
    (value as Partial<typeof INFINITY> | null)?.$number === INFINITY.$number ? Infinity : value,
  );
