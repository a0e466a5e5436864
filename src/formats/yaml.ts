import { Composer, type CST, Lexer, LineCounter, Parser } from 'yaml';
import { err, ok, type Result } from '../core/base/result.ts';
import { parseJson } from './json.ts';
import { tooLong, type SyntaxProblem } from './syntax-problem.ts';

/** 16 Mi characters: the library needs some hundred bytes of memory for each. JSON may be longer. */
export const MAX_YAML_CHARACTERS = 16_777_216;
/** A million lexemes take seconds; a network of ten thousand links has less. */
const MAX_LEXEMES = 1_000_000;
/** Open tokens of the parser, about two for each level of nesting. */
const MAX_OPEN_TOKENS = 128;
/** Aliases may be used, but not to make a small text a large value. */
const MAX_ALIASES = 100;

/**
 * Parses one YAML 1.2 document (core schema), and so JSON, into plain values; an empty text is null. Refused besides faults
 * of syntax: a key given twice, tags that the schema does not have, several documents, deep nesting, aliases that multiply.
 */
export function parseYaml(text: string, maxCharacters = MAX_YAML_CHARACTERS): Result<unknown, SyntaxProblem> {
  if (/^\s*[{[]/.test(text)) {
    // Far faster where it holds; and what is no JSON may still be YAML in flow style.
    const json = parseJson(text);
    if (json.ok || json.error.line !== undefined) return json;
  }
  if (text.length > maxCharacters) return err(tooLong(text.length, maxCharacters));
  const lines = new LineCounter();
  const at = (offset: number, problem: string): Result<never, SyntaxProblem> => {
    const { line, col } = lines.linePos(offset);
    return err(line === 0 ? { problem } : { line, column: col, problem });
  };
  try {
    const tokens = tokensOf(text, lines);
    if (!tokens.ok) return at(tokens.error.offset, tokens.error.problem);
    const composer = new Composer({ uniqueKeys: true, logLevel: 'silent' });
    const documents = [...composer.compose(tokens.value)];
    for (const document of documents) {
      const fault = document.errors[0] ?? document.warnings[0];
      if (fault) return at(fault.pos[0], fault.message);
    }
    if (documents.length > 1) return at(documents[1]!.range[0], 'only one document may be given');
    return ok((documents[0]?.toJS({ maxAliasCount: MAX_ALIASES }) ?? null) as unknown);
  } catch (error) {
    return err({ problem: error instanceof Error ? error.message : String(error) });
  }
}

/**
 * The syntax tree, built step by step so that it can be given up early. Composing it is recursive, and running out of stack
 * in there can end the process (V8 aborts when it compiles a regular expression then): depth must be judged before.
 */
function tokensOf(text: string, lines: LineCounter): Result<CST.Token[], { offset: number; problem: string }> {
  const parser = new Parser(lines.addNewLine);
  lines.addNewLine(0);
  const tokens: CST.Token[] = [];
  let offset = 0;
  let count = 0;
  for (const lexeme of new Lexer().lex(text)) {
    if (++count > MAX_LEXEMES) return err({ offset, problem: `the document has more than ${MAX_LEXEMES} parts` });
    for (const token of parser.next(lexeme)) tokens.push(token);
    if (parser.stack.length > MAX_OPEN_TOKENS) return err({ offset, problem: 'the document is nested too deep' });
    offset += lexeme.length;
  }
  for (const token of parser.end()) tokens.push(token);
  return ok(tokens);
}
