import { err, ok, type Result } from '../base/result.ts';
import { decimal } from './decimal.ts';
import type { SndlibDemand, SndlibLink, SndlibNetwork, SndlibNode } from './sndlib.ts';

const HEADER = /^\?SNDlib native format;\s*type:\s*network;\s*version:\s*1\.0\s*$/i;
const ROW_SECTIONS = ['NODES', 'LINKS', 'DEMANDS'] as const;

interface Token {
  readonly text: string;
  readonly line: number;
}

/** What is wrong and where; thrown within this file only. */
class SyntaxFault extends Error {}

/**
 * Reads SNDlib's native text: sections `NAME ( … )` of rows in brackets; `#` at the beginning of a line begins a comment.
 * Sections other than META, NODES, LINKS and DEMANDS are read over.
 *
 * @returns an error that names line and text.
 */
export function parseSndlibNative(text: string): Result<SndlibNetwork, string> {
  const lines = text.replace(/^\ufeff/, '').split(/\r\n|\r|\n/);
  if (!HEADER.test(lines[0]!)) {
    return err(`line 1: must be "?SNDlib native format; type: network; version: 1.0", not "${shown(lines[0]!)}"`);
  }
  try {
    return ok(readSections(lines));
  } catch (error) {
    if (error instanceof SyntaxFault) return err(error.message);
    throw error;
  }
}

function readSections(lines: readonly string[]): SndlibNetwork {
  let unit: string | null = null;
  const nodes: SndlibNode[] = [];
  const links: SndlibLink[] = [];
  const demands: SndlibDemand[] = [];
  let at = 1;
  while (at < lines.length) {
    const line = lines[at]!.trim();
    if (line === '' || line.startsWith('#')) {
      at++;
      continue;
    }
    const name = /^([A-Z_]+)\s*\(/i.exec(line)?.[1]?.toUpperCase();
    if (name === undefined) throw fault(at + 1, `a section "NAME (" must begin here, not "${shown(line)}"`);
    if (name === 'META') {
      const end = closingLine(lines, at);
      unit = unitOf(lines.slice(at + 1, end)) ?? unit;
      at = end + 1;
      continue;
    }
    const section = new Section(lines, at);
    if ((ROW_SECTIONS as readonly string[]).includes(name)) {
      while (!section.ended()) {
        if (name === 'NODES') nodes.push(node(section));
        else if (name === 'LINKS') links.push(link(section));
        else demands.push(demand(section));
      }
    }
    at = section.skip();
  }
  return { unit, nodes, links, demands };
}

function node(section: Section): SndlibNode {
  const id = section.word('the id of a node');
  if (!section.opens()) return { id, longitude: undefined, latitude: undefined };
  const longitude = section.number('longitude');
  const latitude = section.number('latitude');
  section.close();
  return { id, longitude, latitude };
}

function link(section: Section): SndlibLink {
  const id = section.word('the id of a link');
  const { source, target } = ends(section);
  const preInstalledCapacity = section.number('pre-installed capacity');
  for (const what of ['cost of pre-installed capacity', 'routing cost', 'setup cost']) section.number(what);
  const moduleCapacities: number[] = [];
  section.open();
  while (!section.closes()) {
    moduleCapacities.push(section.number('module capacity'));
    section.number('module cost');
  }
  return { id, source, target, preInstalledCapacity, moduleCapacities };
}

function demand(section: Section): SndlibDemand {
  const id = section.word('the id of a demand');
  const { source, target } = ends(section);
  const routingUnit = section.number('routing unit');
  const value = section.number('demand value');
  section.word('the longest path');
  return { id, source, target, routingUnit, value };
}

function ends(section: Section): { source: string; target: string } {
  section.open();
  const source = section.word('the source');
  const target = section.word('the target');
  section.close();
  return { source, target };
}

/** META is free text up to a line with nothing but a bracket. */
function closingLine(lines: readonly string[], start: number): number {
  for (let at = start + 1; at < lines.length; at++) if (lines[at]!.trim() === ')') return at;
  throw fault(start + 1, 'the section META is not closed');
}

const unitOf = (lines: readonly string[]): string | undefined =>
  lines.map((line) => /^\s*unit\s*=\s*(\S.*?)\s*$/i.exec(line)?.[1]).find((unit) => unit !== undefined);

/** The tokens between the brackets of one section. */
class Section {
  readonly #lines: readonly string[];
  /** Of the line that is being read; `#next` is the first that was not taken. */
  #tokens: readonly Token[] = [];
  #next = 0;
  #line: number;
  #depth = 0;

  /** @param start index of the line with the section's name and opening bracket. */
  constructor(lines: readonly string[], start: number) {
    this.#lines = lines;
    this.#line = start;
    this.#fill();
    this.#next = 1;
    this.open();
  }

  ended(): boolean {
    return this.#depth === 1 && this.#peek().text === ')';
  }

  word(what: string): string {
    const token = this.#take();
    if (token.text === '(' || token.text === ')')
      throw fault(token.line, `${what} must stand here, not "${token.text}"`);
    return token.text;
  }

  number(what: string): number {
    const { text, line } = this.#take();
    const value = decimal(text);
    if (value === undefined) throw fault(line, `${what} must be a number, not "${shown(text)}"`);
    return value;
  }

  open(): void {
    const { text, line } = this.#take();
    if (text !== '(') throw fault(line, `must be "(", not "${shown(text)}"`);
    this.#depth++;
  }

  close(): void {
    const { text, line } = this.#take();
    if (text !== ')') throw fault(line, `must be ")", not "${shown(text)}"`);
    this.#depth--;
  }

  /** Takes the bracket if it is one. */
  opens(): boolean {
    if (this.#peek().text !== '(') return false;
    this.open();
    return true;
  }

  closes(): boolean {
    if (this.#peek().text !== ')') return false;
    this.close();
    return true;
  }

  /** Over everything that is left of the section. Returns the index of the line after it. */
  skip(): number {
    while (this.#depth > 0) {
      const { text } = this.#take();
      if (text === '(') this.#depth++;
      else if (text === ')') this.#depth--;
    }
    const further = this.#tokens[this.#next];
    if (further) {
      const { text, line } = further;
      throw fault(line, `nothing may follow the end of a section, but "${shown(text)}" does`);
    }
    return this.#line;
  }

  #take(): Token {
    const token = this.#peek();
    this.#next++;
    return token;
  }

  #peek(): Token {
    while (this.#next === this.#tokens.length) {
      if (this.#line >= this.#lines.length) throw fault(this.#lines.length, 'the file ends inside a section');
      this.#fill();
    }
    return this.#tokens[this.#next]!;
  }

  #fill(): void {
    const text = this.#lines[this.#line++]!;
    this.#next = 0;
    this.#tokens = [];
    if (text.trimStart().startsWith('#')) return;
    this.#tokens = (text.match(/[()]|[^\s()]+/g) ?? []).map((each) => ({ text: each, line: this.#line }));
  }
}

const fault = (line: number, problem: string): SyntaxFault => new SyntaxFault(`line ${line}: ${problem}`);

const shown = (text: string): string => (text.length > 80 ? `${text.slice(0, 80)}…` : text);
