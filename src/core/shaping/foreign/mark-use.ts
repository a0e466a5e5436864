import { listOf, member, numberOf, textOf, valuesOf, type Json } from './json.ts';

/** What a rule does with marks. */
export interface MarkUse {
  /** Bits that it names: those that a mask selects; without one those of the values that it compares with or writes. */
  readonly bits: number;
  /** It writes the whole mark of the packet: bits of others are gone afterwards. */
  readonly overwrites: boolean;
}

/** Values of marks in named sets and maps of a table: the bits of all together. */
export type NamedMarks = ReadonlyMap<string, number>;

const ALL = 0xffffffff;
const NONE: MarkUse = { bits: 0, overwrites: false };

/** Marks of packets, of connections and of sockets: what one has, rules carry over to the others. */
const kindOf = (value: Json): string | null =>
  ['meta', 'ct', 'socket'].find((kind) => member(member(value, kind), 'key') === 'mark') ?? null;

const isMark = (value: Json): boolean => kindOf(value) !== null;

/**
 * @param expressions of one rule.
 * @param named marks in the sets of the rule's table, by their name.
 * @returns null where the rule has nothing to do with marks.
 */
export function markUseOf(expressions: readonly Json[], named: NamedMarks): MarkUse | null {
  let use: MarkUse | null = null;
  for (const statement of expressions) {
    const found = statementUse(statement, named);
    if (!found) continue;
    use = { bits: ((use ?? NONE).bits | found.bits) >>> 0, overwrites: (use ?? NONE).overwrites || found.overwrites };
  }
  return use;
}

function statementUse(statement: Json, named: NamedMarks): MarkUse | null {
  const match = member(statement, 'match');
  if (match !== undefined) return compared(member(match, 'left'), member(match, 'right'), named);
  const vmap = member(statement, 'vmap');
  if (vmap !== undefined) return compared(member(vmap, 'key'), keysOf(member(vmap, 'data')), named);
  const mangle = member(statement, 'mangle');
  if (mangle === undefined) return null;
  const key = member(mangle, 'key');
  const value = member(mangle, 'value');
  const writesPacket = textOf(member(member(key, 'meta'), 'key')) === 'mark';
  const terms = termsOf(value);
  if (!isMark(key) && !mentions(value)) return null;
  if (terms) {
    const { keep, flip, of } = terms;
    // Its own mark, changed in some bits; or another one, of which a mask takes some.
    const isOwn = keep === 0 || (of !== null && of === kindOf(key));
    if (isOwn && keep !== 0) return { bits: (~keep | flip) >>> 0, overwrites: false };
    return { bits: (keep === ALL ? flip : keep | flip) >>> 0, overwrites: writesPacket };
  }
  // A value out of a map, of another mark, of a hash: what it may be.
  const data = member(member(value, 'map'), 'data');
  const bits = data === undefined ? drawn(value) : marksIn(typeof data === 'string' ? data : dataOf(data), named);
  return { bits, overwrites: writesPacket };
}

function compared(left: Json, right: Json, named: NamedMarks): MarkUse | null {
  if (isMark(left)) return { bits: marksIn(right, named), overwrites: false };
  const masked = member(left, '&');
  if (Array.isArray(masked) && masked.some(mentions)) {
    const mask = masked.reduce<number>((bits, each) => (bits & (numberOf(each) ?? ALL)) >>> 0, ALL);
    return { bits: mask === ALL ? marksIn(right, named) : mask, overwrites: false };
  }
  const parts = member(left, 'concat');
  if (!Array.isArray(parts) || !parts.some(isMark)) return mentions(left) ? { bits: ALL, overwrites: false } : null;
  if (typeof right === 'string') return { bits: marksIn(right, named), overwrites: false };
  const at = parts.findIndex(isMark);
  const marks = valuesOf(right).map((each) => listOf(member(each, 'concat'))[at]);
  return { bits: marksIn(marks, named), overwrites: false };
}

interface Terms {
  readonly keep: number;
  readonly flip: number;
  /** Whose mark it is; null = a constant's. */
  readonly of: string | null;
}

/** `(mark & keep) ^ flip` of nft's operators with numbers; null where something else takes part. */
function termsOf(value: Json): Terms | null {
  const constant = numberOf(value);
  if (constant !== null) return { keep: 0, flip: constant >>> 0, of: null };
  const of = kindOf(value);
  if (of !== null) return { keep: ALL, flip: 0, of };
  for (const operator of ['&', '|', '^'] as const) {
    const sides = member(value, operator);
    if (!Array.isArray(sides) || sides.length < 2) continue;
    let known = termsOf(sides[0]);
    for (const side of sides.slice(1)) {
      const by = numberOf(side);
      if (!known || by === null) return null;
      known = combined(known, operator, by);
    }
    return known;
  }
  return null;
}

function combined({ keep, flip, of }: Terms, operator: '&' | '|' | '^', by: number): Terms {
  switch (operator) {
    case '&':
      return { keep: (keep & by) >>> 0, flip: (flip & by) >>> 0, of };
    case '|':
      return { keep: (keep & ~by) >>> 0, flip: ((flip & ~by) | by) >>> 0, of };
    case '^':
      return { keep, flip: (flip ^ by) >>> 0, of };
  }
}

/** Whether a mark takes part, at any depth that nft's own grammar allows. */
function mentions(value: Json, depth = 0): boolean {
  if (isMark(value)) return true;
  if (depth > 8 || typeof value !== 'object' || value === null) return false;
  return ['&', '|', '^', '<<', '>>'].some((operator) =>
    listOf(member(value, operator)).some((side) => mentions(side, depth + 1)),
  );
}

/** The bits of all values: of a range every bit that a value in it can have. */
export function marksIn(value: Json, named: NamedMarks = new Map()): number {
  if (typeof value === 'string' && value.startsWith('@')) return named.get(value.slice(1)) ?? 0;
  let bits = 0;
  for (const each of valuesOf(value)) {
    const range = member(each, 'range');
    const prefix = member(each, 'prefix');
    const high = numberOf(Array.isArray(range) ? range[1] : prefix === undefined ? each : member(prefix, 'addr'));
    if (high === null) continue;
    // nft prints a range that is aligned as a prefix.
    const length = prefix === undefined ? 32 : (numberOf(member(prefix, 'len')) ?? 0);
    bits |= Array.isArray(range) ? upTo(high) : (high | (2 ** Math.max(0, 32 - length) - 1)) >>> 0;
  }
  return bits >>> 0;
}

/** What a counter, a random number or a hash may give: `offset` and what is less than `mod` beyond it. */
function drawn(value: Json): number {
  const by = ['numgen', 'jhash', 'symhash'].map((kind) => member(value, kind)).find((found) => found !== undefined);
  const mod = numberOf(member(by, 'mod'));
  return mod === null || mod < 1 ? 0 : upTo((numberOf(member(by, 'offset')) ?? 0) + mod - 1);
}

/** Every bit that a number from 0 to this one can have. */
const upTo = (high: number): number => (high > 0 ? 2 ** (32 - Math.clz32(high)) - 1 : 0);

const keysOf = (data: Json): Json => (typeof data === 'string' ? data : valuesOf(data).map((pair) => listOf(pair)[0]));
const dataOf = (data: Json): Json => valuesOf(data).map((pair) => listOf(pair)[1]);

/** What a named set or map of a table holds of marks; null where it holds none. */
export function marksOfSet(set: Json): number | null {
  const types = [member(set, 'type')].flat();
  const elements = valuesOf(member(set, 'elem') ?? []);
  const isMap = member(set, 'map') !== undefined;
  let bits = 0;
  if (textOf(member(set, 'map')) === 'mark') bits |= marksIn(elements.map((pair) => listOf(pair)[1]));
  const at = types.indexOf('mark');
  if (at < 0 && textOf(member(set, 'map')) !== 'mark') return null;
  if (at >= 0) {
    const keys = elements.map((each) => (isMap ? valuesOf(listOf(each)[0])[0] : each));
    bits |= marksIn(types.length === 1 ? keys : keys.map((key) => listOf(member(key, 'concat'))[at]));
  }
  return bits >>> 0;
}
