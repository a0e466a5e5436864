import { member, ruleName, type Ruleset } from './ruleset.ts';

/** Bits of packet marks that somebody else matches or sets, and where. */
export interface MarkUse {
  /** 32 bits, unsigned. */
  readonly bits: number;
  readonly where: string;
}

const ALL_BITS = 0xffffffff;

/**
 * Marks in nftables rules of others. A rule that compares or sets a mark without a mask names the bits that are set in the value:
 * the others are as free as anything is.
 *
 * @param ownTables `family name` of ours
 */
export function marksInRuleset(ruleset: Ruleset, ownTables: ReadonlySet<string>): readonly MarkUse[] {
  const uses: MarkUse[] = [];
  for (const chain of ruleset.chains.values()) {
    if (ownTables.has(`${chain.family} ${chain.table}`)) continue;
    for (const rule of chain.rules) {
      let bits = 0;
      for (const [name, value] of rule.expressions) {
        if (name === 'match') bits |= maskedBits(member(value, 'left'), member(value, 'right'));
        if (name === 'mangle' && isMark(member(value, 'key'))) bits |= setBits(member(value, 'value'));
      }
      if (bits !== 0) uses.push({ bits: bits >>> 0, where: ruleName(chain, rule) });
    }
  }
  return uses;
}

/** Marks in routing rules, as `ip -j rule` prints them; those of our own protocol are left out. */
export function marksInRules(rules: unknown, ownProtocol: number): readonly MarkUse[] {
  if (!Array.isArray(rules)) return [];
  return rules.flatMap((rule: unknown) => {
    const [mark, protocol] = [numberOf(member(rule, 'fwmark')), member(rule, 'protocol')];
    if (mark === null || String(protocol) === String(ownProtocol)) return [];
    const bits = numberOf(member(rule, 'fwmask')) ?? mark;
    const where = `ip rule ${String(member(rule, 'priority'))}`;
    return bits === 0 ? [] : [{ bits: bits >>> 0, where }];
  });
}

/** Whose marks overlap with these bits. */
export const overlapping = (uses: readonly MarkUse[], mask: number): readonly MarkUse[] =>
  uses.filter(({ bits }) => (bits & mask) !== 0);

/**
 * A run of free bits for our marks: the preferred one where it is free, else the highest of the same width, else a shorter one of
 * at least four bits (15 neighbours). null: there is none.
 */
export function chooseMask(uses: readonly MarkUse[], preferred: number): number | null {
  const taken = uses.reduce((all, { bits }) => all | bits, 0);
  if ((taken & preferred) === 0) return preferred;
  for (let width = bitsIn(preferred); width >= 4; width--) {
    const run = width === 32 ? ALL_BITS : 2 ** width - 1;
    // The highest bit is left to whoever takes a mark for a signed number.
    for (let shift = 31 - width; shift >= 0; shift--) {
      const mask = (run << shift) >>> 0;
      if ((taken & mask) === 0) return mask;
    }
  }
  return null;
}

function bitsIn(mask: number): number {
  let count = 0;
  for (let left = mask >>> 0; left !== 0; left >>>= 1) count += left & 1;
  return count;
}

/** Of a comparison: `mark & mask == value` names the mask. */
function maskedBits(left: unknown, right: unknown): number {
  if (isMark(left)) return valueBits(right);
  const masked = member(left, '&');
  return Array.isArray(masked) && isMark(masked[0]) ? valueBits(masked[1]) : 0;
}

/** Of an assignment: `mark or value`, `(mark and not mask) or value`, or a value alone. */
function setBits(value: unknown): number {
  if (typeof value === 'number') return value;
  for (const operator of ['|', '^', '&']) {
    const sides = member(value, operator);
    if (!Array.isArray(sides)) continue;
    const [left, right] = sides as unknown[];
    const changed = typeof right === 'number' ? (operator === '&' ? ~right : right) : 0;
    return changed | (isMark(left) ? 0 : setBits(left));
  }
  return 0;
}

function valueBits(value: unknown): number {
  if (typeof value === 'number') return value;
  const set = member(value, 'set');
  if (Array.isArray(set)) return set.reduce<number>((all, each) => all | valueBits(each), 0);
  const range = member(value, 'range');
  return Array.isArray(range) ? range.reduce<number>((all, each) => all | valueBits(each), 0) : 0;
}

const isMark = (of: unknown): boolean => member(member(of, 'meta'), 'key') === 'mark';

function numberOf(value: unknown): number | null {
  const number = typeof value === 'string' || typeof value === 'number' ? Number(value) : NaN;
  return Number.isInteger(number) ? number : null;
}
