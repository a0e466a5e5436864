import { describe, expect, test } from 'vitest';
import { syntaxProblemText } from '../../src/formats/syntax-problem.ts';
import { parseYaml } from '../../src/formats/yaml.ts';
import { must } from '../support/network.ts';

describe('parseYaml', () => {
  test('YAML and JSON', () => {
    expect(must(parseYaml('nodes:\n  - name: r1\n    ok: true\n    n: 12\n    z: null\n'))).toEqual({
      nodes: [{ name: 'r1', ok: true, n: 12, z: null }],
    });
    expect(must(parseYaml('{"nodes": [], "x": 1e3}'))).toEqual({ nodes: [], x: 1000 });
  });

  test('words are not turned into booleans or dates', () => {
    expect(must(parseYaml('a: no\nb: 2026-11-22\n'))).toEqual({ a: 'no', b: '2026-11-22' });
  });

  test('aliases work, but do not multiply', () => {
    expect(must(parseYaml('a: &x [1]\nb: *x\n'))).toEqual({ a: [1], b: [1] });
    const levels = Array.from({ length: 9 }, (_, i) => `l${i + 1}: &l${i + 1} [${Array(9).fill(`*l${i}`).join(', ')}]`);
    expect(parseYaml(`l0: &l0 [x]\n${levels.join('\n')}\n`).ok).toBe(false);
  });

  test('a key given twice is refused at its place, in YAML and in JSON', () => {
    expect(parseYaml('a: 1\nb: 2\na: 3\n')).toMatchObject({ ok: false, error: { line: 3, column: 1 } });
    expect(parseYaml('{"a": 1, "a": 2}')).toMatchObject({ ok: false, error: { line: 1 } });
  });

  test.each(['a: [1', 'a: b: c', '\tx: 1', '--- 1\n--- 2\n', 'a: !!js/function x', 'a: *nowhere'])(
    'refused: %j',
    (text) => {
      const parsed = parseYaml(text);
      expect(parsed.ok).toBe(false);
      if (!parsed.ok) expect(syntaxProblemText(parsed.error)).not.toBe('');
    },
  );

  test('depth and size are bounded', () => {
    for (const part of ['[', '{a: ', '- ', '? ', '[a, ']) {
      expect(parseYaml(part.repeat(100_000))).toMatchObject({ ok: false, error: { line: 1 } });
    }
    expect(parseYaml('- x\n'.repeat(600_000))).toMatchObject({
      ok: false,
      error: { problem: expect.stringContaining('parts') },
    });
    expect(parseYaml('a: 1', 3)).toMatchObject({
      ok: false,
      error: { problem: expect.stringContaining('more than the 3') },
    });
  });

  test('sixty levels are not deep', () => {
    expect(parseYaml('['.repeat(60) + ']'.repeat(60)).ok).toBe(true);
    expect(parseYaml(Array.from({ length: 60 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')).ok).toBe(true);
  });

  test('flow style that is no JSON is YAML', () => {
    expect(must(parseYaml('{a: [1, two], }'))).toEqual({ a: [1, 'two'] });
  });

  test('__proto__ is a key like any other', () => {
    parseYaml('__proto__: {polluted: 1}');
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});
