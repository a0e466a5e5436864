import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { rsvpObstacles } from '../../../../src/core/shaping/foreign/rsvp-firewall.ts';
import { firewallChains } from '../../../../src/core/shaping/foreign/firewall-chains.ts';

const recorded = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../../fixtures/nft/${name}.json`, import.meta.url), 'utf8'));
const PROTOCOL = { match: { op: '==', left: { meta: { key: 'l4proto' } }, right: 'rsvp' } };

/** One input chain of a host. */
const input = (policy: string, ...rules: readonly (readonly object[])[]) =>
  firewallChains({
    nftables: [
      { chain: { family: 'inet', table: 'fw', name: 'input', type: 'filter', hook: 'input', prio: 0, policy } },
      { chain: { family: 'inet', table: 'fw', name: 'more' } },
      ...rules.map((expr, handle) => ({ rule: { family: 'inet', table: 'fw', chain: 'input', handle, expr } })),
      { rule: { family: 'inet', table: 'fw', chain: 'more', handle: 90, expr: [PROTOCOL, { drop: null }] } },
    ],
  });

describe('RSVP', () => {
  it('is kept out by a policy or a rule, named with its place', () => {
    expect(rsvpObstacles(firewallChains(recorded('host-firewall')))).toEqual([]);
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
        expect(rsvpObstacles(firewallChains({ nftables: json }))).toEqual([]);
      }),
    );
  });
});
