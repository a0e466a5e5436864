import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { err, ok, type Result } from '../core/base/result.ts';
import type { XmlElement } from '../core/base/xml.ts';
import { tooLong, type SyntaxProblem } from './syntax-problem.ts';

/** 64 Mi characters: the size that a topology may have over HTTP. */
export const MAX_XML_CHARACTERS = 67_108_864;
const MAX_DEPTH = 64;

const TEXT = '#text';
const CDATA = '#cdata';
const ATTRIBUTES = ':@';

/** How the library gives an element, in document order: one member named like the element, attributes beside it. */
type ParsedNode = Readonly<Record<string, unknown>>;

/**
 * Parses an XML document. Namespace prefixes are cut off, comments and processing instructions are left out. Only the
 * five named entities and character references exist: declared ones are neither read nor expanded, so no document grows.
 */
export function parseXml(text: string, maxCharacters = MAX_XML_CHARACTERS): Result<XmlElement, SyntaxProblem> {
  if (text.length > maxCharacters) return err(tooLong(text.length, maxCharacters));
  try {
    const source = text.startsWith('\ufeff') ? text.slice(1) : text;
    const valid = XMLValidator.validate(source);
    if (valid !== true) return err({ line: valid.err.line, column: valid.err.col, problem: valid.err.msg });
    const parser = new XMLParser({
      preserveOrder: true,
      ignoreAttributes: false,
      attributeNamePrefix: '',
      removeNSPrefix: true,
      parseTagValue: false,
      parseAttributeValue: false,
      trimValues: false,
      processEntities: false,
      ignoreDeclaration: true,
      ignorePiTags: true,
      textNodeName: TEXT,
      cdataPropName: CDATA,
    });
    const roots = (parser.parse(source) as readonly ParsedNode[]).filter((node) => nameOf(node) !== TEXT);
    if (roots.length !== 1) return err({ problem: 'the document has no root element' });
    return ok(element(roots[0]!, 1));
  } catch (error) {
    return err({ problem: error instanceof Error ? error.message : String(error) });
  }
}

const nameOf = (node: ParsedNode): string => Object.keys(node).find((name) => name !== ATTRIBUTES) ?? TEXT;

/** @throws Error for entities that XML does not have and for elements nested too deep. */
function element(node: ParsedNode, depth: number): XmlElement {
  if (depth > MAX_DEPTH) throw new Error(`elements are nested more than ${MAX_DEPTH} deep`);
  const name = nameOf(node);
  const children: XmlElement[] = [];
  let text = '';
  for (const child of node[name] as readonly ParsedNode[]) {
    const childName = nameOf(child);
    if (childName === TEXT) text += resolved(String(child[TEXT]));
    else if (childName === CDATA)
      text += (child[CDATA] as readonly ParsedNode[]).map((part) => String(part[TEXT])).join('');
    else children.push(element(child, depth + 1));
  }
  const attributes = Object.entries((node[ATTRIBUTES] ?? {}) as Record<string, unknown>);
  return {
    name,
    attributes: new Map(attributes.map(([key, value]) => [key, resolved(String(value))])),
    children,
    text: text.trim(),
  };
}

const NAMED: ReadonlyMap<string, string> = new Map([
  ['lt', '<'],
  ['gt', '>'],
  ['amp', '&'],
  ['quot', '"'],
  ['apos', "'"],
]);

const resolved = (text: string): string =>
  text.includes('&')
    ? text.replace(/&([^;&\s]{0,40});/g, (whole, name: string) => {
        const code = /^#x[0-9a-f]+$/i.test(name)
          ? parseInt(name.slice(2), 16)
          : /^#\d+$/.test(name)
            ? Number(name.slice(1))
            : -1;
        const value = code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : NAMED.get(name);
        if (value === undefined)
          throw new Error(`the entity ${whole} is not known: only lt, gt, amp, quot, apos and numbers are`);
        return value;
      })
    : text;
