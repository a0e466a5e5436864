import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { judgeFilters } from '../../../src/agent/doctor/filters.ts';

const recorded = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../fixtures/nft/${name}.json`, import.meta.url), 'utf8'));
const found = (nft: unknown, rules: unknown = [], mask = 0xff0000) =>
  Object.fromEntries(judgeFilters(nft, rules, mask).map((finding) => [finding.check, finding]));

describe('judgeFilters', () => {
  it('has nothing to say of an empty host, nor of our own tables', () => {
    expect(judgeFilters({ nftables: [] }, [], 0xff0000).every(({ severity }) => severity === 'ok')).toBe(true);
    const chain = { family: 'inet', table: 'headroom', name: 'guard', hook: 'prerouting', policy: 'drop' };
    expect(found({ nftables: [{ chain }] })['firewall']).toMatchObject({ severity: 'ok' });
  });

  it('names who shares our bits, with bits that are free, and who translates', () => {
    const { marks, nat } = found(recorded('host-firewall'));
    expect(marks).toMatchObject({
      severity: 'warning',
      what: expect.stringContaining(
        'nft rule in ip ts post: meta mark & 0xff0000 == 0x40000 masquerade (0xff0000)',
      ) as string,
      mend: expect.stringContaining('0xff000000') as string,
    });
    expect(nat).toMatchObject({ severity: 'warning', what: expect.stringContaining('ip ts post') as string });
  });

  it('gives the rule that lets RSVP in', () => {
    const chain = {
      family: 'inet',
      table: 'fw',
      name: 'input',
      type: 'filter',
      hook: 'input',
      prio: 0,
      policy: 'drop',
    };
    expect(found({ nftables: [{ chain }] })['firewall']).toMatchObject({
      severity: 'error',
      what: 'the policy of table inet fw, chain input drops RSVP (IP protocol 46)',
      mend: 'nft insert rule inet fw input ip protocol 46 accept',
    });
  });

  it('says that a flowtable takes packets past the classes', () => {
    const flowtable = {
      family: 'inet',
      name: 'f',
      table: 'router',
      handle: 3,
      hook: 'ingress',
      prio: 0,
      dev: ['eth0', 'eth1'],
    };
    expect(found({ nftables: [{ flowtable }] })['flowtables']).toMatchObject({
      severity: 'error',
      what: expect.stringContaining('inet router f') as string,
    });
  });
});
