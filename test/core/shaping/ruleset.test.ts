import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { chooseMask, marksInRules, marksInRuleset, overlapping } from '../../../src/core/shaping/mark-use.ts';
import { rsvpObstacles } from '../../../src/core/shaping/rsvp-firewall.ts';
import { parseRuleset } from '../../../src/core/shaping/ruleset.ts';

const recorded = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../fixtures/nft/${name}.json`, import.meta.url), 'utf8'));
const PROTOCOL = { match: { op: '==', left: { meta: { key: 'l4proto' } }, right: 'rsvp' } };

/** One input chain of a host. */
const input = (policy: string, ...rules: readonly (readonly object[])[]) =>
  parseRuleset({
    nftables: [
      { chain: { family: 'inet', table: 'fw', name: 'input', type: 'filter', hook: 'input', prio: 0, policy } },
      { chain: { family: 'inet', table: 'fw', name: 'more' } },
      ...rules.map((expr, handle) => ({ rule: { family: 'inet', table: 'fw', chain: 'input', handle, expr } })),
      { rule: { family: 'inet', table: 'fw', chain: 'more', handle: 90, expr: [PROTOCOL, { drop: null }] } },
    ],
  });

describe('the marks of others', () => {
  it('are found in matches and assignments, with where they stand', () => {
    const uses = marksInRuleset(parseRuleset(recorded('host-firewall')), new Set());
    expect(uses.map(({ bits, where }) => [bits.toString(16), where])).toEqual([
      ['10', 'table inet hostfw, chain input, handle 11'],
      ['ff00', 'table inet hostfw, chain input, handle 12'],
      ['10000', 'table inet hostfw, chain input, handle 13'],
      ['ff0000', 'table ip ts, chain post, handle 2'],
    ]);
    expect(overlapping(uses, 0x300).map(({ where }) => where)).toEqual(['table inet hostfw, chain input, handle 12']);
    expect(marksInRuleset(parseRuleset(recorded('host-firewall')), new Set(['inet hostfw', 'ip ts']))).toEqual([]);
  });

  it('are found in routing rules, but for our own', () => {
    const rules = [
      { priority: 0, src: 'all', table: 'local' },
      { priority: 5210, src: 'all', fwmark: '0x80000', fwmask: '0xff0000', table: 'main' },
      { priority: 5211, src: 'all', fwmark: '0x5', table: 'main' },
      { priority: 21000, src: 'all', fwmark: '0x10000', fwmask: '0xff0000', table: '42001', protocol: '72' },
    ];
    expect(marksInRules(rules, 72)).toEqual([
      { bits: 0xff0000, where: 'ip rule 5210' },
      { bits: 5, where: 'ip rule 5211' },
    ]);
    expect(marksInRules('nothing', 72)).toEqual([]);
  });

  it('leave a run of bits that none of them names, or none at all', () => {
    expect(chooseMask([], 0xff0000)).toBe(0xff0000);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 0xffffffff })), (taken) => {
        const uses = taken.map((bits) => ({ bits, where: '' }));
        const mask = chooseMask(uses, 0xff0000);
        if (mask === null) {
          // Then there are no four free bits side by side below the highest.
          const all = taken.reduce((sum, bits) => sum | bits, 0) >>> 0;
          for (let shift = 0; shift <= 27; shift++) expect(all & (0xf << shift)).not.toBe(0);
          return;
        }
        expect(overlapping(uses, mask)).toEqual([]);
        const run = mask / ((mask & -mask) >>> 0);
        expect(run & (run + 1)).toBe(0);
        expect(run).toBeGreaterThanOrEqual(15);
      }),
    );
  });
});

describe('RSVP', () => {
  it('is kept out by a policy or a rule, named with its place', () => {
    expect(rsvpObstacles(parseRuleset(recorded('host-firewall')))).toEqual([]);
    expect(rsvpObstacles(input('drop'))).toMatchObject([{ where: 'the policy of table inet fw, chain input' }]);
    expect(rsvpObstacles(input('accept', [PROTOCOL, { drop: null }]))).toMatchObject([
      { where: 'table inet fw, chain input, handle 0' },
    ]);
    expect(rsvpObstacles(input('accept', [{ jump: { target: 'more' } }]))).toMatchObject([
      { where: 'table inet fw, chain more, handle 90' },
    ]);
    expect(rsvpObstacles(input('accept', [{ reject: { type: 'icmp' } }]))).toHaveLength(1);
  });

  it('is let in by a rule for it in front of what drops', () => {
    expect(rsvpObstacles(input('drop', [PROTOCOL, { accept: null }]))).toEqual([]);
    const set = { match: { op: '==', left: PROTOCOL.match.left, right: { set: ['tcp', 46] } } };
    expect(rsvpObstacles(input('drop', [set, { counter: null }, { accept: null }]))).toEqual([]);
    const others = { match: { ...PROTOCOL.match, op: '!=' } };
    expect(rsvpObstacles(input('accept', [others, { drop: null }]))).toEqual([]);
    expect(rsvpObstacles(input('accept'))).toEqual([]);
  });

  it('is no matter of rules for some interfaces, nor of chains in a circle', () => {
    const some = { match: { op: '==', left: { meta: { key: 'iifname' } }, right: 'eth9' } };
    expect(rsvpObstacles(input('accept', [some, { drop: null }]))).toEqual([]);
    const circle = input('accept', [{ jump: { target: 'input' } }]);
    expect(rsvpObstacles(circle)).toEqual([]);
  });

  it('whatever the ruleset looks like, is judged', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (json) => {
        const ruleset = parseRuleset({ nftables: json });
        expect(Array.isArray(rsvpObstacles(ruleset))).toBe(true);
        expect(Array.isArray(marksInRuleset(ruleset, new Set()))).toBe(true);
      }),
    );
  });
});
