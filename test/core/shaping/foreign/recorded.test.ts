import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { judgeFlows, judging } from '../../../../src/core/shaping/foreign/judge.ts';
import type { JudgedFlow } from '../../../../src/core/shaping/foreign/match.ts';
import { readRuleset, type ForeignRuleset } from '../../../../src/core/shaping/foreign/ruleset.ts';
import { ip } from '../../../support/network.ts';

/** As `nft -n -j list table` of 1.0.6 printed it; what flowtables add, which the recording kernel lacked, as its manual has it. */
const recorded = (name: string): ForeignRuleset =>
  readRuleset([JSON.parse(readFileSync(join('test/fixtures/nft', `${name}.json`), 'utf8'))]);

const flow = (more: Partial<JudgedFlow> = {}): JudgedFlow => ({
  ...{ source: ip('10.1.0.2'), sourcePort: 5004, destination: ip('10.2.0.2'), destinationPort: 5050, protocol: 17 },
  ...{ outgoing: 'eth0', isSender: false, isReceiver: false, isOwnAddress: false },
  mark: { mask: 0xff0000, value: 0 },
  ...more,
});

describe('marks as nft prints them', () => {
  const { marks, named } = recorded('marks');
  const bitsOf = (text: string): number | undefined => marks.find(({ object }) => object.includes(text))?.bits;

  it('are named by masks, values, sets, maps, ranges, prefixes, and by what is drawn', () => {
    expect(bitsOf('@sm')).toBe(0xc00);
    expect(bitsOf('@mm')).toBe(0x30);
    expect(bitsOf('vmap')).toBe(0x4fff);
    expect(bitsOf('numgen')).toBe(0x1f);
    expect(bitsOf('jhash')).toBe(0x7);
    expect(bitsOf('socket')).toBe(0x2000);
    expect(named).toBe(0x8000ffff);
  });

  it('are told as hidden where only iptables knows them', () => {
    const rule = (name: string) => ({
      rule: {
        ...{ family: 'ip', table: 'mangle', chain: 'PREROUTING', handle: 3 },
        expr: [{ xt: { type: 'target', name } }],
      },
    });
    const { unread } = readRuleset([{ nftables: [rule('MARK'), rule('CONNMARK'), rule('LOG')] }]);
    expect(unread).toEqual(['2 rules of iptables use packet marks whose bits nftables does not show']);
  });
});

describe('translations as nft prints them', () => {
  const judged = (more: Partial<JudgedFlow>) => judgeFlows(recorded('translations'), [flow(more)]);
  const why = (more: Partial<JudgedFlow>): string | undefined => judged(more).defeated.get(0);

  it('defeat what their addresses, ports, protocols and interfaces match, the first rule that does', () => {
    expect(why({})).toMatch(/translated: nft rule in ip nat post: ip saddr == @hosts .* snat to 192\.0\.2\.1$/);
    expect(why({ source: ip('10.9.0.3') })).toMatch(/@hosts/);
    expect(why({ source: ip('10.5.0.9') })).toMatch(/10\.5\.0\.0\/24 oifname == eth\* masquerade/);
    expect(why({ isSender: true, isOwnAddress: true })).toMatch(/snat to 192\.0\.2\.1/);
  });

  it('leave alone what an earlier rule accepts, what leaves elsewhere and what only ends here', () => {
    for (const more of [
      { outgoing: 'eth1' },
      { source: ip('10.9.0.6'), destination: ip('10.8.0.1'), outgoing: 'eth1' },
      { isReceiver: true, outgoing: null },
    ])
      expect(judged(more)).toEqual({ findings: [], defeated: new Map() });
  });

  it('are warnings where a match cannot be told, and defeat nothing', () => {
    const { findings, defeated } = judged({ source: ip('10.7.0.1'), protocol: 6, destinationPort: 80 });
    expect(defeated.size).toBe(0);
    expect(new Set(findings.map(({ severity }) => severity))).toEqual(new Set(['warning']));
    expect(findings.map(({ object }) => object).join()).toMatch(/dnat to 10\.3\.0\.1/);
  });
});

describe('a flowtable', () => {
  const why = (more: Partial<JudgedFlow>): string | undefined =>
    judgeFlows(recorded('offload'), [flow(more)]).defeated.get(0);

  it('defeats forwarded flows that leave by a device of it', () => {
    expect(why({})).toMatch(
      /a flowtable takes the flow past classifier and marks: nft rule in inet fw forward: .*flow add/,
    );
  });

  it('leaves alone flows of its host, and those that are accepted before', () => {
    expect(why({ isSender: true })).toBeUndefined();
    expect(why({ isReceiver: true, outgoing: null })).toBeUndefined();
    expect(why({ destinationPort: 5005 })).toBeUndefined();
  });

  it('is a warning where the flow leaves by another device', () => {
    const { findings, defeated } = judgeFlows(recorded('offload'), [flow({ outgoing: 'eth7' })]);
    expect(defeated.size).toBe(0);
    expect(findings).toMatchObject([{ code: 'flowtable', severity: 'warning' }]);
  });
});

describe('rulesets that nobody printed', () => {
  it('are judged without an exception, whatever stands where', () => {
    const odd: readonly unknown[] = [
      null,
      7,
      'x',
      [],
      {},
      { set: 3 },
      { '&': [] },
      { prefix: { addr: 1 } },
      { range: [2] },
    ];
    for (const left of odd)
      for (const right of odd) {
        const expr = [
          { match: { op: '==', left: left === 7 ? { meta: { key: 'mark' } } : left, right } },
          { mangle: { key: { meta: { key: 'mark' } }, value: right } },
          { vmap: { key: { meta: { key: 'mark' } }, data: right } },
          { flow: right },
          { masquerade: left },
        ];
        const chain = { family: 'ip', table: 't', name: 'c', type: 'nat', hook: 'postrouting', prio: right };
        const rule = { family: 'ip', table: 't', chain: 'c', expr };
        const rules = readRuleset([
          { nftables: [{ chain }, { rule }, { set: right }, { flowtable: left }, left] },
          right,
        ]);
        expect(() => judgeFlows(rules, [flow()])).not.toThrow();
      }
  });

  it('are judged in slices where there is much of them', () => {
    const isTcp = { match: { op: '==', left: { meta: { key: 'l4proto' } }, right: 6 } };
    const never = { rule: { family: 'ip', table: 't', chain: 'c', expr: [isTcp, { masquerade: null }] } };
    const chain = { chain: { family: 'ip', table: 't', name: 'c', type: 'nat', hook: 'postrouting', prio: 100 } };
    const rules = readRuleset([{ nftables: [chain, ...Array.from({ length: 100 }, () => never)] }]);
    const work = judging(
      rules,
      Array.from({ length: 1_000 }, () => flow()),
    );
    let slices = 0;
    while (!work.next().done) slices++;
    expect(slices).toBeGreaterThanOrEqual(15);
  });

  it('are uncertain behind a chain that was too long to be kept', () => {
    const chain = (name: string, more = {}) => ({ chain: { family: 'ip', table: 't', name, ...more } });
    const rule = (from: string, ...expr: object[]) => ({ rule: { family: 'ip', table: 't', chain: from, expr } });
    const rules = readRuleset([
      {
        nftables: [
          chain('a', { type: 'nat', hook: 'postrouting', prio: 100 }),
          chain('long'),
          ...[rule('a', { jump: { target: 'long' } }), rule('a', { masquerade: null })],
          ...Array.from({ length: 5_000 }, () => rule('long', { accept: null })),
        ],
      },
    ]);
    const { findings, defeated } = judgeFlows(rules, [flow()]);
    expect(rules.unread).toEqual([expect.stringMatching(/chain ip t long is not judged/)]);
    expect([defeated.size, findings.map(({ severity }) => severity)]).toEqual([0, ['warning']]);
  });

  it('end where chains lead to each other in a circle', () => {
    const chain = (name: string, more = {}) => ({ chain: { family: 'ip', table: 't', name, ...more } });
    const jump = (from: string, target: string) => ({
      rule: { family: 'ip', table: 't', chain: from, expr: [{ jump: { target } }] },
    });
    const rules = readRuleset([
      {
        nftables: [
          chain('a', { type: 'nat', hook: 'postrouting', prio: 100 }),
          chain('b'),
          ...[jump('a', 'b'), jump('b', 'a'), jump('b', 'a')],
        ],
      },
    ]);
    expect(judgeFlows(rules, [flow()]).defeated.size).toBe(0);
  });
});
