import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatPrefix, ipFromBytes, parsePrefix, prefixContains } from '../../../src/core/base/ip.ts';
import { networkOf, PrefixTable } from '../../../src/core/base/prefix-table.ts';
import { ip, must } from '../../support/network.ts';

const prefix = (text: string) => must(parsePrefix(text));

test.each([
  ['10.1.0.2/24', '10.1.0.0/24'],
  ['10.1.255.2/15', '10.0.0.0/15'],
  ['10.1.0.2/0', '0.0.0.0/0'],
  ['10.1.0.2/32', '10.1.0.2/32'],
  ['2001:db8::ffff/113', '2001:db8::8000/113'],
])('the network of %s is %s', (text, network) => expect(formatPrefix(networkOf(prefix(text)))).toBe(network));

test('families are apart: ::/0 does not match IPv4', () => {
  const table = new PrefixTable<string>();
  table.set(prefix('::/0'), 'six');
  expect(table.longestMatch(ip('10.0.0.1'))).toBeUndefined();
  expect(table.longestMatch(ip('2001:db8::1'))).toBe('six');
});

test('longest match is that of a linear search', () => {
  // Few distinct bytes, so that prefixes nest.
  const address = fc
    .tuple(...Array.from({ length: 4 }, () => fc.constantFrom(0, 10, 128, 255)))
    .map((b) => ipFromBytes(Uint8Array.from(b)));
  const prefixes = fc.array(fc.record({ address, length: fc.integer({ min: 0, max: 32 }) }), { maxLength: 20 });
  fc.assert(
    fc.property(prefixes, fc.array(address, { minLength: 1, maxLength: 20 }), (list, lookups) => {
      const table = new PrefixTable<string>();
      for (const p of list) table.set(p, formatPrefix(networkOf(p)));
      for (const lookup of lookups) {
        const best = list.filter((p) => prefixContains(p, lookup)).sort((a, b) => b.length - a.length)[0];
        expect(table.longestMatch(lookup)).toBe(best && formatPrefix(networkOf(best)));
      }
    }),
  );
});
