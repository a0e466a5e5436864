import { err, ok, type Result } from '../core/base/result.ts';
import { tooLong, type SyntaxProblem } from './syntax-problem.ts';

/** 64 Mi characters: the size that a topology may have over HTTP. */
export const MAX_JSON_CHARACTERS = 67_108_864;
export const MAX_JSON_DEPTH = 64;

/** Parses JSON; a key given twice in one object and deep nesting are refused. */
export function parseJson(text: string, maxCharacters = MAX_JSON_CHARACTERS): Result<unknown, SyntaxProblem> {
  if (text.length > maxCharacters) return err(tooLong(text.length, maxCharacters));
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return err({ problem: error instanceof Error ? error.message : 'is not JSON' });
  }
  const fault = faultOfValidJson(text);
  return fault ? err(fault) : ok(value);
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Walks text that is known to be valid JSON: outside strings only brackets and colons matter then. */
function faultOfValidJson(text: string): SyntaxProblem | undefined {
  const objects: Set<string>[] = [];
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (c === '{' || c === '[') {
      objects.push(new Set());
      if (objects.length > MAX_JSON_DEPTH)
        return placed(text, i, `the document is nested more than ${MAX_JSON_DEPTH} deep`);
    } else if (c === '}' || c === ']') objects.pop();
    else if (c === '"') {
      const end = endOfString(text, i);
      let after = end + 1;
      while (after < text.length && ' \t\r\n'.includes(text[after]!)) after++;
      if (text[after] === ':') {
        const key = JSON.parse(text.slice(i, end + 1)) as string;
        const keys = objects.at(-1)!;
        if (keys.has(key)) return placed(text, i, `the key ${JSON.stringify(key.slice(0, 100))} is given twice`);
        keys.add(key);
      }
      i = end;
    }
  }
  return undefined;
}

function endOfString(text: string, start: number): number {
  for (let i = start + 1; ; i++) {
    const c = text.charCodeAt(i);
    if (c === BACKSLASH) i++;
    else if (c === QUOTE) return i;
  }
}

function placed(text: string, offset: number, problem: string): SyntaxProblem {
  const before = text.slice(0, offset);
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n'), problem };
}
