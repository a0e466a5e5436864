import { describe, expect, it } from 'vitest';
import { elementKey } from '../../../src/core/shaping/filter.ts';
import { applyNft, parseNft, planFilter, renderNft, type WantedFilter } from '../../../src/core/shaping/nft.ts';
import { absentFilter } from '../../../src/core/shaping/observed.ts';
import { ip } from '../../support/network.ts';

const wanted = (change: Partial<WantedFilter> = {}): WantedFilter => ({
  interfaces: new Set(['eth1']),
  elements: new Map([['v4_to|17 . 10.0.0.1', 16]]),
  rules: ['v4_to'],
  guard: false,
  ...change,
});

describe('the classifier', () => {
  it('is one transaction, removals before additions of the same key', () => {
    let observed = absentFilter();
    for (const step of planFilter(wanted(), observed)) observed = applyNft(observed, step);
    const next = wanted({ elements: new Map([['v4_to|17 . 10.0.0.1', 17]]), guard: true });
    expect(renderNft(planFilter(next, observed))).toBe(`delete element inet headroom v4_to { 17 . 10.0.0.1 }
add element inet headroom v4_to { 17 . 10.0.0.1 : fff0:11 }
add chain inet headroom guard { type filter hook forward priority raw; policy accept; }
add rule inet headroom guard meta l4proto 46 ip option ra exists drop
`);
  });

  it('looks only at what it was told to', () => {
    let observed = absentFilter();
    for (const step of planFilter(wanted(), observed)) observed = applyNft(observed, step);
    const next = wanted({ elements: new Map() });
    expect(planFilter(next, observed, [])).toEqual([]);
    expect(planFilter(next, observed)).toEqual([{ op: 'deleteElement', key: 'v4_to|17 . 10.0.0.1' }]);
  });

  it.each([
    ['no chain', '{"nftables":[{"table":{"family":"inet","name":"headroom"}}]}'],
    ['nothing', '{}'],
    [
      'another hook',
      '{"nftables":[{"chain":{"name":"classify","hook":"output","prio":-150,"policy":"accept"}},{"set":{"name":"interfaces","type":"ifname"}}]}',
    ],
    ['a strange element', '{"nftables":[{"map":{"name":"v4_to","type":[],"map":"classid","elem":[["x","1:2"]]}}]}'],
  ])('that is not as ours is made is rebuilt: %s', (_, json) => {
    const seen = parseNft(json);
    expect(seen.sound).toBe(false);
    expect(planFilter(wanted(), seen)).toMatchObject([{ op: 'rebuild', replace: true }]);
  });

  const filter = {
    protocol: 17,
    source: ip('10.0.0.1'),
    sourcePort: 1,
    destination: ip('10.0.0.2'),
    destinationPort: 2,
  };
  it.each([
    [{}, 'v4_full|17 . 10.0.0.1 . 1 . 10.0.0.2 . 2'],
    [{ sourcePort: null }, 'v4_from_to_port|17 . 10.0.0.1 . 10.0.0.2 . 2'],
    [{ sourcePort: null, source: null }, 'v4_to_port|17 . 10.0.0.2 . 2'],
    [{ protocol: 0 }, 'protocol 0 is outside 1 … 255'],
    [{ protocol: 1 }, 'sourcePort 1 is given for protocol 1, which has no ports'],
    [{ destinationPort: 70_000 }, 'destinationPort 70000 is outside 1 … 65535'],
    [{ source: null }, 'sourcePort 1 without source'],
    [{ destinationPort: null }, 'sourcePort 1 without destinationPort'],
    [{ source: ip('::1') }, 'source ::1 and destination 10.0.0.2 are of different families'],
    [{ destination: '10.0.0.2 } ; flush ruleset' as never }, /is not a canonical IP address/],
  ])('finds the element of a filter, or says why there is none: %j', (change, expected) => {
    const key = elementKey({ ...filter, ...change });
    expect(key.ok ? key.value : key.error).toMatch(
      expected instanceof RegExp ? expected : new RegExp(`^${expected.replace(/[|.]/g, '\\$&')}$`),
    );
  });
});
