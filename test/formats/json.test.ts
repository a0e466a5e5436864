import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseJson } from '../../src/formats/json.ts';

describe('parseJson', () => {
  test('gives what JSON.parse gives', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), (text) => {
        expect(parseJson(text)).toEqual({ ok: true, value: JSON.parse(text) as unknown });
      }),
    );
  });

  test.each([
    ['{"a":1,\n "a":2}', { line: 2, column: 2, problem: 'the key "a" is given twice' }],
    ['{"a":1,"\\u0061":2}', { line: 1, column: 8, problem: 'the key "a" is given twice' }],
    ['[{"x":{"b":1,"b" :2}}]', { line: 1, column: 14, problem: 'the key "b" is given twice' }],
  ])('a key given twice: %s', (text, error) => expect(parseJson(text)).toEqual({ ok: false, error }));

  test('the same key in other objects, and as a value, is fine', () => {
    expect(parseJson('{"a":{"a":"a"},"b":[{"a":1},{"a":":\\""}]}').ok).toBe(true);
  });

  test('faults, depth and size are refused', () => {
    expect(parseJson('{').ok).toBe(false);
    expect(parseJson('['.repeat(65) + ']'.repeat(65))).toMatchObject({ ok: false, error: { line: 1, column: 65 } });
    expect(parseJson('[1,2]', 4).ok).toBe(false);
  });
});
