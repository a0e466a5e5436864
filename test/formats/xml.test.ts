import { describe, expect, test } from 'vitest';
import { parseXml } from '../../src/formats/xml.ts';
import { must } from '../support/network.ts';

describe('parseXml', () => {
  test('elements, attributes, text, CDATA, entities, namespaces', () => {
    const root = must(
      parseXml(
        '\ufeff<?xml version="1.0"?><!-- c --><g:a x="1 &amp; 2" g:y="&#65;"> t<b/>u <![CDATA[&lt;]]>&#x42; </g:a>',
      ),
    );
    expect(root.name).toBe('a');
    expect([...root.attributes]).toEqual([
      ['x', '1 & 2'],
      ['y', 'A'],
    ]);
    expect(root.text).toBe('tu &lt;B');
    expect(root.children.map((c) => c.name)).toEqual(['b']);
  });

  test('a fault of syntax has its place', () => {
    expect(parseXml('<a>\n  <b>\n</a>')).toMatchObject({ ok: false, error: { line: 3, column: 1 } });
  });

  test.each([
    '',
    '   ',
    'plain text',
    '<a>',
    '<a></b>',
    '<a/><b/>',
    '{"nodes":[]}',
    '<a x=1/>',
    '<a>&nope;</a>',
    '<a b="&#0;"/>',
    '\u0000',
  ])('refused: %j', (text) => expect(parseXml(text).ok).toBe(false));

  test('declared entities are not expanded', () => {
    const lines = Array.from({ length: 9 }, (_, i) => `<!ENTITY l${i + 1} "${`&l${i};`.repeat(10)}">`).join('');
    const bomb = `<!DOCTYPE a [<!ENTITY l0 "lol">${lines}]><a>&l9;</a>`;
    expect(parseXml(bomb).ok).toBe(false);
    expect(parseXml('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>').ok).toBe(false);
  });

  test('size and depth are bounded', () => {
    expect(parseXml('<a>xxxxxxxx</a>', 10)).toMatchObject({
      ok: false,
      error: { problem: expect.stringContaining('more than the 10') },
    });
    expect(parseXml('<a>'.repeat(5000) + '</a>'.repeat(5000)).ok).toBe(false);
  });

  test('names of object members are ordinary names', () => {
    const parsed = parseXml('<a><constructor>1</constructor><toString/></a>');
    if (parsed.ok) expect(parsed.value.children.map((c) => c.name)).toEqual(['constructor', 'toString']);
    else expect(parsed.error.problem).not.toBe('');
    parseXml('<a><__proto__ x="1">y</__proto__></a>');
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });
});
