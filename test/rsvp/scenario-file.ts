/** A scenario as text: comments, commands, and after `----` what they must show, up to an empty line. */
export interface Block {
  /** 1-based number of the first command's line. */
  readonly line: number;
  readonly commands: readonly string[];
  readonly expected: readonly string[];
}

/** Lines to keep as they are, between blocks. */
export type Part = Block | { readonly verbatim: string };

const RULE = '----';

export const isBlock = (part: Part): part is Block => 'commands' in part;

/** @throws Error for an expectation without a command. */
export function parseScenario(text: string): Part[] {
  const lines = text.replace(/\n+$/, '').split('\n');
  const parts: Part[] = [];
  for (let at = 0; at < lines.length;) {
    const line = lines[at]!;
    if (line === '' || line.startsWith('#')) {
      parts.push({ verbatim: line });
      at++;
      continue;
    }
    if (line === RULE) throw new Error(`line ${at + 1}: ${RULE} without a command before it`);
    const start = at;
    while (at < lines.length && lines[at] !== '' && lines[at] !== RULE) at++;
    const commands = lines.slice(start, at).filter((each) => !each.startsWith('#'));
    const from = lines[at] === RULE ? ++at : at;
    while (at < lines.length && lines[at] !== '') at++;
    parts.push({ line: start + 1, commands: lines.slice(start, from), expected: lines.slice(from, at) });
    if (commands.length === 0) throw new Error(`line ${start + 1}: no command`);
  }
  return parts;
}

export function printScenario(parts: readonly Part[]): string {
  const lines = parts.flatMap((part) => {
    if (!isBlock(part)) return [part.verbatim];
    const commands = part.commands.filter((line) => line !== RULE);
    return [...commands, RULE, ...part.expected];
  });
  return `${lines.join('\n')}\n`;
}

/** The commands of a block proper. */
export const commandsOf = (block: Block): string[] =>
  block.commands.filter((line) => line !== RULE && !line.startsWith('#'));
