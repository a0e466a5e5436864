import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../../src/core/base/random.ts';
import { chooseMask } from '../../../../src/core/shaping/foreign/choose-mask.ts';
import { markUseOf } from '../../../../src/core/shaping/foreign/mark-use.ts';
import { neighbourLimit, steeringProblem } from '../../../../src/core/shaping/steering.ts';

const MARK = { meta: { key: 'mark' } };
const bits = (...expressions: object[]): number | undefined => markUseOf(expressions, new Map([['mm', 0x30]]))?.bits;
const matched = (left: object, right: unknown): object => ({ match: { op: '==', left, right } });
const set = (key: object, value: unknown): object => ({ mangle: { key, value } });

describe('what a rule names of marks', () => {
  it('is its mask where it has one, else the bits of its values', () => {
    expect(bits(matched({ '&': [MARK, 0xff0000] }, 0x40000))).toBe(0xff0000);
    expect(bits(matched(MARK, 0x40000))).toBe(0x40000);
    expect(bits(matched(MARK, { range: [256, 300] }))).toBe(0x1ff);
    expect(bits(matched(MARK, { set: [1, 4, { elem: { val: 8 } }] }))).toBe(13);
    expect(bits(matched(MARK, '@mm'))).toBe(0x30);
    expect(bits({ vmap: { key: MARK, data: { set: [[1, { accept: null }]] } } })).toBe(1);
  });

  it('is what it writes, as nft prints it', () => {
    expect(bits(set(MARK, { '|': [{ '&': [MARK, 0xff00ffff] }, 0x40000] }))).toBe(0xff0000);
    expect(bits(set(MARK, { '^': [MARK, 0x3] }))).toBe(3);
    expect(markUseOf([set(MARK, 0x80000)], new Map())).toEqual({ bits: 0x80000, overwrites: true });
    expect(markUseOf([set(MARK, { ct: { key: 'mark' } })], new Map())).toEqual({ bits: 0, overwrites: true });
    expect(bits(set({ ct: { key: 'mark' } }, { '&': [MARK, 0xff0000] }))).toBe(0xff0000);
    expect(bits(set(MARK, { map: { key: 'x', data: '@mm' } }))).toBe(0x30);
  });

  it('is nothing in rules about something else', () => {
    expect(
      bits(matched({ payload: { protocol: 'ip', field: 'saddr' } }, '10.0.0.1'), { accept: null }),
    ).toBeUndefined();
  });
});

describe('the bits that are chosen', () => {
  it('are the usual ones while nobody names them', () => {
    expect(chooseMask(0xff)).toBe(0x00ff0000);
  });

  it('are never named by others, are contiguous, and as many as there are up to eight', () => {
    const random = seededRandom(11);
    for (let round = 0; round < 5_000; round++) {
      const density = random();
      let named = 0;
      for (let bit = 0; bit < 32; bit++) if (random() < density) named = (named | (1 << bit)) >>> 0;
      const mask = chooseMask(named);
      if (mask === null) {
        expect(named).toBe(0xffffffff);
        continue;
      }
      expect((mask & named) >>> 0).toBe(0);
      expect(steeringProblem({ mask, firstTable: 42_000 })).toBeNull();
      const longest = Math.max(
        ...(~named >>> 0)
          .toString(2)
          .split('0')
          .map((run) => run.length),
      );
      expect(neighbourLimit({ mask, firstTable: 42_000 })).toBe(2 ** Math.min(8, longest) - 1);
    }
  });
});
