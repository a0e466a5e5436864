import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { boundFindings, MAX_FINDINGS, MAX_OBJECT } from '../../../../src/core/shaping/foreign/finding.ts';
import { judgeFlows, type Judgement } from '../../../../src/core/shaping/foreign/judge.ts';
import { markFindings, namedBits } from '../../../../src/core/shaping/foreign/marks.ts';
import type { JudgedFlow } from '../../../../src/core/shaping/foreign/match.ts';
import { readRuleset, type ForeignRuleset } from '../../../../src/core/shaping/foreign/ruleset.ts';
import { ip } from '../../../support/network.ts';

const recorded = (name: string): ForeignRuleset =>
  readRuleset([JSON.parse(readFileSync(join(import.meta.dirname, `../../../fixtures/nft/${name}.json`), 'utf8'))]);
const flow = (more: Partial<JudgedFlow> = {}): JudgedFlow => ({
  ...{ source: ip('10.1.0.2'), sourcePort: 5000, destination: ip('10.4.0.2'), destinationPort: 5000, protocol: 17 },
  ...{ outgoing: 'eth1', isSender: false, isReceiver: false, isOwnAddress: false },
  mark: { mask: 0xff0000, value: 0 },
  ...more,
});
const judge = (name: string, more: Partial<JudgedFlow> = {}): Judgement => judgeFlows(recorded(name), [flow(more)]);
const told = ({ findings }: Judgement): readonly string[] =>
  findings.map(({ severity, code }) => `${severity} ${code}`);

describe('translation, on what nft printed', () => {
  it('defeats a flow that surely matches, through a chain that is jumped to', () => {
    const { findings, defeated } = judge('nat');
    expect(findings).toMatchObject([
      {
        code: 'addressTranslated',
        severity: 'error',
        object: expect.stringMatching(/ip nat zone: oifname == eth1 masq/),
      },
    ]);
    expect(defeated.get(0)).toMatch(/an address of the flow is translated: nft rule in ip nat zone/);
  });

  it.each([
    ['another destination, by a set', { destination: ip('10.2.0.2') }],
    ['an exception by port', { destinationPort: 6001 }],
    ['another source', { source: ip('10.9.0.2') }],
    ['another interface', { outgoing: 'eth2' }],
    ['the receiver’s host', { isReceiver: true, outgoing: null }],
    ['its own address on the sender’s host', { isSender: true, isOwnAddress: true }],
  ])('leaves alone %s', (_, more) => {
    expect(told(judge('nat', more))).toEqual([]);
  });

  it('is a warning where a match cannot be told: a mark of others, a port that the flow leaves open', () => {
    expect(told(judge('nat', { mark: { mask: 0xff000000, value: 0 }, outgoing: 'eth2' }))).toEqual([
      'warning addressTranslated',
    ]);
    expect(judge('nat', { destinationPort: 0 }).defeated.size).toBe(0);
    expect(told(judge('nat', { destinationPort: 0 }))).toEqual(['warning addressTranslated']);
  });

  it('sees what is sent to the host itself on the receiver’s host only', () => {
    const there = { isReceiver: true, outgoing: null, destinationPort: 7000 };
    expect(told(judge('nat', there))).toEqual(['error addressTranslated']);
    expect(told(judge('nat', { destinationPort: 7000, outgoing: 'eth2' }))).toEqual([]);
  });
});

describe('a flowtable', () => {
  it('takes forwarded flows past the classes, but not what ends on the host or is excepted before', () => {
    expect(told(judge('flowtable'))).toEqual(['error flowtable']);
    expect(told(judge('flowtable', { isSender: true }))).toEqual([]);
    expect(told(judge('flowtable', { destinationPort: 9000 }))).toEqual([]);
    // A device that the flowtable does not name.
    expect(told(judge('flowtable', { outgoing: 'eth7' }))).toEqual(['warning flowtable']);
  });
});

describe('marks of others', () => {
  it('are found in nftables and in policy routing', () => {
    const rules = recorded('nat');
    const ipRules = [{ family: 4, priority: 5210, mark: 0x80000, mask: 0xff0000 }];
    expect(namedBits(rules, [{ family: 4, priority: 1, mark: 0x1, mask: 0xffffffff }])).toBe(0xff0001);
    expect(markFindings(rules, ipRules, 0x00f00000).map(({ object, markBits }) => [object, markBits])).toEqual([
      ['ip rule 5210: fwmark 0x80000/0xff0000', 0xf00000],
      ['nft rule in ip ts post: meta mark & 0xff0000 == 0x40000 masquerade', 0xf00000],
    ]);
    expect(markFindings(rules, ipRules, 0xff000000)).toEqual([]);
  });
});

describe('what is told', () => {
  it('is bounded, whatever the ruleset', () => {
    const table = { table: 'x', family: 'ip' };
    const rule = (i: number): object => ({
      rule: {
        ...{ ...table, chain: 'c' },
        expr: [
          {
            match: {
              op: '==',
              left: { payload: { protocol: 'ip', field: 'saddr' } },
              right: { set: ['10.1.0.2', `10.9.${i % 256}.1`] },
            },
          },
          { match: { op: '==', left: { meta: { key: 'mark' } }, right: i + 1 } },
          { log: { prefix: 'x'.repeat(1_000) } },
          { masquerade: null },
        ],
      },
    });
    const chain = { chain: { ...table, name: 'c', type: 'nat', hook: 'postrouting', prio: 100 } };
    const many = readRuleset([{ nftables: [chain, ...Array.from({ length: 30_000 }, (_, i) => rule(i))] }]);
    expect(many.unread).toHaveLength(1);
    const { findings } = judgeFlows(
      many,
      Array.from({ length: 2_000 }, () => flow()),
    );
    const bounded = boundFindings([...markFindings(many, [], null), ...findings]);
    expect(bounded).toHaveLength(MAX_FINDINGS);
    for (const { object } of bounded) expect(object.length).toBeLessThanOrEqual(MAX_OBJECT);
  });

  it('is nothing of what is not as nft prints it', () => {
    for (const junk of [null, 1, 'x', [], {}, { nftables: [{ rule: { family: 'ip', expr: [{ match: null }, 7] } }] }])
      expect(readRuleset([junk])).toMatchObject({ marks: [], named: 0 });
  });
});
